"""What the log says of one session: the newest parts of its source, and what has been made of them by whoever."""

import asyncio
from collections import deque
from typing import NamedTuple

from schemas.events import PartProduced, RenditionDeclared, SegmentProduced

SOURCE = "source"
KEPT_SEGMENTS = 4
"""Segments whose parts are kept: as far as a job may lag before it skips, and one more."""
CATCH_UP_SEGMENTS = 2
"""How far back a job begins, the segment in progress included: encoding is several times faster than real time, so a worker that takes
over makes up for the seconds in which the other's silence was noticed."""


class FellBehindError(Exception):
    """What a job would do next is no longer kept."""


class Arrived(NamedTuple):
    """A source event and when it came here."""

    event: PartProduced | SegmentProduced
    at: int
    """UTC microseconds."""


class Feed:
    """Source events of a session in the log's order, each under an index that only grows."""

    def __init__(self) -> None:
        self.sources: dict[int, RenditionDeclared] = {}
        """The source's declaration by discontinuity sequence."""
        self.declared: dict[tuple[str, int], RenditionDeclared] = {}
        """Other renditions' declarations, by rendition and discontinuity sequence."""
        self.made: dict[str, int] = {}
        """Newest media sequence of which another rendition has a part."""
        self.newest = -1
        """Newest media sequence of the source."""
        self.touched = 0
        """When anything came last, UTC microseconds."""
        self._entries: deque[Arrived] = deque()
        self._first = 0
        self._grown = asyncio.Event()

    def add(self, event: RenditionDeclared | PartProduced | SegmentProduced, at: int) -> None:
        """Takes an event of the session in."""
        self.touched = at
        match event:
            case RenditionDeclared(rendition="source"):
                self.sources[event.discontinuity_sequence] = event
            case RenditionDeclared():
                self.declared[event.rendition, event.discontinuity_sequence] = event
            case PartProduced() | SegmentProduced() if event.rendition == SOURCE:
                self._append(Arrived(event, at))
            case PartProduced() | SegmentProduced():
                self.made[event.rendition] = max(event.media_sequence, self.made.get(event.rendition, -1))

    async def wait(self, index: int) -> Arrived:
        """The entry at an index, once it is there.

        Raises:
            FellBehindError: it was there and is not kept any more.
        """
        while index >= self._first + len(self._entries):
            await self._grown.wait()
        if index < self._first:
            raise FellBehindError("further behind the source than is kept")
        return self._entries[index - self._first]

    async def start(self, after: int, within: int = CATCH_UP_SEGMENTS) -> int:
        """Index at which a job can begin, once there is one: the first segment after a media sequence, and among the newest `within`,
        that begins with a key frame of a declared source.
        """
        while True:
            for index, (event, _) in enumerate(self._entries, self._first):
                opens = isinstance(event, PartProduced) and event.part == 0 and event.independent
                if opens and event.media_sequence > max(after, self.newest - within) and event.discontinuity_sequence in self.sources:
                    return index
            await self._grown.wait()

    def lag(self, event: PartProduced) -> float:
        """Seconds of media between an entry and the newest one; 0 across a discontinuity, where decode times jump."""
        newest = self._entries[-1].event
        if newest.discontinuity_sequence != event.discontinuity_sequence:
            return 0.0
        return (newest.decode_time - event.decode_time) / event.timescale

    def _append(self, entry: Arrived) -> None:
        self._entries.append(entry)
        self.newest = max(self.newest, entry.event.media_sequence)
        while self._entries[0].event.media_sequence <= self.newest - KEPT_SEGMENTS:
            self._entries.popleft()
            self._first += 1
        self._grown.set()
        self._grown = asyncio.Event()
