"""The runner's driver in memory: no broker, no clock, and crashes as data in the input."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from msgspec.structs import replace

from schemas.event import Event
from schemas.events import Tick
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.fold import Fold
from streams.log import Outgoing, Record
from streams.log_memory import MemoryLog
from streams.publisher import Publisher
from streams.runner import Runner
from streams.store import Progress, digest_of
from streams.store_memory import MemoryStore, MemoryStores


class Crash(BaseException):
    """The process dies here."""


class Abort(Enum):
    """Where in the protocol it dies, in the batch that holds the record before it."""

    BEFORE_OUTPUTS = 1
    AMID_OUTPUTS = 2
    AFTER_OUTPUTS = 3
    AFTER_COMMIT = 4


class Outcome(NamedTuple):
    """What is left after a run, apart from repeats."""

    rows: list[dict[bytes, bytes]]
    progress: list[Progress]
    outputs: dict[str, set[tuple]]
    """Contents by id and topic: more than one is a conflict."""


class FragileLog(MemoryLog):
    """A log whose writer may die."""

    dying: Abort | None = None

    def append_all(self, records: Sequence[Outgoing]):
        if self.dying is Abort.BEFORE_OUTPUTS:
            raise Crash
        if self.dying is Abort.AMID_OUTPUTS:
            super().append_all(records[: len(records) // 2])
            raise Crash
        return super().append_all(records)


class FragileStore(MemoryStore):
    """A store whose writer may die."""

    dying: Abort | None = None

    def commit(self, changes, progress) -> None:
        if self.dying is Abort.AFTER_OUTPUTS:
            raise Crash
        super().commit(changes, progress)
        if self.dying is Abort.AFTER_COMMIT:
            raise Crash


class MemoryDriver:
    """A log, the stores, and runners of one fold, one after the other as each dies."""

    def __init__(self, fold: Fold, partitions: int = 4) -> None:
        self.fold = fold
        self.log = FragileLog()
        self.stores = MemoryStores()
        self.codec = Codec(LocalRegistry())
        self.publisher = Publisher(self.log, self.codec, "test-1", clock=lambda: 1_700_000_000_000_000)
        self.topic = fold.inputs[0]
        self.partitions = range(partitions)
        self._files = [FragileStore() for _ in self.partitions]
        self._aborts: dict[tuple[int, int], list[Abort]] = defaultdict(list)
        self._sent = 0
        self._last = (0, 0)
        self.batch = 7
        """Records a batch; small and odd, so that events share batches and straddle them."""
        self.redelivered = 0
        """Records before the watermark that each new process is given again."""
        for partition in self.partitions:
            self.stores._stores[f"{fold.name}.v{fold.version}", partition] = self._files[partition]

    def append(self, script: Iterable[Event | bytes | Abort]) -> None:
        """Appends events, undecodable bytes, and aborts that hit the record before them."""
        for item in script:
            if isinstance(item, Abort):
                self._aborts[self._last].append(item)
            else:
                self._sent += 1
                self._last = self._append(item)

    def _append(self, item: Event | bytes) -> tuple[int, int]:
        if isinstance(item, bytes):
            position = self.log.append(self.topic, b"bad", item, headers=(("a", b"b"),), timestamp=5).result()
        else:
            stamped = replace(item, event_id=f"id-{self._sent}", occurred_at=1_700_000_000_000_000 + self._sent)
            if isinstance(item, Tick):
                position = self.publisher.tick(stamped, self.topic, self._sent % len(self.partitions)).result()
            else:
                position = self.publisher.publish(stamped).result()
        return position.partition, position.offset

    def run(self) -> Outcome:
        """Folds everything, starting a new process after each crash; what is left."""
        while True:
            try:
                asyncio.run(self._process())
                return self.outcome()
            except Crash:
                self.log.dying = None
                for file in self._files:
                    file.dying, file.open = None, False

    async def _process(self) -> None:
        runner = Runner(self.fold, self.log, self.codec, self.stores)
        for partition in self.partitions:
            at = max(0, await runner.open(partition) - self.redelivered)
            end = self.log.ends(self.topic)[partition]
            while at < end:
                records = [r for batch in self.log.read(self.topic, partition, at, min(at + self.batch, end)) for r in batch]
                self._arm(partition, records)
                await runner.run_batch(partition, records)
                at += len(records)
        for partition in self.partitions:
            await runner.close(partition)

    def _arm(self, partition: int, records: Sequence[Record]) -> None:
        """Lets the process die in this batch where the script says so, once for each abort."""
        waiting = [self._aborts[partition, r.offset] for r in records if self._aborts.get((partition, r.offset))]
        self.log.dying = self._files[partition].dying = waiting[0].pop(0) if waiting else None

    def outcome(self) -> Outcome:
        """Rows, progress and outputs, with the digest proven."""
        outputs: dict[str, set[tuple]] = defaultdict(set)
        for topic in self.log._topics:
            if topic != self.topic:
                for partition, end in self.log.ends(topic).items():
                    for record in (r for batch in self.log.read(topic, partition, 0, end) for r in batch):
                        name = dict(record.headers).get("ce_id", b"").decode() or f"letter of {dict(record.headers)['x-error.offset']!r}"
                        outputs[f"{topic} {name}"].add((partition, record.key, record.value, record.headers, record.timestamp))
        for file in self._files:
            assert file.progress().digest == digest_of(file)
        return Outcome([dict(f.scan(b"")) for f in self._files], [f.progress() for f in self._files], dict(outputs))
