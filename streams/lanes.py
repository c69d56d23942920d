"""Batches of a partition one after another, partitions side by side: while one waits for its acknowledgements others are folded."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from streams.log import Record

RunBatch = Callable[[int, Sequence[Record]], Awaitable[None]]


class Lanes:
    """A queue and a task for each partition. For one event loop."""

    def __init__(self, run: RunBatch, failed: Callable[[Exception], None], *, batch: int, waiting: int) -> None:
        """`run` takes (partition, records) and is not called again for a partition for which it raised; `failed` is told.

        What waits is joined up to `batch` records, so that a backlog is worked off in large batches and a lone record at
        once. Only what follows without a gap is joined: the runner looks for what is missing or came before at the
        beginning of a batch. At most `waiting` deliveries of a partition wait.
        """
        self._run = run
        self._failed = failed
        self._batch = batch
        self._waiting = waiting
        self._queues: dict[int, asyncio.Queue[Sequence[Record]]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def put(self, partition: int, records: Sequence[Record]) -> None:
        """Lets records be run; returns as soon as they have a place in the queue."""
        queue = self._queues.get(partition)
        if queue is None:
            queue = self._queues[partition] = asyncio.Queue(self._waiting)
            self._tasks.append(asyncio.create_task(self._work(partition, queue)))
        await queue.put(records)

    async def close(self) -> None:
        """Ends the tasks; what waits is dropped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, partition: int, queue: asyncio.Queue[Sequence[Record]]) -> None:
        try:
            held: Sequence[Record] = ()
            while True:
                records, held = held or await queue.get(), ()
                while not queue.empty() and len(records) < self._batch and not held:
                    following = queue.get_nowait()
                    if following[0].offset == records[-1].offset + 1:
                        records = [*records, *following]
                    else:
                        held = following
                await self._run(partition, records)
        except Exception as cause:
            self._failed(cause)
