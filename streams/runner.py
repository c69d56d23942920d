"""The runner: folds a topic into a view's rows, effectively once, whatever dies in between.

It knows no transport: a driver hands it what was read and asks it where to read on. The store's watermark is the truth;
what a broker holds as committed is a hint for the driver.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain

import msgspec
import structlog

from schemas.errors import RegistryUnavailableError, SchemaError
from schemas.event import Event
from schemas.events import Tick
from schemas.wire import Codec
from streams.backoff import backoff
from streams.errors import FatalError, NotAppendedError, PoisonError, StreamingError, TransientError
from streams.fold import At, Fold
from streams.letters.letter import OWED, Owed, place, replayed_from
from streams.log import Log, Outgoing, Record, appended
from streams.outputs import Outputs, view_name
from streams.privacy.folds import fold_codec, keyed_fold
from streams.rows import Batch
from streams.store import KEY_MAX, Progress, Store, Stores
from streams.topics import BY_NAME
from streams.view_metrics import view_metrics

logger = structlog.get_logger()
RETRY_FIRST_S = 0.05
RETRY_MOST_S = 2.0
"""Pauses: a short hiccup costs little, a long outage no CPU."""
REOPENED = 5_000
"""Records folded at once where a rebuilt store catches up: bounds the memory that they take."""
TOGETHER = 128
"""Records that are decoded, then folded, then encoded, each step for all of them: its code and data are in the processor's caches then.
A chat message took a fifth longer where each went through all steps alone; from 16 on more makes no difference."""
ROWS_BYTES = 4 << 20
"""Memory for rows that stay between the batches of a partition: those that change often need not be read and decoded each time."""

Pause = Callable[[float], Awaitable[None]]
Append = Callable[[Sequence[Outgoing]], Awaitable[None]]
"""Appends records in their order per partition and returns once all are acknowledged; raises TransientError or NotAppendedError."""


class SeveralInputsError(FatalError):
    """A fold over several topics: the order in which they were interleaved is on none of them, and a replay would guess it.

    Operator action: put everything that the decision needs on one topic; the order journal that would allow this does not exist yet.
    """


class Partition:
    """One partition while this process owns it."""

    def __init__(self, store: Store, emitted: int) -> None:
        self.store = store
        self.progress = store.progress()
        self.emitted = emitted
        self.rows: Batch | None = None
        """Rows as the last batch left them; None where a batch did not come to its commit, or they were too many."""
        self.lock = asyncio.Lock()
        """Held by the batch in flight: closing waits for it."""
        self.closing = False


class Runner:
    """Runs one fold over the partitions that a driver opens. For one event loop."""

    def __init__(
        self,
        fold: Fold,
        log: Log,
        codec: Codec,
        stores: Stores,
        pause: Pause = asyncio.sleep,
        *,
        append: Append | None = None,
        code_version: str = "",
    ) -> None:
        """Declares nothing on the broker and opens nothing yet.

        `append` takes the outputs of a batch to the log; by default the log's own `append_all` does. `code_version` names
        the build in dead letters.

        Raises:
            SeveralInputsError: the fold has several input topics.
            FatalError: its input is not in the catalogue.
        """
        if len(fold.inputs) != 1:
            raise SeveralInputsError(
                f"{fold.name} reads {', '.join(fold.inputs)}: only folds over one topic can be run. Their order would have to be "
                "journalled and the order journal does not exist yet; put what the decision needs on one topic"
            )
        if fold.inputs[0] not in BY_NAME:
            raise FatalError(f"{fold.name} reads {fold.inputs[0]}, which streams/topics.py does not declare")
        self.fold = keyed_fold(fold, codec)
        self.view = view_name(fold)
        self.topic = fold.inputs[0]
        self._log = log
        codec = fold_codec(fold, codec)
        self._codec = codec
        self._stores = stores
        self._pause = pause
        self._append = append or partial(appended, log)
        self._outputs = Outputs(fold, codec, code_version)
        self._decoders = {table.name: msgspec.msgpack.Decoder(table.row) for table in (*fold.tables, OWED)}
        self._partitions: dict[int, Partition] = {}
        self.metrics = view_metrics(fold.name)

    async def open(self, partition: int, emitted: int = 0) -> int:
        """Takes a partition over; the offset to read from.

        Outputs of inputs before offset `emitted` are known to be on the log (the group's committed offset): they are
        folded silently. It matters where the store was lost or lies on another host.
        """
        pauses = backoff(RETRY_FIRST_S, RETRY_MOST_S)
        while partition not in self._partitions:
            try:
                self._partitions[partition] = Partition(await self._open_store(partition), emitted)
            except TransientError as cause:
                logger.warning("waiting for the store", view=self.view, partition=partition, cause=str(cause))
                await self._pause(next(pauses))
        return self._partitions[partition].progress.watermark + 1

    async def _open_store(self, partition: int) -> Store:
        """Opens beside the event loop. A thread cannot be cancelled: where the caller is, the store is closed again once it is open."""
        opening = asyncio.ensure_future(asyncio.to_thread(self._stores.open, self.view, partition))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(lambda late: None if late.cancelled() or late.exception() else late.result().close())
            raise

    async def close(self, partition: int) -> int | None:
        """Gives a partition back, after the batch in flight; its next offset, None where it was not open."""
        held = self._partitions.get(partition)
        if held is None:
            return None
        held.closing = True
        async with held.lock:
            self._partitions.pop(partition, None)
            held.store.close()
        return held.progress.watermark + 1

    async def reopen(self, partition: int) -> None:
        """Goes on with the store that its stores open now, after the batch in flight: a rebuilt view takes over.

        What the former store was ahead is folded silently.

        Raises:
            FatalError: the new store is ahead instead: outputs would be missing. The former one stays in use.
        """
        held = self._partitions.get(partition)
        if held is None:
            return
        async with held.lock:
            if held.closing:
                return
            store, end = await self._open_store(partition), held.progress.watermark + 1
            if store.progress().watermark >= end:
                store.close()
                raise FatalError(
                    f"the rebuilt {self.view}/{partition} is ahead of the live one: outputs would be missing. Rebuild it again"
                )
            former, held.store, held.progress, held.emitted = held.store, store, store.progress(), max(held.emitted, end)
            held.rows = None
            with suppress(Exception):  # its files may be gone: that may be why the view was rebuilt
                former.close()
            for start in range(held.progress.watermark + 1, end, REOPENED):
                await self._fold_batch(held, partition, await self._missed(partition, start, min(start + REOPENED, end)))

    def next_offset(self, partition: int) -> int | None:
        """The offset after the last record that is folded, its outputs acknowledged and its rows written; None where not open."""
        held = self._partitions.get(partition)
        return None if held is None else held.progress.watermark + 1

    @property
    def partitions(self) -> tuple[int, ...]:
        """Those that are open."""
        return tuple(self._partitions)

    async def run_batch(self, partition: int, records: Sequence[Record]) -> None:
        """Folds records of one partition, in offset order as they were fetched, and returns when they may be acknowledged.

        Records of a partition that is not open, or closes meanwhile, are passed over: its next owner reads them again.

        Raises:
            FatalError: going on would make the view wrong; nothing may be acknowledged.
        """
        held = self._partitions.get(partition)
        if held is None:
            return
        async with held.lock:
            pauses = backoff(RETRY_FIRST_S, RETRY_MOST_S)
            while not held.closing:
                try:
                    with self.metrics.batch.time():
                        await self._fold_batch(held, partition, records)
                except TransientError as cause:
                    self.metrics.retries.inc()
                    logger.warning("batch is tried again", view=self.view, partition=partition, cause=str(cause))
                    await self._pause(next(pauses))
                else:
                    return

    async def _fold_batch(self, held: Partition, partition: int, records: Sequence[Record]) -> None:
        """The protocol. A crash between any two steps leads back to 1 with the same records, outputs and rows."""
        # 1. The driver took a batch of one partition.
        # 2. Drop what is folded already. A gap above the watermark: read it first; where the log has nothing there,
        #    compaction, retention or a transaction explains it.
        watermark = held.progress.watermark
        fresh = [record for record in records if record.offset > watermark]
        if not fresh:
            return
        if fresh[0].offset > watermark + 1:
            fresh = [*await self._missed(partition, watermark + 1, fresh[0].offset), *fresh]

        # 3. Decode, apply, collect outputs. Their ids and bytes follow from the input's position and content alone.
        batch, held.rows = held.rows or Batch(held.store, self._decoders), None
        outputs: list[Outgoing] = []
        for at in range(0, len(fresh), TOGETHER):
            outputs += self._fold_records(batch, fresh[at : at + TOGETHER], held.emitted)

        # 4. Produce the outputs; wait until all are acknowledged. After a crash here they are sent again, byte for byte.
        if outputs:
            try:
                await self._append(outputs)
            except NotAppendedError as refused:
                raise FatalError(f"an output of {self.view} was refused: {refused}") from refused

        # 5. Write rows and watermark in one batch: from here on these records are folded.
        changes, digest = batch.changes(held.progress.digest)
        progress = Progress(fresh[-1].offset, digest)
        held.store.commit(changes, progress)
        held.progress = progress
        held.rows = batch if batch.size < ROWS_BYTES else None
        self.metrics.events.inc(len(fresh))

        # 6. Return: the driver may acknowledge. Where it does not come to that, step 2 drops the repeat.

    async def _missed(self, partition: int, start: int, end: int) -> list[Record]:
        """What lies on the log between the watermark and the first record delivered."""
        found = await asyncio.to_thread(lambda: [r for batch in self._log.read(self.topic, partition, start, end) for r in batch])
        if start > 0 and (not found or found[0].offset > start):
            await self._tell_expired(partition, start)
        self.metrics.missed.inc(len(found))
        logger.info("gap", view=self.view, partition=partition, start=start, end=end, found=len(found))
        return found

    async def _tell_expired(self, partition: int, start: int) -> None:
        """Says so where retention has cut what comes after the watermark: the view goes on without it, which nobody else would notice."""
        kept = (await asyncio.to_thread(self._log.starts_at, self.topic, None))[partition]
        if kept > start:
            self.metrics.expired.inc(kept - start)
            logger.error(
                "records left the log before this view folded them; the lake has them: ./chronicast replay VIEW --source lake",
                view=self.view,
                partition=partition,
                start=start,
                kept_from=kept,
            )

    def _fold_records(self, batch: Batch, records: Sequence[Record], emitted: int) -> list[Outgoing]:
        """Folds records in; their outputs and dead letters, without those of records before offset `emitted`."""
        causes = [self._decode(record) for record in records]
        pairs = list(zip(records, causes, strict=True))
        folded = [self._fold_record(batch, record, cause, silently=record.offset < emitted) for record, cause in pairs]
        outputs: list[Outgoing] = []
        for (record, cause), made in zip(pairs, folded, strict=True):
            if record.offset < emitted:
                continue
            if isinstance(made, Outgoing):
                outputs.append(made)
            elif isinstance(cause, Event):
                outputs += self._encode(made, cause, record)
        return outputs

    def _decode(self, record: Record) -> Event | SchemaError | None:
        """A record's event, or why there is none; None for a tombstone, which is no event."""
        if record.value is None:
            return None
        try:
            return self._codec.decode(record.value)
        except SchemaError as cause:
            return cause

    def _fold_record(
        self, batch: Batch, record: Record, cause: Event | SchemaError | None, *, silently: bool
    ) -> Sequence[Event] | Outgoing:
        """Folds one record in; the events that follow, or its dead letter. Nothing follows where it is folded silently."""
        if cause is None:
            return ()
        if len(record.key) > KEY_MAX:
            return self._dead_letter(batch, record, "key", PoisonError(f"a key of {len(record.key)} bytes: at most {KEY_MAX} have rows"))
        if (source := replayed_from(record.headers)) is not None and batch.rows(record.key)[OWED].pop(source, None) is None:
            return ()  # a replay of what this view has folded
        if isinstance(cause, RegistryUnavailableError):
            raise TransientError(str(cause)) from cause
        if isinstance(cause, SchemaError):
            return self._dead_letter(batch, record, "decode", cause)
        try:
            events = self._apply(batch, cause, record)
            made = tuple(deque(events, 0) if silently else events)  # let go one by one where nobody wants them
        except PoisonError as poison:
            return self._dead_letter(batch, record, "apply", poison)
        except StreamingError:
            raise
        except Exception as bug:
            raise self._failed(record, bug) from bug
        batch.keep()
        return made

    def _apply(self, batch: Batch, event: Event, record: Record) -> Iterable[Event]:
        """Applies the fold under the event's key. A Tick has no key: it is applied under every key that has rows."""
        topic, partition, offset, key, *_ = record
        at = At(topic, partition, offset, event.occurred_at)
        if type(event) is not Tick:
            return self.fold.apply(batch.rows(key), event, at)
        keys = batch.keys()
        return chain.from_iterable(self.fold.apply(batch.rows(each), event, at) for each in keys)

    def _encode(self, made: Sequence[Event], cause: Event, record: Record) -> list[Outgoing]:
        """The outputs that a record's events are."""
        make = self._outputs.event
        try:
            return [make(event, cause, record, index) for index, event in enumerate(made)]
        except RegistryUnavailableError as unavailable:
            raise TransientError(str(unavailable)) from unavailable
        except StreamingError:
            raise
        except Exception as bug:
            raise self._failed(record, bug) from bug

    def _failed(self, record: Record, bug: Exception) -> FatalError:
        """What stops the runner at a record."""
        where = f"{record.topic}/{record.partition} offset {record.offset}"
        return FatalError(f"{self.view} failed on {where}: {bug!r}. Nothing of it is acknowledged: mend the fold and start again")

    def _dead_letter(self, batch: Batch, record: Record, stage: str, cause: Exception) -> Outgoing:
        """Takes back what the record wrote, notes that the view owes it, and sends it away."""
        batch.drop()
        if len(record.key) <= KEY_MAX:
            owed = batch.rows(record.key)[OWED]
            if (source := replayed_from(record.headers)) is not None:
                del owed[source]
            owed[place(record)] = Owed(stage)
            batch.keep()
        self.metrics.dead_letters.labels(stage).inc()
        logger.warning("dead letter", view=self.view, partition=record.partition, offset=record.offset, stage=stage, cause=str(cause))
        return self._outputs.dead_letter(record, stage, cause)
