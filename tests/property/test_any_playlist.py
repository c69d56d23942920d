"""Whatever a channel goes through, its playlists stay right, and the same wherever the view began."""

import re
from typing import Any

import hls_playlist as hls
import pytest
from folding import folded
from hypothesis import given, settings
from hypothesis import strategies as st
from live_channel import Channel, Made, dummy
from msgspec.structs import replace

from processors.playlist.classic import classic_master, classic_playlist
from processors.playlist.dash import manifest
from processors.playlist.fold import LAG, REDECLARED, PlaylistFold
from processors.playlist.hls import Shape, media_playlist
from processors.playlist.iframes import iframe_playlist
from processors.playlist.master import master_playlist
from processors.playlist.window import Window
from schemas.event import Event
from schemas.events import PartProduced, RenditionDeclared, SegmentProduced
from sinks.origin.channel import LiveChannel

SIZE = 5
"""Segments listed: small, so that short lives fill it."""
FOLD = PlaylistFold(SIZE)
NAMES = ("source", "480p30", "audio")
URL = "http://origin/live/ana/x.m3u8"
REPORT = re.compile(r"#EXT-X-RENDITION-REPORT:.*\n")

segment = st.tuples(st.just("segment"), st.integers(45, 72), st.sampled_from([(), (), (), ("480p30",)]))
plain = st.one_of(segment, segment, segment, segment, st.just(("interrupt",)), st.just(("session",)))
leave = st.tuples(st.just("leave"), st.sampled_from([(), ("480p30",), NAMES]))
steps = st.one_of(plain, plain, plain, leave)


class Life(list[Event]):
    """Events, shown as what led to them."""

    steps: tuple[object, ...] = ()

    def __repr__(self) -> str:
        return f"<{len(self)} events of {self.steps}>"


@st.composite
def lives(draw: st.DrawFn, least: int = 1, most: int = 30, steps: st.SearchStrategy[tuple[Any, ...]] = steps) -> Life:
    """Events of a channel: segments of any length, an encoder that stops and is back, renditions that leave, reconnects, new sessions."""
    channel = Channel([dummy(name) for name in NAMES], first=100)
    made: list[Made] = []
    plan = draw(st.lists(steps, min_size=least, max_size=most))
    for step in plan:
        if step[0] == "segment":
            made += channel.segment(step[1], without=step[2])
        elif step[0] == "interrupt":
            channel.interrupt(3)
        elif step[0] == "leave":
            made += channel.leave(*step[1])
        else:
            channel = Channel(channel.sources, session_id=f"s{channel.next}", start_us=channel.now + 10_000_000, first=channel.next + 7)
    made = made[: draw(st.integers(len(made) // 2, len(made)))]
    life = Life(one.event for one in made)
    life.steps = tuple(plan)
    return life


def rendered(window: Window) -> dict[str, str | None]:
    """Everything that the origin could serve."""
    found: dict[str, str | None] = {
        "master": master_playlist(window, parts=True),
        "normal": master_playlist(window, parts=False),
        "classic": classic_master(window),
        "manifest": manifest(window, "http://origin/time", over=False),
    }
    for name in NAMES:
        listing = window.listing(name)
        if listing is not None:
            for shape in (Shape(), Shape(skip=True), Shape(parts=False)):
                found[f"{name} {shape}"] = media_playlist(window, listing, shape, over=False)
            found[f"{name} iframes"] = iframe_playlist(listing, over=False)
            found[f"{name} classic"] = classic_playlist(window, listing, over=False)
    return found


def seen(events: list[Event]) -> Window:
    """The window after these events."""
    return Window(folded(FOLD, events), "42", SIZE)


def sequence(event: Event) -> int:
    return event.media_sequence if isinstance(event, PartProduced | SegmentProduced) else 0


@pytest.mark.row("P12")
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_view_that_began_later_shows_the_same(data: st.DataObject) -> None:
    events = data.draw(lives(least=SIZE + LAG + REDECLARED + 6, most=SIZE + LAG + REDECLARED + 16))
    newest = max(map(sequence, events), default=0)
    oldest_needed = newest - SIZE - LAG - REDECLARED
    # Up to the last event before the segments and declarations that a view must have seen.
    latest = max((n for n, event in enumerate(events) if 0 < sequence(event) < oldest_needed), default=0)
    begin = data.draw(st.integers(0, latest))
    assert rendered(seen(events[begin:])) == rendered(seen(events))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_repeats_change_nothing(data: st.DataObject) -> None:
    events = data.draw(lives(steps=plain))  # of declarations the newest holds: an old one, repeated alone, is news
    repeated: list[Event] = []
    for number, event in enumerate(events):
        repeated.append(event)
        if data.draw(st.integers(0, 9)) == 0:
            begin = data.draw(st.integers(0, number))
            repeated += events[begin : begin + data.draw(st.integers(0, 20))] if begin + 20 <= number else []
    assert rendered(seen(repeated)) == rendered(seen(events))


@pytest.mark.row("T14")
@settings(max_examples=100, deadline=None)
@given(lives())
def test_who_is_leaving_is_in_no_master_and_its_playlist_goes_on(events: Life) -> None:
    told = {(e.session_id, e.rendition, e.discontinuity_sequence): e.leaving for e in events if isinstance(e, RenditionDeclared)}
    stays = [replace(event, leaving=False) if isinstance(event, RenditionDeclared) else event for event in events]
    window, before = seen(events), seen(stays)
    for parts in (True, False):
        listed = before.playable(parts=parts)
        left = [one for one in listed if not told[one.declared.session_id, one.rendition, one.declared.discontinuity]]
        assert [one.rendition for one in window.playable(parts=parts)] == [one.rendition for one in left or listed]
        uris = [uri for _, uri in hls.master(master_playlist(window, parts=parts), URL).variants]
        assert len(uris) == len(left or listed)
    found, expected = rendered(window), rendered(before)
    for key in expected.keys() - {"master", "normal", "classic"}:
        assert REPORT.sub("", found[key] or "") == REPORT.sub("", expected[key] or "")


@settings(max_examples=40, deadline=None)
@given(lives(most=16))
def test_what_an_origin_keeps_from_moment_to_moment_is_what_it_would_render_anew(events: Life) -> None:
    channel = LiveChannel("42", SIZE)
    for number, event in enumerate(events):
        folded(FOLD, [event], channel.rows)
        channel.changed(part=isinstance(event, PartProduced))
        kept = rendered(channel.window)
        if number % 3 == 0 or not isinstance(event, PartProduced):
            assert kept == rendered(Window(channel.rows, "42", SIZE))


@st.composite
def unbroken(draw: st.DrawFn) -> tuple[Life, list[int]]:
    """A session in which no segment is missing, however often the publisher reconnects, and its segments' numbers."""
    first, began_with = draw(st.integers(100, 103)), draw(st.integers(0, 3))
    channel = Channel([dummy("source"), dummy("audio")], first=first)
    channel.discontinuity = began_with
    made: list[Made] = []
    for frames, reconnects in draw(
        st.lists(st.tuples(st.integers(45, 72), st.sampled_from([False, False, True])), min_size=1, max_size=24)
    ):
        made += channel.segment(frames)
        if reconnects:
            channel.interrupt(3)
    return Life(one.event for one in made), list(range(first, channel.next))


@pytest.mark.row("P1")
@settings(max_examples=150, deadline=None)
@given(unbroken())
def test_every_segment_is_in_the_classic_playlist_once_and_in_order(made: tuple[Life, list[int]]) -> None:
    events, numbers = made
    rows, listed = folded(FOLD, []), dict[int, str]()
    for event in events:
        folded(FOLD, [event], rows)
        if isinstance(event, SegmentProduced):
            _list_classic(Window(rows, "42", SIZE), listed, over=False)
    _list_classic(Window(rows, "42", SIZE), listed, over=True)
    assert list(listed) == list(range(min(listed), max(listed) + 1)), "a number is left out or comes late"
    ranges = [uri.rpartition("/")[2].removesuffix(".ts").split("-") for uri in listed.values()]
    assert [number for pair in ranges for number in range(int(pair[0]), int(pair[-1]) + 1)] == numbers


def _list_classic(window: Window, listed: dict[int, str], *, over: bool) -> None:
    """Adds what the classic playlist lists now; the same number always names the same."""
    listing = window.listing("source")
    if listing is None:
        return
    found = hls.media(classic_playlist(window, listing, over=over), URL)
    for segment in found.segments:
        assert round(segment.duration) <= found.target  # RFC 8216 section 4.3.3.1
        assert listed.setdefault(segment.sequence, segment.uri) == segment.uri


@pytest.mark.row("P1", "P4", "P5")
@settings(max_examples=40, deadline=None)
@given(lives(most=16))
def test_at_every_moment_the_playlist_is_valid_and_continues_the_one_before(events: Life) -> None:
    rows = folded(FOLD, [])
    before: dict[str, tuple[str | None, hls.Media]] = {}
    classic: dict[str, tuple[str | None, hls.Media]] = {}
    for number, event in enumerate(events):
        folded(FOLD, [event], rows)
        if isinstance(event, RenditionDeclared) or number % 3:
            continue
        window = Window(rows, "42", SIZE)
        for name in NAMES:
            listing = window.listing(name)
            if listing is None:
                continue
            full = hls.media(media_playlist(window, listing, Shape(), over=False), URL)
            assert len(full.segments) <= SIZE
            assert all(segment.duration < full.target + 0.5 for segment in full.segments)
            assert all(part.duration <= (full.part_target or 0) for segment in full.segments for part in segment.parts)
            session_id, former = before.get(name, (None, None))
            if former is not None and session_id == window.session_id:
                _continues(former, full)
                if full.sequence <= former.last:
                    delta = hls.media(media_playlist(window, listing, Shape(skip=True), over=False), URL, former)
                    kept = {segment.sequence for segment in former.segments}
                    if all(n in kept for n in range(delta.sequence, delta.sequence + delta.skipped)):
                        assert [s.identity for s in hls.merged(delta, former)] == [s.identity for s in full.segments]
            _holds_what_it_says(window, name, full)
            before[name] = (window.session_id, full)
            paired = hls.media(classic_playlist(window, listing, over=False), URL)
            assert all(segment.duration < paired.target + 0.5 for segment in paired.segments)
            session_id, former = classic.get(name, (None, None))
            if former is not None and session_id == window.session_id:
                _continues(former, paired)
            classic[name] = (window.session_id, paired)


def _continues(former: hls.Media, full: hls.Media) -> None:
    assert full.sequence >= former.sequence
    assert full.last >= former.last
    assert full.discontinuity >= former.discontinuity
    shared = {segment.sequence: segment for segment in former.segments}
    for segment in full.segments:
        old = shared.get(segment.sequence, segment)
        assert (segment.uri, segment.discontinuity, segment.gap) == (old.uri, old.discontinuity, old.gap)


def _holds_what_it_says(window: Window, name: str, full: hls.Media) -> None:
    """The blocking condition and the rendered playlist never disagree."""
    if not full.segments:
        return
    assert window.holds(name, full.last, None)
    assert not window.holds(name, full.last + 1, None)
    for part in range(len(full.open_parts) + 2):
        assert window.holds(name, full.last + 1, part) == (part < len(full.open_parts))


@settings(max_examples=40, deadline=None)
@given(lives(most=40))
def test_rows_stay_bounded(events: Life) -> None:
    rows = folded(FOLD, events)
    assert sum(len(table) for table in rows.values()) <= len(NAMES) * (SIZE + LAG + 12) + 1
