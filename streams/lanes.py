"""Batches of a partition one after another, partitions side by side: while one waits for its acknowledgements others are folded."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from streams.log import Record

RunBatch = Callable[[int, Sequence[Record]], Awaitable[None]]


class Lane:
    """What waits of one partition."""

    def __init__(self) -> None:
        self.deliveries: deque[Sequence[Record]] = deque()
        self.count = 0
        """Records in them."""
        self.some = asyncio.Event()
        self.room = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def take(self, most: int) -> Sequence[Record]:
        """The first delivery, and what follows it without a gap up to `most` records."""
        records = self.deliveries.popleft()
        while self.deliveries and len(records) < most and self.deliveries[0][0].offset == records[-1].offset + 1:
            records = [*records, *self.deliveries.popleft()]
        self.count -= len(records)
        return records


class Lanes:
    """A lane and a task for each partition. For one event loop."""

    def __init__(self, run: RunBatch, failed: Callable[[Exception], None], *, batch: int, waiting: int) -> None:
        """`run` takes (partition, records) and is not called again for a partition for which it raised; `failed` is told.

        What waits is joined up to `batch` records, so that a backlog is worked off in large batches and a lone record at
        once. Only what follows without a gap is joined: the runner looks for what is missing or came before at the
        beginning of a batch. A delivery that makes it `waiting` records of a partition, or more, waits for room.
        """
        self._run = run
        self._failed = failed
        self._batch = batch
        self._waiting = waiting
        self._lanes: dict[int, Lane] = {}

    async def put(self, partition: int, records: Sequence[Record]) -> None:
        """Lets records be run; returns at once, or where too many wait when that has changed."""
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = Lane()
            lane.task = asyncio.create_task(self._work(partition, lane))
        lane.deliveries.append(records)
        lane.count += len(records)
        lane.some.set()
        if lane.count >= self._waiting:
            lane.room.clear()
            await lane.room.wait()

    async def close(self) -> None:
        """Ends the tasks; what waits is dropped."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, partition: int, lane: Lane) -> None:
        try:
            while True:
                if not lane.deliveries:
                    lane.some.clear()
                    await lane.some.wait()
                await self._run(partition, lane.take(self._batch))
                if lane.count < self._waiting:
                    lane.room.set()
        except Exception as cause:
            self._failed(cause)
