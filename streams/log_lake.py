"""The lake as a log: the reading half of the port, over what `sinks/lake` has landed."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import parquet

from streams.errors import FatalError, MissingRangeError, UnknownTopicError
from streams.lake import layout
from streams.lake.ranges import Commit, DataFile
from streams.lake.shelf import Shelf
from streams.log import Headers, Record
from streams.objects import ObjectMissingError
from streams.topics import PARTITIONS

BATCH = 500
"""Records given at once, as Kafka's adapter has it."""
COLUMNS = ["_offset", "_timestamp", "_key", "_headers", "_value"]
"""What a record is made of."""
STEPS = (1 << 16, 1 << 20, 1 << 24)
"""How far before an offset its commit is looked for, so that a long history is not listed from its start."""


class CorruptFileError(FatalError):
    """A file is not what its commit says. Operator action: bring it back from a copy; the message names it."""


class LakeLog:
    """Reads topics from the lake. Gives the records that the log had: same offsets, bytes, headers and timestamps."""

    def __init__(self, shelf: Shelf, partitions: Mapping[str, int] = PARTITIONS) -> None:
        self._shelf = shelf
        self._counts = partitions

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The records from offset `start` up to but not including `end`, in batches, blocking.

        Raises:
            MissingRangeError: part of the range has not been landed. What lies before it has been given.
            CorruptFileError: a file does not have the bytes that were committed.
        """
        at = start
        for commit in self.commits(topic, partition, start):
            if at >= end or commit.first > at:
                break
            records = [record for record in self._records(commit) if at <= record.offset < end]
            for low in range(0, len(records), BATCH):
                yield records[low : low + BATCH]
            at = commit.last + 1
        if at < end:
            there = next((commit.first for commit in self.commits(topic, partition, at)), end)
            raise MissingRangeError(f"offsets {at} to {min(there, end) - 1} of {topic}/{partition} are not in the lake")

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        """Per partition the first offset in the lake whose timestamp (ms) is at or past the given one; its end where there is none; its
        start for None. Partitions without commits are at 0.
        """
        return {partition: self._start(topic, partition, timestamp) for partition in self._partitions(topic)}

    def ends(self, topic: str) -> dict[int, int]:
        """Per partition the offset up to which the lake goes; 0 without commits."""
        return {partition: self._end(topic, partition) for partition in self._partitions(topic)}

    def commits(self, topic: str, partition: int, start: int = 0) -> Iterator[Commit]:
        """A partition's commits in their order, from the one that holds offset `start`, or the next one, on."""
        for address in self._addresses(topic, partition, start):
            commit = msgspec.json.decode(self._shelf.get(address), type=Commit)
            if commit.last >= start:
                yield commit

    def tip(self, topic: str, partition: int, near: int = 0) -> Commit | None:
        """A partition's last commit. `near`: an offset that it is probably past, such as the log's start."""
        names = self._shelf.names(layout.commits(topic, partition), layout.commit(topic, partition, near))
        names = names or self._shelf.names(layout.commits(topic, partition))
        return msgspec.json.decode(self._shelf.get(names[-1]), type=Commit) if names else None

    def _addresses(self, topic: str, partition: int, start: int) -> list[str]:
        """Addresses of commits from one on that begins at or before an offset, if there is such."""
        folder, wanted = layout.commits(topic, partition), layout.commit(topic, partition, start)
        for step in (*STEPS, start):
            after = layout.commit(topic, partition, start - step) if step < start else None
            names = self._shelf.names(folder, after)
            if after is None or (names and names[0] <= wanted):
                break
        return names[max(0, bisect_right(names, wanted) - 1) :]

    def _partitions(self, topic: str) -> range:
        if topic not in self._counts:
            raise UnknownTopicError(f"no topic {topic} in the catalogue; it has {', '.join(sorted(self._counts))}")
        return range(self._counts[topic])

    def _end(self, topic: str, partition: int) -> int:
        tip = self.tip(topic, partition)
        return tip.last + 1 if tip else 0

    def _start(self, topic: str, partition: int, timestamp: int | None) -> int:
        for commit in self.commits(topic, partition):
            if timestamp is None:
                return commit.first
            if commit.latest >= timestamp:
                return next(record.offset for record in self._records(commit) if record.timestamp >= timestamp)
        return self._end(topic, partition)

    def _records(self, commit: Commit) -> list[Record]:
        """A commit's records, ordered."""
        found = [record for file in commit.files for record in records_of(self._bytes(file), commit.topic, commit.partition)]
        return found if len(commit.files) == 1 else sorted(found, key=attrgetter("offset"))

    def _bytes(self, file: DataFile) -> bytes:
        """A file, held against its commit."""
        try:
            data = self._shelf.get(file.address)
        except ObjectMissingError as missing:
            raise CorruptFileError(f"{file.address} is gone, though its commit names it") from missing
        if sha256(data).hexdigest() != file.sha256:
            raise CorruptFileError(f"{file.address} has other bytes than were committed ({len(data)} now, {file.size} then)")
        return data


def records_of(data: bytes, topic: str, partition: int) -> list[Record]:
    """The records in a Parquet file of the lake, in the file's order."""
    table = parquet.ParquetFile(pa.BufferReader(data)).read(columns=COLUMNS, use_threads=False).combine_chunks()
    if not table.num_rows:
        return []
    offsets, timestamps, keys, headers, values = (column.chunk(0) for column in table.columns)
    return [
        Record(topic, partition, offset, key, value, header, timestamp)
        for offset, key, value, header, timestamp in zip(
            offsets.to_numpy().tolist(),
            listed(keys),
            listed(values),
            headers_of(headers),
            timestamps.cast(pa.int64()).to_numpy().tolist(),
            strict=True,
        )
    ]


def headers_of(column: pa.ListArray) -> list[Headers]:
    """Headers of each row. By way of numpy: it makes Python's objects twenty times as fast as pyarrow's own `to_pylist`."""
    names, values = column.values.flatten()
    pairs = tuple(zip(listed(names), listed(values), strict=True))
    bounds = column.offsets.to_numpy().tolist()
    return [pairs[low:high] for low, high in pairwise(bounds)]


def listed(column: pa.Array) -> list[Any]:
    """An array's values."""
    found: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
    return found
