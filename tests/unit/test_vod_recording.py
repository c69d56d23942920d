"""What a recording's tables and playlists say: VOD time, numbers, gaps, pictures, and how far back a viewer may go."""

from itertools import pairwise

import hls_playlist as hls
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_channel import Channel, dummy
from msgspec.structs import replace

from processors.vod.documents import Table, playlists, read_table, timeline
from processors.vod.pictures import INTERVAL_S, shots, sprite_index
from processors.vod.recording import Recorder, Recording, archived, in_folders
from schemas.events import RenditionDeclared, SegmentProduced
from sinks.archive.config import ArchiveConfig
from sinks.origin.rewind import Past

URL = "http://origin/vod/v/source/index.m3u8"
steps = st.lists(
    st.one_of(st.tuples(st.integers(45, 72), st.sampled_from([(), (), ("480p30",)])), st.just("interrupt"), st.just("lose")),
    min_size=1,
    max_size=12,
)


def recording_of(plan: list[object]) -> Recording | None:
    channel = Channel([dummy(name) for name in ("source", "480p30", "audio")], session_id="s1", first=100)
    recorder = Recorder("42", "s1")
    for step in plan:
        if step == "interrupt":
            channel.interrupt(3)
        elif step == "lose":  # nobody has the segment with which the publisher's connection ended
            list(channel.segment(60))
            channel.interrupt(3)
        else:
            frames, without = step  # type: ignore[misc]
            for made in channel.segment(frames, without=without):
                recorder.add(made.event)
                recorder.add(made.event)
    return recorder.recording()


@given(steps)
@pytest.mark.row("V2", "V7", "V8")
def test_whatever_a_session_went_through_its_playlists_have_one_number_for_one_time(plan: list[object]) -> None:
    recording = recording_of(plan)
    if recording is None:
        assert {"interrupt", "lose"} >= set(plan)
        return
    documents = playlists(recording)
    lengths = []
    for track in recording.tracks:
        text = documents[f"{track.folder}/index.m3u8"].decode()
        found = hls.media(text, URL)
        assert text.endswith("#EXT-X-ENDLIST\n")
        assert "#EXT-X-PLAYLIST-TYPE:VOD" in text
        assert text.count("#EXTINF") == len(recording.lead)
        assert text.count("#EXT-X-GAP") == len(recording.lead) - len(track.pieces)
        if track.rendition == "source":
            assert found.end == pytest.approx(recording.seconds, abs=0.001 * len(recording.lead))
        assert max(segment.duration for segment in found.segments) <= found.target + 0.5
        for piece in track.pieces:
            assert f"\n{recording.number(piece):05d}.m4s\n" in text
        lengths.append([line for line in text.splitlines() if line.startswith("#EXTINF")])
        if track.kind == "video":
            assert documents[f"{track.folder}/iframes.m3u8"].count(b"#EXT-X-BYTERANGE") == sum(
                bool(piece.key_frame_bytes) for piece in track.pieces
            )
    assert all(len(each) == len(lengths[0]) for each in lengths)
    assert timeline(recording)[0]["at_ms"] == 0
    assert len(timeline(recording)) == len({piece.discontinuity for piece in recording.lead})


@pytest.mark.row("V2")
def test_the_source_lies_in_a_folder_named_by_its_size_unless_a_rendition_has_that_name() -> None:
    named = {}
    for size, rate in (((1_920, 1_080), 59.94), ((720, 1_280), 30.0), ((852, 480), 29.97), ((0, 0), 0.0)):
        recorder = Recorder("42", "s1")
        for event in session(seconds=4):
            recorder.add(replace(event, width=size[0], height=size[1], frame_rate=rate) if isinstance(event, RenditionDeclared) else event)
            recorder.add(replace(event, rendition="480p30"))
        found = recorder.recording()
        assert found is not None
        named[size] = found.tracks[0].folder
        assert list(playlists(found))[:2] == ["manifest.m3u8", f"{found.tracks[0].folder}/index.m3u8"]
        assert {address for address, *_ in archived(found, "v")} == {
            f"42/v/{folder}/{name}" for folder in (named[size], "480p30") for name in ("init-0.mp4", "00001.m4s", "00002.m4s")
        }
    assert named == {(1_920, 1_080): "1080p60", (720, 1_280): "720p30", (852, 480): "source", (0, 0): "source"}


@pytest.mark.row("V2")
def test_a_table_of_a_vod_archived_before_folders_had_sizes_reads_and_writes_as_it_was() -> None:
    recording = recording_of([(60, ())])
    assert recording is not None
    former = Table(in_folders(recording, "source"), ())
    text = msgspec.json.encode(former)
    assert b"named" not in text
    assert read_table(text) == former
    assert [track.folder for track in read_table(text).recording.tracks] == ["source", "480p30", "audio"]


@pytest.mark.row("V9", "V12")
def test_an_hour_has_360_tiles_and_each_time_leads_to_the_picture_before_it() -> None:
    recorder = Recorder("42", "s1")
    for event in session(seconds=3_600):
        recorder.add(event)
    recording = recorder.recording()
    assert recording is not None
    found = list(shots(recording))
    assert len(found) == 3_600 / INTERVAL_S
    assert {after.at - before.at for before, after in pairwise(found)} == {INTERVAL_S}
    lines = sprite_index(found, recording.seconds).split("\n\n")
    assert len(lines) == 361
    assert lines[1 + 61] == "00:10:10.000 --> 00:10:20.000\nsprites-2.jpg#xywh=160,0,160,90"
    assert lines[360].startswith("00:59:50.000 --> 01:00:00.000")


@pytest.mark.row("V11", "E8")
def test_of_three_hours_live_1_59_can_be_gone_back_to_and_what_is_listed_is_there_for_a_minute_more() -> None:
    past = Past("42", "s1")
    for event in session(seconds=3 * 3_600):
        past.add(event)
    [listing] = past.listings
    newest = listing.segments[-1].began_us
    reach = [newest - segment.began_us for segment in listing.segments]
    assert 7_138_000_000 <= max(reach) <= 7_140_000_000, "1:59 h, by segments of two seconds"
    assert ArchiveConfig().live_us - max(reach) >= 60_000_000, "the archivist takes its live name away a minute later at the earliest"
    assert all(segment.address.startswith("42/s1/source/") for segment in listing.segments)


def session(seconds: int) -> list[RenditionDeclared | SegmentProduced]:
    """The source of a session with segments of two seconds."""
    declared = RenditionDeclared(
        channel_id="42", session_id="s1", rendition="source", kind="video", codecs="avc1.42C01E", part_target_us=200_000,
        segment_target_us=2_000_000, timescale=90_000, discontinuity_sequence=0, address="42/s1/source/init-0.mp4", size=1, sha256="0",
    )  # fmt: skip
    segments = [
        SegmentProduced(
            channel_id="42", session_id="s1", rendition="source", media_sequence=1_000 + number, parts=10, decode_time=180_000 * number,
            duration=180_000, timescale=90_000, programme_date_time=1_767_225_600_000_000 + 2_000_000 * number, independent=True,
            discontinuity_sequence=0, key_frame_bytes=100, address=f"42/s1/source/{1_000 + number}.m4s", size=1_000, sha256="0",
            received_at=0, stored_at=0,
        )
        for number in range(seconds // 2)
    ]  # fmt: skip
    return [declared, *segments]
