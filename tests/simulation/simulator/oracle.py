"""What must come out, computed apart from the runner: the plain fold over dictionaries, over the events as they were made.

It shares the fold, the catalogue and the partitioner with the product, and no code of runner, rows, stores, outputs or codec.
"""

from collections.abc import Iterator, MutableMapping
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import msgspec

from schemas.event import Event
from schemas.events import Tick
from streams.errors import PoisonError
from streams.fold import At, Fold, Table
from streams.keys import partition_for
from streams.log import Record
from streams.topics import OF_EVENT, PARTITIONS, key_of
from tests.simulation.simulator.workloads import Input, Workload

ROW = msgspec.msgpack.Encoder(order="deterministic")
LONGEST_KEY = 65_534
OWED = "x-owed"
"""Table of the records that a view sent away, so that a replay is folded where it was missing."""


class Expected(NamedTuple):
    """An output."""

    index: int
    event: Event
    topic: str
    partition: int


class Letter(NamedTuple):
    """A dead letter."""

    record: Record
    stage: str


class After(NamedTuple):
    """A partition after one of its records."""

    digest: int
    outputs: list[Expected]
    letter: Letter | None


class DictRows(MutableMapping[str, Any]):
    """A table under a key: a dictionary, in order, that notes what was before."""

    def __init__(self, prefix: bytes, journal: list[tuple["DictRows", str, Any]]) -> None:
        self.prefix = prefix
        self.kept: dict[str, Any] = {}
        self._journal = journal

    def __getitem__(self, row: str) -> Any:
        return self.kept[row]

    def __setitem__(self, row: str, value: Any) -> None:
        self._journal.append((self, row, self.kept.get(row)))
        self.kept[row] = value

    def __delitem__(self, row: str) -> None:
        self._journal.append((self, row, self.kept[row]))
        del self.kept[row]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.kept))

    def __len__(self) -> int:
        return len(self.kept)


class DictTables(dict[str, DictRows]):
    """All tables under a key."""

    def __init__(self, key: bytes, journal: list[tuple[DictRows, str, Any]]) -> None:
        super().__init__()
        self._key = key
        self._journal = journal

    def __missing__(self, name: str) -> DictRows:
        self[name] = DictRows(len(self._key).to_bytes(2, "big") + self._key + name.encode() + b"\0", self._journal)
        return self[name]


class View(dict[Table[Any], DictRows]):
    """What `apply` is given: tables by declaration."""

    def __init__(self, tables: DictTables) -> None:
        super().__init__()
        self._tables = tables

    def __missing__(self, table: Table[Any]) -> DictRows:
        return self._tables[table.name]


class PartitionOracle:
    """One partition, folded in the order of the log."""

    def __init__(self, fold: Fold, number: int, inputs: list[Input | None]) -> None:
        self._fold = fold
        self._number = number
        self._producer = f"{fold.name}.v{fold.version}"
        self._namespace = uuid5(NAMESPACE_URL, f"chronicast:view:{self._producer}")
        self._journal: list[tuple[DictRows, str, Any]] = []
        self._keys: dict[bytes, DictTables] = {}
        self._digest = 0
        self.after: dict[int, After] = {}
        self.sequence: list[tuple[int, Expected]] = []
        """(input offset, output) in order."""
        self.letters: list[tuple[int, Letter]] = []
        for given in inputs:
            if given is not None:
                self._fold_in(given)
        self.last = max(self.after, default=-1)

    def rows(self) -> dict[bytes, bytes]:
        """Address and bytes of every row at the end."""
        tables = [rows for tables in self._keys.values() for rows in tables.values()]
        return {rows.prefix + row.encode(): ROW.encode(value) for rows in tables for row, value in rows.kept.items()}

    def _fold_in(self, given: Input) -> None:
        record = given.record
        made: list[Expected] = []
        stage = None
        owed = self._tables(record.key)[OWED] if len(record.key) <= LONGEST_KEY else None
        if record.value is None:
            pass  # a tombstone is no event
        elif owed is None:
            stage = "key"
        elif given.repeats is not None and given.repeats not in owed:
            pass  # a replay of what was folded
        elif given.event is None:
            stage = "decode"
        else:
            try:
                made = self._apply(given.event, record)
            except PoisonError:
                stage = "apply"
        if stage is not None:
            self._take_back()
        if owed is not None and record.value is not None and given.repeats in owed:
            del owed[given.repeats]
        letter = None if stage is None else Letter(record, stage)
        if letter is not None:
            self.letters.append((record.offset, letter))
            if owed is not None:
                owed[f"{record.topic}/{record.partition}/{record.offset}"] = {"stage": stage}
        self._settle()
        self.after[record.offset] = After(self._digest, made, letter)
        self.sequence += [(record.offset, output) for output in made]

    def _tables(self, key: bytes) -> DictTables:
        if key not in self._keys:
            self._keys[key] = DictTables(key, self._journal)
        return self._keys[key]

    def _apply(self, event: Event, record: Record) -> list[Expected]:
        keys = [record.key]
        if isinstance(event, Tick):
            keys = [key for key, tables in self._keys.items() if any(rows for name, rows in tables.items() if name != OWED)]
            keys.sort(key=lambda key: (len(key), key))
        at = At(record.topic, record.partition, record.offset, event.occurred_at)
        yielded = [made for key in keys for made in self._fold.apply(View(self._tables(key)), event, at)]
        return [self._expected(event, record, index, made) for index, made in enumerate(yielded)]

    def _expected(self, cause: Event, record: Record, index: int, made: Event) -> Expected:
        source = f"{record.topic}/{record.partition}/{record.offset}/{index}"
        stamped = msgspec.structs.replace(
            made,
            event_id=str(uuid5(self._namespace, source)),
            occurred_at=cause.occurred_at,
            producer=self._producer,
            correlation_id=cause.correlation_id,
            causation_id=cause.event_id,
        )
        topic = OF_EVENT[type(made)].name
        return Expected(index, stamped, topic, partition_for(key_of(made).encode(), PARTITIONS[topic]))

    def _take_back(self) -> None:
        while self._journal:
            rows, row, before = self._journal.pop()
            rows.kept.pop(row, None)
            if before is not None:
                rows.kept[row] = before

    def _settle(self) -> None:
        """Brings the digest up to date: what an event wrote goes in, what was there before goes out."""
        first: dict[tuple[bytes, str], tuple[DictRows, Any]] = {}
        for rows, row, before in self._journal:
            first.setdefault((rows.prefix, row), (rows, before))
        for (prefix, row), (rows, before) in first.items():
            self._digest += share(prefix + row.encode(), rows.kept.get(row)) - share(prefix + row.encode(), before)
        self._digest %= 1 << 128
        self._journal.clear()


def share(address: bytes, value: Any) -> int:
    """A row's part of the digest, as docs/why/effectively-once.md has it; 0 for no row."""
    if value is None:
        return 0
    return int.from_bytes(blake2b(len(address).to_bytes(4, "big") + address + ROW.encode(value), digest_size=16).digest(), "big")


class Oracle:
    """All partitions of a workload."""

    def __init__(self, fold: Fold, workload: Workload) -> None:
        self.partitions = {number: PartitionOracle(fold, number, inputs) for number, inputs in workload.partitions.items()}
