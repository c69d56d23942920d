"""A past period of chat moderated again by another policy, beside the live system and without a trace on it.

As in a bounded replay there is no producer in it and no group. Each partition is folded twice, by the live policy and by the other one,
from the same rows: those of the newest snapshot before the period, or what the log makes of its start.
"""

import asyncio
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from processors.chat import CHAT
from processors.chat.fold import ChatFold, plain
from processors.chat.policy import Policy
from processors.chat.whatif import AFTERWARDS_US, Comparison, Report, decisions
from schemas.errors import SchemaError
from schemas.event import Event
from schemas.events import MessagePosted
from schemas.wire import Codec
from streams.log import Outgoing, Record
from streams.outputs import view_name
from streams.privacy.folds import fold_codec
from streams.repeats import Repeats, source_of
from streams.replay.partition import Connect, Connection
from streams.replay.processes import Told, in_processes
from streams.store import BEGINNING, Progress
from streams.store_rocksdict import RocksStores
from streams.topics import OF_EVENT
from streams.views.refolding import Refold, in_batches, refold

COMMANDS, EVENTS = CHAT.inputs[0], OF_EVENT[MessagePosted].name
EARLIER_MS = 60_000
"""How much before the period's first record its decisions are looked for: records of one moment lie a little apart."""


class Plan(NamedTuple):
    """What is moderated again. Goes to other processes."""

    ranges: Mapping[int, range]
    """Commands' offsets by partition."""
    policy: Policy
    samples: int = 5
    """Texts that are kept of each kind of change."""


def remoderate(plan: Plan, connect: Connect, *, processes: int | None = None, told: Told | None = None) -> Report:
    """Compares a period's decisions; blocking, for a thread without event loop.

    Raises:
        FatalError: the fold cannot take a record, or a process died.
        MissingRangeError, RegistryUnavailableError: as their names say.
    """
    with TemporaryDirectory(prefix="chronicast-what-if-") as directory:
        work = partial(_partitions, connect, plan, Path(directory))
        sizes = {partition: len(asked) for partition, asked in plan.ranges.items()}
        found = in_processes(work, sizes, told or (lambda partition, offset: None), processes)
    return reduce(lambda one, other: one.plus(other, plan.samples), (report for reports in found for report in reports), Report())


def _partitions(connect: Connect, plan: Plan, directory: Path, partitions: Sequence[int], told: Told) -> list[Report]:
    connection = connect()
    return [asyncio.run(_partition(connection, plan, partition, directory, told)) for partition in partitions]


async def _partition(connection: Connection, plan: Plan, partition: int, directory: Path, told: Told) -> Report:
    """One partition: its rows at the period's begin, then both folds over the period, batch by batch beside what was recorded."""
    asked, comparison = plan.ranges[partition], Comparison(plan.samples)
    if not asked:
        return comparison.result()
    await _begin(connection, partition, asked.start, directory)
    codec, texts = connection.codec, fold_codec(CHAT, connection.codec)
    stores = [RocksStores(directory / each).open(view_name(CHAT), partition) for each in ("was", "would")]
    made: list[list[Outgoing]] = [[], []]
    folds = (CHAT, ChatFold(plain, plan.policy))
    refolds = [Refold(fold, codec, store, partition, sent.extend) for fold, store, sent in zip(folds, stores, made, strict=True)]
    recorded: Recorded | None = None
    try:
        for records in in_batches(connection.source, COMMANDS, partition, asked.start, asked.stop):
            recorded = recorded or Recorded(connection, partition, records[0])
            again, would = [await _decided(each, sent, records, codec) for each, sent in zip(refolds, made, strict=True)]
            then = recorded.up_to(records[-1].offset)
            comparison.judge(_events(records, texts), dict(decisions(then)), again, would)
            comparison.follow(then)
            told(partition, records[-1].offset + 1)
    finally:
        for store in stores:
            store.close()
    if recorded is not None:
        comparison.follow(recorded.afterwards())
    return comparison.result()


async def _begin(connection: Connection, partition: int, start: int, directory: Path) -> None:
    """Makes the rows at the period's begin, once for each fold."""
    view = view_name(CHAT)
    path = directory / "was" / view / str(partition)
    if connection.snapshots is not None:
        await connection.snapshots.restore(view, partition, path, at_most=start - 1)
    store = RocksStores(directory / "was").open(view, partition)
    try:
        kept = connection.source.starts_at(COMMANDS, None)[partition]
        if store.progress() == BEGINNING and kept:
            store.commit({}, Progress(kept - 1, 0))
        await refold(Refold(CHAT, connection.codec, store, partition), connection.source, start)
    finally:
        store.close()
    shutil.copytree(path, directory / "would" / view / str(partition))


async def _decided(fold: Refold, sent: list[Outgoing], records: Sequence[Record], codec: Codec) -> dict[str, str]:
    """What a fold decides about a batch's messages."""
    await fold.fold(records)
    events = [codec.decode(each.value) for each in sent if each.topic == EVENTS and each.value is not None]
    sent.clear()
    return dict(decisions(events))


class Recorded:
    """What the live view sent about a period, in the order of the commands that it followed from."""

    def __init__(self, connection: Connection, partition: int, first: Record) -> None:
        """`first`: the period's first record."""
        self._codec = connection.codec
        self._began = first.offset
        self._last_us = first.timestamp * 1_000
        start = connection.source.starts_at(EVENTS, first.timestamp - EARLIER_MS)[partition]
        self._left = self._read(connection, partition, start)
        self._next = next(self._left, None)

    def up_to(self, offset: int) -> list[Event]:
        """What followed from the next commands, up to one of an offset."""
        found = []
        while self._next is not None and self._next[0] <= offset:
            found.append(self._next[1])
            self._last_us = max(self._last_us, self._next[1].occurred_at)
            self._next = next(self._left, None)
        return found

    def afterwards(self) -> Iterator[Event]:
        """What followed from commands behind the period, while it may be about its messages."""
        while self._next is not None and self._next[1].occurred_at <= self._last_us + AFTERWARDS_US:
            yield self._next[1]
            self._next = next(self._left, None)

    def _read(self, connection: Connection, partition: int, start: int) -> Iterator[tuple[int, Event]]:
        """(command's offset, event) of the records from one on; what was sent twice comes once."""
        repeats = Repeats()
        for records in in_batches(connection.source, EVENTS, partition, start, connection.source.ends(EVENTS)[partition]):
            for record in records:
                source = source_of(record)
                if source is None or source[0] != f"{COMMANDS}/{partition}" or not repeats.fresh(record):
                    continue
                offset, _ = source[1]
                if offset >= self._began:
                    for event in _events([record], self._codec):
                        yield offset, event


def _events(records: Sequence[Record], codec: Codec) -> Iterator[Event]:
    """The events; what cannot be decoded is passed over, as the fold's runner does."""
    for record in records:
        if record.value is not None:
            try:
                yield codec.decode(record.value)
            except SchemaError:
                continue
