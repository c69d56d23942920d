"""The registry's state, folded from the compacted `_schemas` topic and written through it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import structlog

from schemas.compatibility import Level
from schemas.errors import SchemaError
from schemas.subject_commands import RefusedError
from schemas.subject_records import TOPIC, StoredRecord
from schemas.subjects import Subjects
from streams.errors import StreamingError
from streams.log import Log, Record

PARTITION = 0
APPEND_S = 5.0
"""An acknowledged append takes milliseconds; a client's own time-out is longer than this, so that it gets our answer."""
A = TypeVar("A")
log = structlog.get_logger()


class RegistryView:
    """Reads for ever, writes one command at a time. One process per topic writes: ids would collide otherwise."""

    def __init__(self, stored: Log, level: Level) -> None:
        self.state = Subjects(level)
        self.ready = False
        self._log = stored
        self._applied = -1
        self._progress = asyncio.Condition()
        self._writing = asyncio.Lock()
        self._appending: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Folds the topic from its start, and goes on until left."""
        loop = asyncio.get_running_loop()
        batches: asyncio.Queue[Sequence[Record] | None] = asyncio.Queue()

        def hand_over(batch: Sequence[Record] | None) -> None:
            loop.call_soon_threadsafe(batches.put_nowait, batch)

        starts = await asyncio.to_thread(self._log.starts_at, TOPIC, None)
        folding = loop.create_task(self._fold(batches))
        tail = self._log.tail({(TOPIC, PARTITION): starts[PARTITION]}, hand_over, lambda: hand_over(None))
        try:
            yield
        finally:
            await asyncio.to_thread(tail.close)
            for task in (folding, self._appending):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError, StreamingError):
                        await task

    async def carry_out(self, command: Callable[[Subjects], tuple[A, list[StoredRecord]]]) -> A:
        """Asks the state, appends what it says, and answers once that has come back from the log.

        Raises:
            RefusedError: the command refused, or the log did not take it in time (50002).
        """
        async with self._writing:
            await self._finished()
            answer, records = command(self.state)
            if records:
                self._appending = asyncio.ensure_future(self._append(records))
                await self._finished()
            return answer

    async def _finished(self) -> None:
        """Waits for the append under way: one that timed out may still come to lie on the log, and takes its ids then."""
        if self._appending is None:
            return
        try:
            await asyncio.wait_for(asyncio.shield(self._appending), APPEND_S)
        except (StreamingError, TimeoutError) as cause:
            if self._appending.done():
                self._appending = None
            raise RefusedError(50002, f"the log did not take the change within {APPEND_S:g} s: {cause!r}. Is the broker up?") from cause
        self._appending = None

    async def _append(self, records: list[StoredRecord]) -> None:
        """Returns once the records have come back from the log."""
        appended = [self._log.append(TOPIC, key, value, partition=PARTITION) for key, value in records]
        last = [await asyncio.wrap_future(future) for future in appended][-1]
        async with self._progress:
            await self._progress.wait_for(lambda: self._applied >= last.offset)

    async def _fold(self, batches: "asyncio.Queue[Sequence[Record] | None]") -> None:
        """Applies batches in their order; None says that everything there was at the start has been read."""
        while True:
            batch = await batches.get()
            if batch is None:
                self.ready = True
                continue
            for record in batch:
                self._apply(record)
            async with self._progress:
                self._progress.notify_all()

    def _apply(self, record: Record) -> None:
        """A record that is none of a registry's changes nothing: the topic may hold what a newer one wrote."""
        try:
            self.state.apply(record.key, record.value)
        except (ValueError, KeyError, TypeError, AttributeError, SchemaError) as cause:
            log.warning("registry record passed over", offset=record.offset, cause=repr(cause))
        self._applied = record.offset
