"""The playlist view in the cases that players stumble over."""

import itertools
import re
from xml.etree import ElementTree

import hls_playlist as hls
import pytest
from folding import folded
from live_channel import GOP, PART, Channel, dummy
from msgspec.structs import replace

from processors.playlist import BROADCAST, PLAYLIST
from processors.playlist.broadcast import BROADCASTS, NEWEST
from processors.playlist.classic import classic_master, classic_playlist
from processors.playlist.dash import manifest
from processors.playlist.fold import LAG, LIVE_WINDOW, PlaylistFold
from processors.playlist.hls import Shape, media_playlist
from processors.playlist.iframes import iframe_playlist
from processors.playlist.master import master_playlist
from processors.playlist.state import DECLARED
from processors.playlist.window import Window
from processors.vod.pictures import shots
from processors.vod.recording import Recorder
from schemas.events import SegmentProduced, StreamInterrupted, StreamResumed, StreamUpdated

URL = "http://origin/live/ana/x.m3u8"
PARTS = GOP // PART


def channel(*names: str) -> Channel:
    return Channel([dummy(name) for name in names or ("source", "480p30", "audio")], session_id="s1", first=100)


def window(made: object, fold: PlaylistFold = PLAYLIST) -> Window:
    return Window(folded(fold, (one.event for one in made)), "42", fold.window)  # type: ignore[attr-defined]


def read(view: Window, name: str, shape: Shape = Shape()) -> hls.Media:  # noqa: B008
    listing = view.listing(name)
    assert listing is not None
    return hls.media(media_playlist(view, listing, shape, over=False), URL)


@pytest.mark.row("T19")
def test_the_hole_of_a_restarted_encoder_is_a_gap_of_the_others_length() -> None:
    live = channel()
    made = [*live.segments(3), *live.segment(48, without=("480p30",)), *live.segments(2)]
    found = read(window(made), "480p30")
    assert [(s.sequence, s.gap, s.duration) for s in found.segments[2:5]] == [(102, False, 2.0), (103, True, 1.6), (104, False, 2.0)]
    assert not any(s.gap for s in read(window(made), "source").segments)


def test_a_gap_over_a_reconnect_keeps_the_discontinuity_sequence_of_the_others() -> None:
    live = channel()
    made = [*live.segments(3)]
    live.interrupt(4)
    made += [*live.segment(without=("480p30",)), *live.segments(2)]
    for name in ("source", "480p30", "audio"):
        found = read(window(made), name)
        assert [(s.sequence, s.discontinuity) for s in found.segments] == [(100, 0), (101, 0), (102, 0), (103, 1), (104, 1), (105, 1)]
        assert found.segments[3].gap == (name == "480p30")
        assert found.segments[4].map == f"http://origin/media/42/s1/{name}/init-1.mp4"


@pytest.mark.row("T14")
def test_a_stopped_rendition_leaves_the_master_and_its_playlist_goes_on_with_gaps() -> None:
    live = channel()
    made = [*live.segments(4)]
    for _ in range(LAG):
        made += live.segment(without=("480p30",))
    assert "480p30.m3u8" in master_playlist(window(made), parts=True)
    made += live.segment(without=("480p30",))
    view = window(made)
    assert "480p30" not in master_playlist(view, parts=True)
    found = read(view, "480p30")
    assert [(s.sequence, s.gap) for s in found.segments[-2:]] == [(103, False), (104, True)]
    assert found.hint is None
    assert {report["URI"].rpartition("/")[2] for report in read(view, "source").reports} == {"audio.m3u8"}
    for _ in range(LIVE_WINDOW + LAG):
        made += live.segment(without=("480p30",))
    assert window(made).listing("480p30") is None


@pytest.mark.row("T14")
def test_a_rendition_that_is_leaving_is_in_no_master_and_its_playlist_grows_until_it_stops_or_stays() -> None:
    live = channel()
    made, segment = [*live.segments(3)], [*live.segment()]
    made += [*segment[:4], *live.leave("480p30")]
    assert names(window(made)) == {"source", "audio"}, "at once, amid a segment"
    made += [*segment[4:], *live.segments(2)]
    view = window(made)
    assert names(view) == {"source", "audio"}
    assert {report["URI"].rpartition("/")[2] for report in read(view, "source").reports} == {"audio.m3u8"}
    found = read(view, "480p30")
    assert [s.sequence for s in found.segments] == [100, 101, 102, 103, 104, 105]
    assert found.hint is not None
    for name in ("480p30", "source"):
        assert read(view, name).control["PART-HOLD-BACK"] == "1.00000", "whoever is still on it is to switch: that takes five parts"
    live.interrupt(4)
    made += live.segments(2)
    assert names(window(made)) == {"source", "audio"}, "over a reconnect too"
    assert names(window([*made, *live.leave()])) == {"source", "480p30", "audio"}
    for _ in range(LAG + 1):
        made += live.segment(without=("480p30",))
    assert read(window(made), "480p30").segments[-1].gap


def names(view: Window) -> set[str]:
    """What the masters list, which is the same; the manifest, from which players read segments too, lists all."""
    low, normal = (hls.master(master_playlist(view, parts=parts), URL) for parts in (True, False))
    found = [{uri.rpartition("/")[2].partition(".")[0] for _, uri in master.variants} for master in (low, normal)]
    classic = set(re.findall(r"^(\w+)/ts\.m3u8$", classic_master(view), re.MULTILINE)) | {"audio"}
    dash = set(re.findall(r'Representation id="(\w+)"', manifest(view, "/time", over=False) or ""))
    assert found == [classic, classic]
    assert dash == {"source", "480p30", "audio"}
    return classic


def test_a_rendition_that_begins_late_joins_with_the_same_numbers() -> None:
    live = channel()
    made = [one for _ in range(5) for one in live.segment(without=("480p30",))] + [*live.segments(2)]
    found = read(window(made), "480p30")
    assert [s.sequence for s in found.segments] == [105, 106]
    assert read(window(made), "source").segments[5].sequence == 105


def test_the_hint_after_the_usual_number_of_parts_is_the_next_segments_first() -> None:
    live = channel("source")
    made = [*live.segments(2)]
    growing = [m for m in live.segment() if "." in m.address.rpartition("/")[2].removesuffix(".m4s")]
    for count in range(1, PARTS + 1):
        hint = read(window([*made, *growing[:count]]), "source").hint
        assert hint is not None
        assert hint["URI"].endswith(f"/102.{count}.m4s" if count < PARTS else "/103.0.m4s")


def test_a_part_past_the_last_of_a_whole_segment_is_the_next_segments_first() -> None:
    live = channel("source")
    view = window(live.segments(2))
    assert view.holds("source", 101, PARTS - 1)
    assert not view.holds("source", 101, PARTS)
    live = channel("source")
    view = window([*live.segments(2), *itertools.islice(live.segment(), 1)])
    assert view.holds("source", 101, PARTS)


def test_late_events_of_a_former_session_change_nothing() -> None:
    former = channel()
    made = [*former.segments(4)]
    later = Channel(former.sources, session_id="s2", start_us=former.now + 5_000_000, first=150)
    lagging = [m for m in former.segment() if getattr(m.event, "rendition", "") == "480p30"]
    now = [*later.segments(2)]
    view, clean = window([*made, *now, *lagging]), window([*made, *now])
    assert view.session_id == "s2"
    assert media_playlist(view, view.listing("480p30"), Shape(), over=False) == media_playlist(  # type: ignore[arg-type]
        clean,
        clean.listing("480p30"),  # type: ignore[arg-type]
        Shape(),
        over=False,
    )


def test_a_source_without_key_frames_is_not_called_independent() -> None:
    live = channel("source")
    made = [*live.segments(2)]
    live.sources[0] = live.sources[0]._replace(samples=[sample._replace(key=False) for sample in live.sources[0].samples])
    text = media_playlist(view := window(made), view.listing("source"), Shape(), over=False)  # type: ignore[arg-type]
    assert "INDEPENDENT-SEGMENTS" in text
    import msgspec

    forced = [m._replace(event=msgspec.structs.replace(m.event, independent=False, **_no_key(m.event))) for m in live.segment()]
    view = window([*made, *forced])
    listing = view.listing("source")
    assert listing is not None
    assert "INDEPENDENT-SEGMENTS" not in media_playlist(view, listing, Shape(), over=False)
    assert "INDEPENDENT-SEGMENTS" not in master_playlist(view, parts=True)
    assert "startWithSAP" in str(manifest(window(made), "/time", over=False))
    assert "startWithSAP" not in str(manifest(view, "/time", over=False))
    keys = hls.media(iframe_playlist(listing, over=False), URL)
    assert [(s.sequence, s.gap) for s in keys.segments] == [(100, False), (101, False), (102, True)]


@pytest.mark.row("P1")
def test_a_segment_that_leans_back_is_not_called_independent_but_keeps_its_key_frame() -> None:
    live = channel("source")
    closed, opened = [*live.segments(1)], [*live.segments(1)]
    leaning = [m._replace(event=replace(m.event, leans_back=True)) if isinstance(m.event, SegmentProduced) else m for m in opened]
    view = window([*closed, *leaning])
    listing = view.listing("source")
    assert listing is not None
    text = media_playlist(view, listing, Shape(), over=False)
    whole = window([*closed, *opened])
    assert "INDEPENDENT-SEGMENTS" in media_playlist(whole, whole.renditions[0], Shape(), over=False)
    assert "INDEPENDENT-SEGMENTS" not in text
    assert text.count("INDEPENDENT=YES") == 2, "a part of each begins with a key frame"
    assert "INDEPENDENT-SEGMENTS" not in master_playlist(view, parts=True)
    keys = hls.media(iframe_playlist(listing, over=False), URL)
    assert [segment.gap for segment in keys.segments] == [False, False]
    recorder = Recorder("7", "s1")
    for made in [*closed, *leaning]:
        recorder.add(made.event)
    recording = recorder.recording()
    assert recording is not None
    assert [piece.independent for piece in recording.lead] == [True, False]
    assert len([*shots(recording)]) == 1


def _no_key(event: object) -> dict[str, int]:
    return {"key_frame_bytes": 0} if hasattr(event, "key_frame_bytes") else {}


def test_before_the_first_whole_segment_rates_come_from_the_parts() -> None:
    live = channel("source", "audio")
    view = window(itertools.islice(live.segment(), 2 + 4))
    found = hls.master(master_playlist(view, parts=True), URL)
    assert int(found.variants[0][0]["BANDWIDTH"]) > 100_000
    assert "STREAM-INF" not in master_playlist(view, parts=False)
    assert manifest(view, "/time", over=False) is None


def test_declarations_of_gone_discontinuities_are_forgotten() -> None:
    live, fold = channel(), PlaylistFold(4)
    made = []
    for _ in range(12):
        made += [*live.segments(3)]
        live.interrupt(2)
    rows = folded(fold, (one.event for one in made))
    assert len(rows[DECLARED]) <= 3 * 4


@pytest.mark.row("P1")
def test_the_classic_playlist_waits_for_the_audio_and_starts_after_a_gap() -> None:
    live = channel()
    made = [*live.segments(3), *live.segment(without=("480p30",)), *live.segments(2), *live.segment(without=("audio",))]
    view = window(made)
    listing, source = view.listing("480p30"), view.listing("source")
    assert listing is not None
    assert source is not None
    assert [s.uri[-10:] for s in hls.media(classic_playlist(view, listing, over=False), URL).segments] == ["104-105.ts"]
    found = hls.media(classic_playlist(view, source, over=False), URL)
    assert [(s.sequence, s.uri[-10:], s.duration) for s in found.segments] == [(n, f"{2 * n}-{2 * n + 1}.ts", 4.0) for n in (50, 51, 52)]
    assert (found.version, found.target) == (3, 4)
    assert "#EXT-X-VERSION:3\n" in classic_master(view)


@pytest.mark.row("P1")
def test_a_classic_segment_never_spans_a_discontinuity() -> None:
    live = Channel([dummy("source"), dummy("audio")], first=101)
    made = [*live.segments(4)]
    live.interrupt(4)
    made += live.segments(4)
    view = window(made)
    listing = view.listing("source")
    assert listing is not None
    found = hls.media(classic_playlist(view, listing, over=False), URL)
    names = [(s.sequence, s.uri.rpartition("/")[2], s.discontinuity) for s in found.segments]
    assert names == [(50, "101.ts", 0), (51, "102-103.ts", 0), (52, "104.ts", 0), (53, "105-106.ts", 1), (54, "107-108.ts", 1)]
    made += live.segments(1)
    view = window(made)
    listing = view.listing("source")
    assert listing is not None
    assert hls.media(classic_playlist(view, listing, over=False), URL).last == 54, "the last one's second half is to come"
    over = hls.media(classic_playlist(view, listing, over=True), URL)
    assert (over.last, over.segments[-1].uri[-7:]) == (55, "/109.ts")


@pytest.mark.row("P2")
def test_the_manifest_names_the_same_objects_on_one_time_line() -> None:
    live = channel()
    made = [*live.segments(3)]
    live.interrupt(4)
    made += live.segments(3)
    view = window(made)
    text = manifest(view, "http://origin/time", over=False)
    assert text is not None
    space = {"d": "urn:mpeg:dash:schema:mpd:2011"}
    mpd = ElementTree.fromstring(text)
    objects = {m.address for m in made if re.search(r"/\d+\.m4s$", m.address)}
    named, clock = set(), {}
    for period in mpd.findall("d:Period", space):
        start = float(period.attrib["start"].removeprefix("PT").removesuffix("S"))
        for representation in period.iterfind(".//d:Representation", space):
            template = representation.find("d:SegmentTemplate", space)
            assert template is not None
            scale, offset = int(template.attrib["timescale"]), int(template.attrib["presentationTimeOffset"])
            assert abs(offset / scale - start) < 1 / scale, "media time maps to itself"
            number = int(template.attrib["startNumber"])
            for run in template.iterfind(".//d:S", space):
                for _ in range(int(run.attrib.get("r", 0)) + 1):
                    named.add(template.attrib["media"].replace("$Number$", str(number)).removeprefix("/media/"))
                    clock[representation.attrib["id"], number] = int(run.attrib["t"]) / scale
                    number += 1
    assert named == objects
    assert mpd.attrib["availabilityStartTime"] == "2023-11-14T22:13:20.000000Z"
    assert clock["source", 103] == 10.0


def test_the_broadcast_follows_its_session_only() -> None:
    live = channel()
    ids = {"channel_id": "42", "session_id": "s1"}
    resumed = {"gap_ms": 900, "ingest_node": "n", "width": 1, "height": 1, "frame_rate": 30.0, "has_audio": True}
    rows = folded(BROADCAST, [live.started()])
    folded(BROADCAST, [StreamInterrupted(**ids, reason="reset", media_sequence=5), StreamUpdated(**ids, title="Hi")], rows)
    assert (rows[BROADCASTS][NEWEST].state, rows[BROADCASTS][NEWEST].title) == ("interrupted", "Hi")
    folded(BROADCAST, [StreamResumed(**ids, **resumed)], rows)
    assert rows[BROADCASTS][NEWEST].state == "live"
    folded(BROADCAST, [live.ended(), live.started(), StreamResumed(**ids, **resumed)], rows)
    assert rows[BROADCASTS][NEWEST].state == "ended", "a repeat does not bring it back"
    other = Channel(live.sources, session_id="s2", start_us=live.now)
    folded(BROADCAST, [other.started(), live.ended()], rows)
    assert (rows[BROADCASTS][NEWEST].session_id, rows[BROADCASTS][NEWEST].state) == ("s2", "live")
