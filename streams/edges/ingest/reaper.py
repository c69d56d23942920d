"""Deletes parts some time after the segment that holds their bytes: players near the live edge have long fetched them."""

import asyncio
from collections import deque

import structlog

from schemas.event import Event
from schemas.events.media import SegmentProduced
from schemas.wire import Codec
from streams.edges.ingest import metrics
from streams.edges.ingest.session import parts_of
from streams.fold import At, Clock
from streams.follower import Follower
from streams.log import Log
from streams.objects import Objects

logger = structlog.get_logger()
LOOKS = 24
"""Looks at what is due, and at what the log has, within the age of a part: one in 5 s, for parts may lie about for a little longer."""
CATCH_UP_S = 600.0
"""A new process also deletes what an earlier one, gone for this long, had no time for."""


class Reaper:
    """Follows the segments of all renditions. Deleting twice does no harm, so each node may have one."""

    def __init__(self, log: Log, codec: Codec, objects: Objects, clock: Clock, age_s: float) -> None:
        """`age_s`: how long parts outlive the making of their segment."""
        self._objects = objects
        self._clock = clock
        self._age_us = round(1e6 * age_s)
        self._period_s = age_s / LOOKS
        since_us = clock() - self._age_us - round(1e6 * CATCH_UP_S)
        self._follower = Follower(log, codec, ["media.segment.events.v1"], self._apply, since_us // 1_000, rest_s=self._period_s)
        self._due: deque[tuple[int, list[str]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins."""
        await self._follower.start()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stops; what is due later is left to the next process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            await self._follower.close()

    def _apply(self, event: Event, _at: At) -> None:
        if isinstance(event, SegmentProduced):
            self._due.append((event.stored_at + self._age_us, parts_of(event)))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._period_s)
            parts: list[str] = []
            while self._due and self._due[0][0] <= self._clock():
                parts += self._due.popleft()[1]
            if not parts:
                continue
            try:
                await self._objects.delete(parts)
                metrics.REAPED.inc(len(parts))
            except Exception as cause:
                logger.warning("parts not deleted: they stay in the store", parts=len(parts), cause=repr(cause))
