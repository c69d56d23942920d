"""HLS media playlists (RFC 8216bis), with parts for low latency or without."""

from collections.abc import Iterator
from typing import NamedTuple

from processors.playlist.fold import PART_SEGMENTS
from processors.playlist.state import Segment
from processors.playlist.text import MEDIA, date_time, seconds
from processors.playlist.window import Entry, Listing, Window
from streams.media import address

HOLD_BACK_TARGETS = 3
"""HOLD-BACK in target durations, the least allowed (RFC 8216bis section 4.4.3.8)."""
HOLD_BACK_PARTS = 5
"""PART-HOLD-BACK in part targets; 3 is the least allowed. With a ladder 3 stalled at level switches, 5 did not (1.0 s)."""
HOLD_BACK_PARTS_ALONE = 3.5
"""The same where there is one picture to choose, so no switch: three parts stay buffered, and half a part is for the way."""
SKIP_TARGETS = 6
"""CAN-SKIP-UNTIL in target durations, the least allowed: the smallest delta updates."""
VERSION = 9
"""EXT-X-SKIP needs 9 (RFC 8216bis section 8); the full playlist says the same, for both are versions of one playlist."""


class Shape(NamedTuple):
    """Which form of a playlist is asked for."""

    parts: bool = True
    """Low latency, with parts; False lists whole segments only."""
    skip: bool = False
    """A delta update."""


def media_playlist(window: Window, listing: Listing, shape: Shape, *, over: bool) -> str:
    """A rendition's playlist. `over` says that the session has ended and nothing more will come."""
    entries = listing.entries
    growing = listing.growing if shape.parts else None
    whole = _whole(window, listing)
    target = _target(listing, whole)
    first = entries[0].media_sequence if entries else growing.media_sequence if growing else 0
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", f"#EXT-X-TARGETDURATION:{target}"]
    part = _part_target(listing, whole) if shape.parts else 0.0
    lines.append(_server_control(window, shape, target, part))
    if shape.parts:
        lines.append(f"#EXT-X-PART-INF:PART-TARGET={seconds(part)}")
    lines.append(f"#EXT-X-MEDIA-SEQUENCE:{first}")
    lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{_first_discontinuity(listing)}")
    if whole.independent and (growing is None or growing.independent):
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    skipped = _skippable(listing, target, growing) if shape.skip else 0
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    made = window.once("hls", listing, lambda: _entries(window, listing, shape, target, skipped), shape.parts, target, skipped)
    lines += made.lines
    if growing is not None:
        lines += Tags(listing, target, made.discontinuity, made.map).opening(growing)
        lines += _parts(growing)
    if over:
        lines.append("#EXT-X-ENDLIST")
    elif shape.parts and listing.alive:
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{MEDIA}{next_part(window, listing)}"')
    if not over:
        lines += _reports(window, listing, shape)
    return "\n".join(lines) + "\n"


class _Whole(NamedTuple):
    """What a listing's whole segments say together."""

    seconds: float
    """The longest."""
    part_seconds: float
    """The longest listed part."""
    independent: bool
    """All of them."""


def _measure(listing: Listing) -> _Whole:
    segments = listing.segments
    listed = [entry.segment for entry in listing.entries[-PART_SEGMENTS:]]
    return _Whole(
        max((segment.seconds for segment in segments), default=0.0),
        max((_longest_part(segment) for segment in listed if segment is not None), default=0.0),
        all(segment.independent for segment in segments),
    )


def _longest_part(segment: Segment) -> float:
    return max((part.duration for part in segment.parts), default=0) / segment.timescale


def _whole(window: Window, listing: Listing) -> _Whole:
    return window.once("whole", listing, lambda: _measure(listing))


def target_duration(listing: Listing, window: Window | None = None) -> int:
    """Seconds: the declared longest segment, rounded; more only where a segment did come out longer. The listing's window remembers."""
    return _target(listing, _measure(listing) if window is None else _whole(window, listing))


def _target(listing: Listing, whole: _Whole) -> int:
    return max(1, round(listing.declared.segment_target_us / 1_000_000), round(whole.seconds))


def _part_target(listing: Listing, whole: _Whole) -> float:
    """Seconds: the declared longest part, more only where a listed part did come out longer."""
    growing = _longest_part(listing.growing) if listing.growing is not None else 0.0
    return max(listing.declared.part_target_us / 1_000_000, whole.part_seconds, growing)


def next_part(window: Window, listing: Listing) -> str:
    """Address of the part that comes next: of the next segment where the growing one has as many as the one before it had."""
    session_id, growing = listing.declared.session_id, listing.growing
    before = listing.entries[-1].segment if listing.entries else None
    if growing is None:
        place = (listing.entries[-1].media_sequence + 1, 0)
    elif before is not None and before.count == len(growing.parts):
        place = (growing.media_sequence + 1, 0)
    else:
        place = (growing.media_sequence, len(growing.parts))
    return address.part(window.channel_id, session_id, listing.rendition, *place)


def _server_control(window: Window, shape: Shape, target: int, part: float) -> str:
    control = f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={seconds(SKIP_TARGETS * target)}"
    control += f",HOLD-BACK={seconds(HOLD_BACK_TARGETS * target)}"
    if not shape.parts:
        return control
    pictures = sum(one.declared.kind == "video" for one in window.renditions)
    parts = HOLD_BACK_PARTS if pictures > 1 else HOLD_BACK_PARTS_ALONE
    return f"{control},PART-HOLD-BACK={seconds(parts * part)}"


def _first_discontinuity(listing: Listing) -> int:
    first = listing.entries[0].segment if listing.entries else listing.growing
    return first.discontinuity if first is not None else 0


def _skippable(listing: Listing, target: int, growing: Segment | None) -> int:
    """Segments that end further from the playlist's end than the skip boundary."""
    distance = growing.seconds if growing is not None else 0.0
    for later, entry in enumerate(reversed(listing.entries)):
        if distance > SKIP_TARGETS * target:
            return len(listing.entries) - later
        distance += entry_seconds(entry, target)
    return 0


def entry_seconds(entry: Entry, target: int) -> float:
    """Length of an entry: a gap's is that of the other renditions' segment there."""
    return entry.reference.seconds if entry.reference is not None else float(target)


def _parts(segment: Segment) -> Iterator[str]:
    for part in segment.parts:
        independent = ",INDEPENDENT=YES" if part.independent else ""
        yield f'#EXT-X-PART:DURATION={seconds(part.duration / segment.timescale)},URI="{MEDIA}{part.address}"{independent}'


class _Written(NamedTuple):
    """The entries of a playlist, and what their tags leave said."""

    lines: list[str]
    discontinuity: int | None
    map: str | None


def _entries(window: Window, listing: Listing, shape: Shape, target: int, skipped: int) -> _Written:
    """All but the skipped."""
    lines: list[str] = []
    state = Tags(listing, target)
    for index, entry in enumerate(listing.entries):
        if index < skipped:
            state.skip(entry)
        else:
            lines += state.entry(entry, with_parts=shape.parts and index >= len(listing.entries) - PART_SEGMENTS)
    return _Written(lines, state.discontinuity, state.map)


class Tags:
    """What the tags so far say, so that each is written where it changes."""

    def __init__(self, listing: Listing, target: int, discontinuity: int | None = None, said_map: str | None = None) -> None:
        self._listing = listing
        self._target = target
        self.discontinuity = discontinuity
        self.map = said_map

    def opening(self, segment: Segment) -> Iterator[str]:
        """Tags before a segment, or before a gap at another rendition's segment: discontinuity, initialisation segment and time."""
        if self.discontinuity is not None and segment.discontinuity != self.discontinuity:
            yield "#EXT-X-DISCONTINUITY"
        self.discontinuity = segment.discontinuity
        declared = self._listing.inits.get(segment.discontinuity)
        if declared is not None and declared.address != self.map:
            yield f'#EXT-X-MAP:URI="{self._listing.folder}{declared.address}"'
            self.map = declared.address
        yield f"#EXT-X-PROGRAM-DATE-TIME:{date_time(segment.began_us)}"

    def skip(self, entry: Entry) -> None:
        """Passes over an entry that the client has."""
        if entry.reference is not None:
            self.discontinuity = entry.reference.discontinuity
            declared = self._listing.inits.get(entry.reference.discontinuity)
            self.map = declared.address if declared is not None else self.map

    def entry(self, entry: Entry, *, with_parts: bool = False) -> Iterator[str]:
        """All lines of a segment or gap."""
        segment = entry.segment
        if entry.reference is not None:
            yield from self.opening(entry.reference)
        if segment is None:
            yield "#EXT-X-GAP"
        elif with_parts:
            yield from _parts(segment)
        yield f"#EXTINF:{seconds(entry_seconds(entry, self._target))},"
        yield f"{self._listing.folder}{entry.address}"


def _reports(window: Window, listing: Listing, shape: Shape) -> Iterator[str]:
    """Where the other renditions of the master stand, so that a player that switches can ask ahead at once."""
    for other in window.playable(parts=shape.parts):
        if other.rendition == listing.rendition:
            continue
        last = other.entries[-1] if other.entries else None
        if not shape.parts:
            if last is not None:
                yield f'#EXT-X-RENDITION-REPORT:URI="{other.rendition}.m3u8?latency=normal",LAST-MSN={last.media_sequence}'
        elif other.growing is not None:
            last_part = len(other.growing.parts) - 1
            yield f'#EXT-X-RENDITION-REPORT:URI="{other.rendition}.m3u8",LAST-MSN={other.growing.media_sequence},LAST-PART={last_part}'
        elif last is not None and last.segment is not None:
            yield f'#EXT-X-RENDITION-REPORT:URI="{other.rendition}.m3u8",LAST-MSN={last.media_sequence},LAST-PART={last.segment.count - 1}'
