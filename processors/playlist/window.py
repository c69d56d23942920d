"""What is listed for a channel now: the rows of the playlist view, read."""

from collections.abc import Callable, Hashable, Mapping
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from processors.playlist.fold import LAG, LIVE_WINDOW
from processors.playlist.state import DECLARED, HEAD, HERE, SEGMENTS, TRACKS, Declared, Segment, Track, segment_key
from processors.playlist.text import MEDIA
from streams.fold import Rows
from streams.media import address

T = TypeVar("T")


class Entry(NamedTuple):
    """A place in a playlist: a whole segment, or the gap that a stopped or restarted encoder left."""

    media_sequence: int
    segment: Segment | None
    reference: Segment | None
    """The segment itself, or for a gap another rendition's at the same place, which tells its length."""
    address: str
    """Of the segment's object: for a gap, where it would be."""


class Edge(NamedTuple):
    """How far a rendition's playlist goes."""

    last: int
    """Media sequence number of the last listed whole segment or gap; -1 where there is none."""
    parts: int
    """Parts of the segment after it."""


class Listing(NamedTuple):
    """A rendition's playlist."""

    rendition: str
    declared: Declared
    """Its newest declaration."""
    inits: Mapping[int, Declared]
    """Declaration by discontinuity."""
    entries: tuple[Entry, ...]
    growing: Segment | None
    """The segment after the entries, with the parts that it has so far."""
    alive: bool
    """Whether it produced within the newest `LAG` segments."""
    folder: str = MEDIA
    """What stands before each address in a playlist."""

    @property
    def segments(self) -> list[Segment]:
        """The whole segments, without gaps."""
        return [entry.segment for entry in self.entries if entry.segment is not None]


class Window:
    """A channel's live window, read when asked. Valid until the rows change."""

    def __init__(self, rows: Rows, channel_id: str, size: int = LIVE_WINDOW, settled: dict[Hashable, Any] | None = None) -> None:
        """`settled` is what windows before this one found by `once`: it holds as long as the head stays and parts alone are added."""
        self.channel_id = channel_id
        self._segments = rows[SEGMENTS]
        self._size = size
        self._tracks: dict[str, Track] = dict(sorted(rows[TRACKS].items()))
        self._head = rows[HEAD].get(HERE)
        self._declared: dict[str, dict[int, Declared]] = {}
        self._listings: dict[str, Listing | None] = {}
        self._edges: dict[str, Edge] = {}
        self._settled: dict[Hashable, Any] = {} if settled is None else settled
        if self._head is not None:
            for _, declared in sorted(rows[DECLARED].items()):
                if declared.session_id == self._head.session_id:
                    self._declared.setdefault(declared.rendition, {})[declared.discontinuity] = declared

    @property
    def session_id(self) -> str | None:
        """The session shown; None before the first part."""
        return None if self._head is None else self._head.session_id

    @property
    def began_us(self) -> int:
        """Programme date time of the newest segment's beginning; 0 before the first."""
        return 0 if self._head is None else self._head.began_us

    @cached_property
    def renditions(self) -> list[Listing]:
        """Those that are alive: source first, then by size and rate, audio last."""
        found = [listing for name in self._tracks if (listing := self.listing(name)) is not None and listing.alive]
        return sorted(found, key=_rank)

    def playable(self, *, parts: bool) -> list[Listing]:
        """Those that are alive and not leaving (all where nothing else is left), once there is something to play: a part, or a whole
        segment where no parts are listed.

        The first of the others is on its way and waited for by who asks for it: players read a master once, so it names them too.
        """
        found = self.renditions
        if not (parts or any(listing.entries for listing in found)):
            return []
        return [listing for listing in found if not listing.declared.leaving] or found

    def listing(self, rendition: str) -> Listing | None:
        """A rendition's playlist; None where nothing of it can be played."""
        if rendition not in self._listings:
            self._listings[rendition] = self._read(rendition)
        return self._listings[rendition]

    def once(self, what: str, listing: Listing, make: Callable[[], T], *given: Hashable) -> T:
        """What follows from a listing's entries and `given`, and nothing else: made once while parts are added behind them."""
        key = (what, listing.rendition, listing.entries[-1].media_sequence if listing.entries else -1, *given)
        if key not in self._settled:
            self._settled[key] = make()
        found: T = self._settled[key]
        return found

    def full(self, listing: Listing) -> bool:
        """Whether as many segments are listed as may be, so that the oldest may not be the first that there was."""
        return len(listing.entries) >= self._size

    def edge(self, rendition: str) -> Edge:
        """How far the rendition's playlist goes."""
        if rendition not in self._edges:
            self._edges[rendition] = self._find_edge(rendition)
        return self._edges[rendition]

    def _find_edge(self, rendition: str) -> Edge:
        track = self._tracks.get(rendition)
        if track is None:
            return Edge(-1, 0)
        # A segment is followed by the next one's first part, sometimes before its own SegmentProduced; two further, it was abandoned.
        last = max(track.whole, track.newest - 2, max(other.whole for other in self._tracks.values()) - LAG)
        while last + 1 < track.newest and segment_key(rendition, last + 1) not in self._segments:
            last += 1
        growing = self._segments.get(segment_key(rendition, last + 1))
        return Edge(last, len(growing.parts) if growing is not None else 0)

    def holds(self, rendition: str, media_sequence: int, part: int | None) -> bool:
        """Whether the playlist has the segment, or the part of it, or something later.

        A part past the last one of a whole segment is the next segment's first (RFC 8216bis section 6.2.5.2).
        """
        last, parts = self.edge(rendition)
        if media_sequence == last and part is not None:
            segment = self._segments.get(segment_key(rendition, last))
            return segment is None or not segment.whole or part < segment.count or parts > 0
        return media_sequence <= last or (part is not None and media_sequence == last + 1 and part < parts)

    def alive(self, rendition: str) -> bool:
        """Whether the rendition produced within the newest `LAG` segments."""
        return self._head is not None and rendition in self._tracks and self._tracks[rendition].newest >= self._head.newest - LAG

    def _read(self, rendition: str) -> Listing | None:
        inits = self._declared.get(rendition)
        if inits is None or rendition not in self._tracks:
            return None
        edge = self.edge(rendition)
        key = ("entries", rendition, edge.last)
        if key not in self._settled:
            self._settled[key] = self._entries(rendition, edge.last, inits)
        entries: tuple[Entry, ...] = self._settled[key]
        growing = self._segments.get(segment_key(rendition, edge.last + 1))
        if growing is not None and (not growing.parts or growing.discontinuity not in inits):
            growing = None
        newest = growing or next((e.segment for e in reversed(entries) if e.segment is not None), None)
        if newest is None:
            return None
        return Listing(rendition, inits[newest.discontinuity], inits, entries, growing, self.alive(rendition))

    def _entries(self, rendition: str, last: int, inits: Mapping[int, Declared]) -> tuple[Entry, ...]:
        entries: list[Entry] = []
        for media_sequence in range(last - self._size + 1, last + 1):
            segment = self._segments.get(segment_key(rendition, media_sequence))
            if segment is None or not segment.whole:
                if entries:
                    missing = address.segment(self.channel_id, self.session_id or "", rendition, media_sequence)
                    entries.append(Entry(media_sequence, None, self._reference(media_sequence), missing))
            elif segment.discontinuity not in inits:
                entries.clear()
            else:
                entries.append(Entry(media_sequence, segment, segment, segment.address))
        return tuple(entries)

    def _reference(self, media_sequence: int) -> Segment | None:
        """Another rendition's whole segment at a place; the source's rather than one that was made of it."""
        for rendition in sorted(self._tracks, key=lambda name: name != "source"):
            segment = self._segments.get(segment_key(rendition, media_sequence))
            if segment is not None and segment.whole:
                return segment
        return None


def _rank(listing: Listing) -> tuple[bool, bool, int, float, str]:
    declared = listing.declared
    return (declared.kind == "audio", declared.rendition != "source", -declared.height, -declared.frame_rate, declared.rendition)
