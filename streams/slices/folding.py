"""A slice replayed: into a view, which gives a manifest with digests, or onto another log."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from schemas.avro_schema import full_name
from schemas.registry import Registry
from schemas.wire import HEADER, MAGIC, Codec
from streams import reading
from streams.errors import StreamingError
from streams.fold import Fold
from streams.log import Log, Outgoing, Record
from streams.outputs import view_name
from streams.replay.digests import RunningDigest, beginnings, named
from streams.replay.manifest import Manifest, PartitionReplay, over_all
from streams.slices.file import Slice
from streams.slices.pace import Due, paced
from streams.slices.registry import SliceRegistry
from streams.store import Progress
from streams.store_rocksdict import RocksStores
from streams.telling import Told
from streams.views.refolding import Refold


class NotEmptyError(StreamingError):
    """A slice goes onto a log that has none of its topics' records yet, for they would be mixed.

    Operator action: take a fresh Kafka, or delete the topics there.
    """


def fold_slice(
    held: Slice, fold: Fold, directory: Path, *, speed: float | None = None, code_version: str = "", told: Told = lambda done, total: None
) -> Manifest:
    """Folds a slice's records of a view's topic, from empty rows; the same slice and code give the same manifest at any speed.

    The rows are in `directory` afterwards, where RocksStores has them. Blocking.

    Raises:
        StreamingError: the slice holds nothing of the view's topic, or the directory holds rows of it already, or the view reads texts.
        FatalError: the fold cannot take a record.
    """
    topic = fold.inputs[0]
    if reads_texts(fold):
        raise StreamingError(f"{view_name(fold)} reads texts, and a slice holds them sealed: replay it from the log (./chronicast replay)")
    if not held.ranges(topic):
        raise StreamingError(f"{held.path} holds {', '.join(held.manifest.topics)}, and {view_name(fold)} reads {topic}")
    return asyncio.run(_fold(held, fold, directory, paced(_of(held, topic), speed), code_version=code_version, told=told))


def reads_texts(fold: Fold) -> bool:
    """Whether a fold decides by personal texts, which it cannot do on a slice."""
    return bool(getattr(fold, "opens", ()))


class _Part(NamedTuple):
    refold: Refold
    outputs: RunningDigest
    counts: Counter[bytes | None]


async def _fold(held: Slice, fold: Fold, directory: Path, pace: Iterable[Due], *, code_version: str, told: Told) -> Manifest:
    topic, registry = fold.inputs[0], SliceRegistry(held.schemas)
    codec, stores, ranges = Codec(registry), RocksStores(directory), held.ranges(topic)
    total = sum(each.records for each in held.manifest.ranges if each.topic == topic)
    done = 0
    with ExitStack() as closing:
        parts: dict[int, _Part] = {}
        for partition, asked in ranges.items():
            store = stores.open(view_name(fold), partition)
            closing.callback(store.close)
            if store.progress().watermark >= 0:
                raise StreamingError(f"{directory} holds rows of {view_name(fold)} already: name an empty directory")
            if asked.start:
                store.commit({}, Progress(asked.start - 1, 0))
            outputs = RunningDigest()
            parts[partition] = _Part(Refold(fold, codec, store, partition, outputs.add), outputs, Counter())
        for due in pace:
            together: dict[int, list[Record]] = {}
            for record in due.records:
                together.setdefault(record.partition, []).append(record)
            for partition, records in together.items():
                await parts[partition].refold.fold(records)
                parts[partition].counts.update(beginnings(records))
            done += len(due.records)
            told(done, total)
        found = [_told(partition, ranges[partition], part) for partition, part in sorted(parts.items())]
    schemas, events = named(sum((part.counts for part in parts.values()), Counter[bytes | None]()), registry)
    return Manifest(
        topic=topic,
        view=view_name(fold),
        code_version=code_version,
        schemas=schemas,
        events=events,
        partitions=tuple(found),
        content=None,
        state=over_all({part.partition: part.state for part in found}),
        outputs=over_all({part.partition: part.outputs for part in found}),
    )


def _told(partition: int, asked: range, part: _Part) -> PartitionReplay:
    return PartitionReplay(
        partition=partition,
        start=asked.start,
        end=asked.stop,
        records=part.counts.total(),
        state=f"{part.refold.progress.digest:032x}",
        outputs=part.outputs.hexdigest(),
        sent=part.outputs.count,
    )


def _of(held: Slice, topic: str) -> Iterator[Record]:
    return (record for record in held.records() if record.topic == topic)


class Copied(NamedTuple):
    """What was put onto another log."""

    records: int
    unmapped: int
    """Records whose bytes name a schema that the slice does not hold: they went as they are."""
    late_s: list[float]
    """Seconds by which each batch was behind its time."""


def copy_slice(held: Slice, log: Log, registry: Registry, *, speed: float | None = None, told: Told = lambda done, total: None) -> Copied:
    """Appends a slice to a log that has none of it: partitions, keys, headers, timestamps and order stay, offsets begin at 0.

    Its schemas are registered there, and the ids in the bytes replaced by that registry's.

    Raises:
        NotEmptyError: a topic there holds records.
        StreamingError: a topic is missing there or has fewer partitions, or the log refused a record.
        RegistryUnavailableError, IncompatibleSchemaError: a schema could not be registered.
    """
    for topic in held.manifest.topics:
        there = reading.held(log, topic)
        if any(there.values()):
            raise NotEmptyError(f"{topic} holds {sum(map(len, there.values()))} records there already: take an empty Kafka")
        if len(there) < len(held.ranges(topic)):
            raise StreamingError(f"{topic} has {len(there)} partitions there, and the slice has {len(held.ranges(topic))}")
    mapped: dict[tuple[str, int], bytes] = {}
    done = unmapped = 0
    late = []
    for due in paced(held.records(), speed):
        outgoing = []
        for record in due.records:
            value = _mapped(held, record, registry, mapped)
            unmapped += value is record.value and _number(record) is not None
            outgoing.append(Outgoing(record.topic, record.key, value, record.headers, record.timestamp, record.partition))
        log.append_all(outgoing).result()
        done += len(outgoing)
        late.append(due.late_s)
        told(done, held.manifest.records)
    return Copied(done, unmapped, late)


def _number(record: Record) -> int | None:
    """The schema id that bytes name."""
    value = record.value
    return None if value is None or len(value) < HEADER.size or value[0] != MAGIC else int(HEADER.unpack_from(value)[1])


def _mapped(held: Slice, record: Record, registry: Registry, mapped: dict[tuple[str, int], bytes]) -> bytes | None:
    """The value with the registry's id; the very same object where it cannot be mapped."""
    number = _number(record)
    if number is None or record.value is None or number not in held.schemas:
        return record.value
    at = (record.topic, number)
    if at not in mapped:
        schema = held.schemas[number]
        mapped[at] = HEADER.pack(MAGIC, registry.register(f"{record.topic}-{full_name(schema)}", schema))
    return mapped[at] + record.value[HEADER.size :]
