"""The replay of one partition: its records through the fold's runner, or through a digest alone. Nothing is sent and nothing committed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.registry import Registry
from schemas.wire import Codec
from streams.errors import FatalError
from streams.fold import Fold
from streams.log import Source
from streams.outputs import view_name
from streams.replay.digests import RunningDigest, beginnings, named
from streams.replay.manifest import PartitionReplay
from streams.replay.processes import Told
from streams.snapshots import Snapshots
from streams.store import BEGINNING, Progress
from streams.store_rocksdict import RocksStores
from streams.views.refolding import Refold, in_batches


class Connection(NamedTuple):
    """What a process replays with."""

    source: Source
    codec: Codec
    registry: Registry
    snapshots: Snapshots | None = None


Connect = Callable[[], Connection]
"""Makes what a process replays with. It goes to other processes: a module's function, or an instance of a module's class."""


class Plan(NamedTuple):
    """What is replayed. Goes to other processes: a fold must be picklable, as every instance of a module's class is."""

    topic: str
    ranges: Mapping[int, range]
    """Offsets by partition."""
    fold: Fold | None = None
    """None: the topic alone."""
    from_snapshot: bool = False
    """Begin each partition from its newest snapshot before the range's end, where there is one, instead of the range's start."""
    outputs: bool = True
    """Whether the fold's outputs are made and digested: half of the time of a fold that makes one an event, and not needed for its rows."""
    code_version: str = ""


class Replayed(NamedTuple):
    """What one partition's replay found."""

    part: PartitionReplay
    schemas: dict[int, str]
    """Full names of the records by their schema's id."""
    events: dict[str, int]
    """Records by full name."""


def replay_partitions(connect: Connect, plan: Plan, directory: Path, partitions: Sequence[int], told: Told) -> list[Replayed]:
    """Replays some partitions, one after another; blocking."""
    connection = connect()
    return [replay_partition(connection, plan, partition, directory, told) for partition in partitions]


def replay_partition(connection: Connection, plan: Plan, partition: int, directory: Path, told: Told) -> Replayed:
    """Replays one partition; blocking. The rows of a view are in `directory` afterwards, where RocksStores has them."""
    if plan.fold is None:
        return replay_topic(connection, plan, partition, told)
    return asyncio.run(replay_fold(connection, plan, plan.fold, partition, directory, told=told))


def replay_topic(connection: Connection, plan: Plan, partition: int, told: Told) -> Replayed:
    """Reads one partition of a topic."""
    asked = plan.ranges[partition]
    counts: Counter[bytes | None] = Counter()
    content = RunningDigest()
    for records in in_batches(connection.source, plan.topic, partition, asked.start, asked.stop):
        content.add(records)
        counts += beginnings(records)
        told(partition, records[-1].offset + 1)
    part = PartitionReplay(partition=partition, start=asked.start, end=asked.stop, records=counts.total(), content=content.hexdigest())
    return Replayed(part, *named(counts, connection.registry))


async def replay_fold(connection: Connection, plan: Plan, fold: Fold, partition: int, directory: Path, *, told: Told) -> Replayed:
    """Folds one partition. The rows are in `directory` afterwards, where RocksStores has them.

    Raises:
        FatalError: `directory` holds rows already, or the fold cannot take a record.
    """
    asked, begun_from = plan.ranges[partition], None
    view = view_name(fold)
    path = directory / view / str(partition)
    if path.exists():
        raise FatalError(f"{path} is there already: a replay begins in an empty directory. Remove it or name another")
    if plan.from_snapshot and connection.snapshots is not None:
        snapshot = await connection.snapshots.restore(view, partition, path, at_most=asked.stop - 1)
        if snapshot is not None:
            asked, begun_from = range(snapshot.watermark + 1, asked.stop), snapshot.digest
    store = RocksStores(directory).open(view, partition)
    try:
        if store.progress() == BEGINNING and asked.start:
            store.commit({}, Progress(asked.start - 1, 0))
        outputs = RunningDigest() if plan.outputs else None
        refold = Refold(fold, connection.codec, store, partition, None if outputs is None else outputs.add)
        counts: Counter[bytes | None] = Counter()
        for records in in_batches(connection.source, plan.topic, partition, asked.start, asked.stop):
            await refold.fold(records)
            counts += beginnings(records)
            told(partition, records[-1].offset + 1)
        state = f"{store.progress().digest:032x}"
    finally:
        store.close()
    part = PartitionReplay(
        partition=partition,
        start=asked.start,
        end=asked.stop,
        records=counts.total(),
        state=state,
        begun_from=begun_from,
        outputs=None if outputs is None else outputs.hexdigest(),
        sent=0 if outputs is None else outputs.count,
    )
    return Replayed(part, *named(counts, connection.registry))
