"""What a topic holds now, read as a whole, and records in batches."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from streams.log import Record, Source


def held(source: Source, topic: str, since_ms: int | None = None) -> dict[int, range]:
    """Per partition the offsets that are there; with a time (ms since 1970) from the first record at or past it."""
    starts = source.starts_at(topic, since_ms)
    return {partition: range(starts[partition], max(starts[partition], end)) for partition, end in source.ends(topic).items()}


def batches(source: Source, topic: str, offsets: Mapping[int, range]) -> Iterator[Sequence[Record]]:
    """The records at some offsets, partition after partition, in the batches of the source."""
    for partition, wanted in offsets.items():
        if wanted:
            yield from source.read(topic, partition, wanted.start, wanted.stop)


def whole(source: Source, topic: str, since_ms: int | None = None) -> Iterator[Record]:
    """All records of a topic that are there, from a time on where one is given."""
    return chain.from_iterable(batches(source, topic, held(source, topic, since_ms)))


def batched(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """The records, so many at once; fewer at the end; Python has `itertools.batched` from 3.12 on."""
    left = iter(records)
    while batch := list(islice(left, size)):
        yield batch
