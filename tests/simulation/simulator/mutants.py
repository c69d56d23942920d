"""The runner and its ports, each broken in one way on purpose: a simulator that does not find these proves nothing."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import msgspec

from streams.errors import BacklogFullError
from streams.lanes import Lanes
from streams.log import Outgoing
from streams.rows import Batch
from streams.runner import Runner
from streams.store import Progress, row_hash
from tests.simulation.simulator.process import Killed
from tests.simulation.simulator.variant import Variant


class Port:
    """A port that passes everything on."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def done() -> "Future[None]":
    """An append that says it is acknowledged."""
    future: Future[None] = Future()
    future.set_result(None)
    return future


class NotAwaited(Port):
    """Outputs are handed to the producer, and nobody waits for their acknowledgement."""

    def append_all(self, records: Sequence[Outgoing]) -> "Future[None]":
        self.inner.append_all(records)
        return done()


class AfterTheState(Port):
    """Outputs leave only after the rows were committed."""

    def append_all(self, records: Sequence[Outgoing]) -> "Future[None]":
        asyncio.get_running_loop().call_soon(self._send, list(records))
        return done()

    def _send(self, records: list[Outgoing]) -> None:
        if self.inner.process.alive:
            with suppress(BacklogFullError, Killed):
                self.inner.append_all(records)


class GivesUp(Port):
    """A batch that the full backlog took only in part counts as sent."""

    def append_all(self, records: Sequence[Outgoing]) -> "Future[None]":
        try:
            return self.inner.append_all(records)  # type: ignore[no-any-return]
        except BacklogFullError:
            return done()


class Numbered(Port):
    """Output ids count up in the process instead of following from the input's position."""

    count = 0

    def append_all(self, records: Sequence[Outgoing]) -> "Future[None]":
        return self.inner.append_all([self._numbered(record) for record in records])  # type: ignore[no-any-return]

    def _numbered(self, record: Outgoing) -> Outgoing:
        self.count += 1
        return record._replace(headers=tuple((k, b"%s-%d" % (k.encode(), self.count) if k == "ce_id" else v) for k, v in record.headers))


class Signed(Port):
    """Outputs carry the name of the process that made them."""

    def append_all(self, records: Sequence[Outgoing]) -> "Future[None]":
        name = self.inner.process.name.encode()
        return self.inner.append_all([r._replace(headers=(*r.headers, ("made-by", name))) for r in records])  # type: ignore[no-any-return]


class Unordered(Port):
    """The last output of a batch is sent first."""

    def append_all(self, records: Sequence[Outgoing]) -> "Future[None]":
        return self.inner.append_all([*records[-1:], *records[:-1]])  # type: ignore[no-any-return]


class BlindToGaps(Port):
    """What the transport left out is taken for compacted."""

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Any]:
        return iter(())


class Opening(Port):
    """Stores whose every store is broken in one way."""

    broken: type[Port]

    def open(self, view: str, partition: int) -> Any:
        return self.broken(self.inner.open(view, partition))


class WatermarkApart(Port):
    """Rows are written first, the watermark a moment later."""

    def commit(self, changes: Mapping[bytes, bytes | None], progress: Progress) -> None:
        self.inner.store.commit(changes, self.inner.store.progress())
        self.inner.commit({}, progress)


class WatermarkFirst(Port):
    """The watermark is written first, the rows a moment later."""

    def commit(self, changes: Mapping[bytes, bytes | None], progress: Progress) -> None:
        self.inner.store.commit({}, progress)
        self.inner.commit(changes, progress)


class DeletionsLeftInDigest(Port):
    """A row that goes stays in the digest."""

    drift = 0

    def commit(self, changes: Mapping[bytes, bytes | None], progress: Progress) -> None:
        gone = [(address, self.inner.get(address)) for address, row in changes.items() if row is None]
        self.drift += sum(row_hash(address, row) for address, row in gone if row is not None)
        self.inner.commit(changes, Progress(progress.watermark, (progress.digest + self.drift) % (1 << 128)))


class DeletionsLeftInStore(Port):
    """A row that goes stays on the disk."""

    def commit(self, changes: Mapping[bytes, bytes | None], progress: Progress) -> None:
        self.inner.commit({address: row for address, row in changes.items() if row is not None}, progress)


def stores_of(store: type[Port]) -> type[Opening]:
    """Stores of broken ones."""
    return type(f"Stores of {store.__name__}", (Opening,), {"broken": store})


class RepeatsFolded(Runner):
    """Records at or below the watermark are folded again."""

    async def run_batch(self, partition: int, records: Any) -> None:
        held = self._partitions.get(partition)
        if held is not None and records:
            held.progress = Progress(min(held.progress.watermark, records[0].offset - 1), held.progress.digest)
        await super().run_batch(partition, records)


class ClosedInFlight(Runner):
    """A partition is given back without waiting for the batch in flight."""

    async def close(self, partition: int) -> int | None:
        held = self._partitions.pop(partition, None)
        if held is None:
            return None
        held.store.close()
        return held.progress.watermark + 1


class LosesLateStores(Runner):
    """A take-over that is cancelled while a store is being opened forgets that store."""

    async def _open_store(self, partition: int) -> Any:
        return await asyncio.to_thread(self._stores.open, self.view, partition)


class JoinsAnything(Lanes):
    """Deliveries are joined whether or not one continues the other."""

    async def put(self, partition: int, records: Any) -> None:
        lane = self._lanes.get(partition)
        if lane is not None and lane.deliveries:
            records = [*lane.take(0), *records]
        await super().put(partition, records)


class EmittedTooFar(Runner):
    """What the group committed is taken for one record more than it says."""

    async def open(self, partition: int, emitted: int = 0) -> int:
        return await super().open(partition, emitted + 1)


class AcknowledgedAsTaken(Runner):
    """The position that may be committed is that of the batch in flight, not that of the last one folded."""

    taken = 0

    async def run_batch(self, partition: int, records: Any) -> None:
        self.taken = {**(self.taken or {}), partition: records[-1].offset + 1}  # type: ignore[assignment,dict-item]
        await super().run_batch(partition, records)

    def next_offset(self, partition: int) -> int | None:
        folded = super().next_offset(partition)
        return None if folded is None else max(folded, (self.taken or {}).get(partition, 0))  # type: ignore[attr-defined]


class KeepsPoisonedWrites(Runner):
    """What a poisoned event wrote before it failed stays."""

    def _dead_letter(self, batch: Batch, *rest: Any) -> Any:
        batch.keep()
        return super()._dead_letter(batch, *rest)


class Impatient(Port):
    """A fold that reads a clock."""

    def apply(self, rows: Any, event: Any, at: Any) -> Any:
        for made in self.inner.apply(rows, event, at):
            yield msgspec.structs.replace(made, text=f"{asyncio.get_running_loop().time()}") if hasattr(made, "text") else made


MUTANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("outputs-not-awaited", log=NotAwaited),
        Variant("state-before-outputs", log=AfterTheState),
        Variant("full-backlog-ignored", log=GivesUp),
        Variant("ids-from-a-counter", log=Numbered),
        Variant("outputs-name-their-process", log=Signed),
        Variant("outputs-out-of-order", log=Unordered),
        Variant("gap-not-read", log=BlindToGaps),
        Variant("watermark-apart-from-rows", stores=stores_of(WatermarkApart)),
        Variant("watermark-before-rows", stores=stores_of(WatermarkFirst)),
        Variant("digest-keeps-deleted-rows", stores=stores_of(DeletionsLeftInDigest)),
        Variant("store-keeps-deleted-rows", stores=stores_of(DeletionsLeftInStore)),
        Variant("repeats-folded-again", runner=RepeatsFolded),
        Variant("closed-in-flight", runner=ClosedInFlight),
        Variant("store-left-open", runner=LosesLateStores),
        Variant("deliveries-joined-over-gaps", lanes=JoinsAnything),
        Variant("hint-trusted-too-far", runner=EmittedTooFar),
        Variant("acknowledged-before-folded", runner=AcknowledgedAsTaken),
        Variant("poisoned-writes-kept", runner=KeepsPoisonedWrites),
        Variant("fold-reads-a-clock", fold=Impatient),
    )
}
