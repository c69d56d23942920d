"""What a recording's tables and playlists say: VOD time, numbers, gaps, pictures, and how far back a viewer may go."""

from itertools import pairwise

import hls_playlist as hls
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_channel import Channel, dummy

from processors.vod.documents import playlists, timeline
from processors.vod.pictures import INTERVAL_S, shots, sprite_index
from processors.vod.recording import Recorder, Recording
from schemas.events import RenditionDeclared, SegmentProduced
from sinks.origin.rewind import REACH_US, Past

URL = "http://origin/vod/v/source/index.m3u8"
steps = st.lists(
    st.one_of(st.tuples(st.integers(45, 72), st.sampled_from([(), (), ("480p30",)])), st.just("interrupt")), min_size=1, max_size=12
)


def recording_of(plan: list[object]) -> Recording | None:
    channel = Channel([dummy(name) for name in ("source", "480p30", "audio")], session_id="s1", first=100)
    recorder = Recorder("42", "s1")
    for step in plan:
        if step == "interrupt":
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
        assert all(step == "interrupt" for step in plan)
        return
    documents = playlists(recording)
    lengths = []
    for track in recording.tracks:
        text = documents[f"{track.rendition}/index.m3u8"].decode()
        found = hls.media(text, URL)
        assert text.endswith("#EXT-X-ENDLIST\n")
        assert "#EXT-X-PLAYLIST-TYPE:VOD" in text
        assert text.count("#EXTINF") == recording.last - recording.first + 1
        assert text.count("#EXT-X-GAP") == recording.last - recording.first + 1 - len(track.pieces)
        assert max(segment.duration for segment in found.segments) <= found.target + 0.5
        for piece in track.pieces:
            assert f"\n{recording.number(piece):05d}.m4s\n" in text
        lengths.append([line for line in text.splitlines() if line.startswith("#EXTINF")])
        if track.kind == "video":
            assert documents[f"{track.rendition}/iframes.m3u8"].count(b"#EXT-X-BYTERANGE") == sum(
                bool(piece.key_frame_bytes) for piece in track.pieces
            )
    assert all(len(each) == len(lengths[0]) for each in lengths)
    assert timeline(recording)[0]["at_ms"] == 0
    assert len(timeline(recording)) == len({piece.discontinuity for piece in recording.lead})


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
def test_of_three_hours_live_the_last_two_can_be_gone_back_to() -> None:
    past = Past("42", "s1")
    for event in session(seconds=3 * 3_600):
        past.add(event)
    [listing] = past.listings
    newest = listing.segments[-1].began_us
    reach = [newest - segment.began_us for segment in listing.segments]
    assert max(reach) <= REACH_US
    assert any(abs(back - (REACH_US - 60_000_000)) < 2_000_000 for back in reach), "1:59 h ago"
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
