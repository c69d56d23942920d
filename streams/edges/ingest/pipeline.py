"""Stores a session's objects and publishes its events, in order, without ever holding up who hands them in."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import NamedTuple

import structlog

from schemas.event import Event
from streams.backoff import backoff
from streams.edges.ingest import metrics
from streams.errors import BacklogFullError
from streams.fold import Clock
from streams.log import Position
from streams.objects import Objects
from streams.publisher import Publisher

logger = structlog.get_logger()
FIRST_RETRY_S = 0.05
LAST_RETRY_S = 1.0
"""Pauses between attempts to store an object."""

SegmentKey = tuple[str, int]
"""Rendition and media sequence number."""
Make = Callable[[int], Event]
"""Makes an event, given when its object was stored (UTC microseconds)."""


class Entry(NamedTuple):
    """An event that waits for its turn."""

    since: int
    make: Make
    stored: asyncio.Task[int] | None
    frames: int
    segment: SegmentKey | None


class Pipeline:
    """Object first, event second: an event goes out once its object is in the store and all events before it went out.

    Objects are stored at the same time, so a long one delays no other's store, only the events behind its own.
    """

    def __init__(self, objects: Objects, publisher: Publisher, clock: Clock) -> None:
        self._objects = objects
        self._publisher = publisher
        self._clock = clock
        self._entries: deque[Entry] = deque()
        self._filled = asyncio.Event()
        self._ended = False
        self._worker = asyncio.create_task(self._run())
        self.frames_dropped = 0
        """Video frames whose parts were given up."""
        self.frames_out = 0
        """Video frames whose parts' events went out."""

    def age(self) -> float:
        """Seconds that the oldest event has been waiting."""
        return (self._clock() - self._entries[0].since) / 1e6 if self._entries else 0.0

    def event(self, make: Make) -> None:
        """An event without an object; made when its turn comes."""
        self._put(Entry(self._clock(), make, None, 0, None))

    def object(self, address: str, data: bytes, make: Make, segment: SegmentKey | None = None, frames: int = 0) -> None:
        """An object and the event that names it; `frames` are the video frames that count as given out with it, and `segment` is where
        they are.
        """
        self._put(Entry(self._clock(), make, asyncio.create_task(self._store(address, data)), frames, segment))

    def give_up(self, kept: Collection[SegmentKey] = ()) -> None:
        """Drops the objects that wait, with their events; events without object stay, and so do the segments that are to be kept, whose
        waiting begins anew.
        """
        entries, self._entries = self._entries, deque()
        for entry in entries:
            if entry.stored is None or entry.segment in kept:
                self._entries.append(entry._replace(since=self._clock()))
            else:
                entry.stored.cancel()
                self.drop(entry.frames)

    def drop(self, frames: int) -> None:
        """Counts video frames that are not given out."""
        self.frames_dropped += frames
        metrics.FRAMES.labels("dropped").inc(frames)

    async def end(self, patience_s: float) -> None:
        """Waits until everything is out; what is not stored in time is given up."""
        self._ended = True
        self._filled.set()
        _, late = await asyncio.wait((self._worker,), timeout=patience_s)
        if late:
            logger.error("media given up at the end of a session", events=len(self._entries))
            self.give_up()
            _, late = await asyncio.wait((self._worker,), timeout=patience_s)
        if late:
            self._worker.cancel()
            metrics.LOST_EVENTS.inc(len(self._entries))

    def _put(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._filled.set()

    async def _run(self) -> None:
        while self._entries or not self._ended:
            if not self._entries:
                self._filled.clear()
                await self._filled.wait()
                continue
            entry = self._entries[0]
            stored_at = self._clock()
            if entry.stored is not None:
                if not entry.stored.done():
                    await asyncio.wait((entry.stored,))
                if entry.stored.cancelled():
                    continue  # given up: it is not in the queue any more
                stored_at = entry.stored.result()
            self._entries.popleft()
            await self._publish(entry.make(stored_at))
            self.frames_out += entry.frames
            metrics.FRAMES.labels("out").inc(entry.frames)

    async def _store(self, address: str, data: bytes) -> int:
        for pause in backoff(FIRST_RETRY_S, LAST_RETRY_S):
            try:
                await self._objects.put(address, data)
            except Exception as cause:
                metrics.STORE_RETRIES.inc()
                logger.warning("object not stored, trying again", address=address, cause=repr(cause), pause=pause)
            else:
                break
            await asyncio.sleep(pause)
        return self._clock()

    async def _publish(self, event: Event) -> None:
        while True:
            try:
                self._publisher.publish(event).add_done_callback(_appended)
            except BacklogFullError:
                await asyncio.sleep(LAST_RETRY_S)
            else:
                return


def _appended(position: Future[Position]) -> None:
    """Runs on the log's thread."""
    if position.cancelled() or position.exception() is not None:
        metrics.LOST_EVENTS.inc()
        logger.error("event lost", cause=repr(None if position.cancelled() else position.exception()))
