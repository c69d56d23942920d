"""Records of a partition as Arrow tables: one per event type, schema and hour, that become the files of one commit."""

from collections.abc import Callable, Container, Sequence
from hashlib import sha256
from typing import Any

import msgspec
import pyarrow as pa

from schemas.registry import Registry
from sinks.lake.columns import RECORD
from sinks.lake.decoding import Datum, Decoded, Decoder, Shape
from streams.lake.layout import TOMBSTONE, UNDECODABLE, Group, hour
from streams.log import Record

CHUNK = 2_000
"""Rows held as Python objects at once, some megabytes: a decoded event takes ten times what it takes in Arrow."""
Decode = Callable[[bytes], Decoded | None]
pack = msgspec.msgpack.Encoder().encode


class Tables:
    """The tables of one range of records."""

    def __init__(self) -> None:
        self.piles: dict[Group, Pile] = {}
        self.undecodable: list[int] = []
        """Offsets of those that no schema fits."""

    def add(self, record: Record, event: str, shape: Shape | None = None, datum: Datum | None = None) -> None:
        """One more row."""
        group = Group(event, hour(record.timestamp), shape.schema_id if shape else None)
        pile = self.piles.get(group)
        if pile is None:
            pile = self.piles[group] = Pile(shape)
        pile.add(record, datum)

    def runs(self) -> tuple[tuple[int, int], ...]:
        """The undecodable offsets as first and last of each run."""
        found: list[tuple[int, int]] = []
        for offset in self.undecodable:
            if found and found[-1][1] == offset - 1:
                found[-1] = (found[-1][0], offset)
            else:
                found.append((offset, offset))
        return tuple(found)


class Tabulator:
    """Makes tables of records."""

    def __init__(self, registry: Registry) -> None:
        self._decoder = Decoder(registry)

    def tables(self, records: Sequence[Record], undecodable: Container[int] = ()) -> Tables:
        """The tables; `undecodable`: offsets that are to be taken for such, whatever the registry knows by now.

        Raises:
            RegistryUnavailableError: try again.
        """
        try:
            return self._tables(records, undecodable, self._decoder.decode)
        except (pa.ArrowException, OverflowError):  # a number beyond its column's range, somewhere: each is looked at
            return self._tables(records, undecodable, self._decode_fitting)

    def _tables(self, records: Sequence[Record], undecodable: Container[int], decode: Decode) -> Tables:
        tables = Tables()
        for record in records:
            if record.value is None:
                tables.add(record, TOMBSTONE)
            elif record.offset in undecodable or (found := decode(record.value)) is None:
                tables.undecodable.append(record.offset)
                tables.add(record, UNDECODABLE)
            else:
                tables.add(record, found[0].event, *found)
        for pile in tables.piles.values():
            pile.pack()
        return tables

    def _decode_fitting(self, value: bytes) -> Decoded | None:
        """A value's shape and content if its columns take it: Avro's writers do not hold an int to 32 bits."""
        found = self._decoder.decode(value)
        try:
            return found and (found[0], pa.array([found[1]], found[0].columns) and found[1])
        except (pa.ArrowException, OverflowError):
            return None


class Pile:
    """Rows of one group, made into Arrow batches as they come."""

    def __init__(self, shape: Shape | None) -> None:
        self.shape = shape
        self.latest = -1
        """The largest timestamp, ms."""
        self._content = sha256()
        self._batches: list[pa.RecordBatch] = []
        self._records: list[Record] = []
        self._data: list[Datum] = []

    def add(self, record: Record, datum: Datum | None) -> None:
        """One more row."""
        self._records.append(record)
        if datum is not None:
            self._data.append(datum)
        self.latest = max(self.latest, record.timestamp)
        if len(self._records) == CHUNK:
            self.pack()

    def table(self) -> pa.Table:
        """All rows that are packed."""
        return pa.Table.from_batches(self._batches)

    def pack(self) -> None:
        """Moves what was added into Arrow.

        Raises:
            ArrowException, OverflowError: a value does not fit its column.
        """
        if not self._records:
            return
        for record in self._records:
            self._content.update(pack(record[2:]))
        arrays = record_columns(self._records)
        fields = list(RECORD)
        if self.shape is not None:
            arrays = [*pa.array(self._data, self.shape.columns).flatten(), *arrays]
            fields = [*self.shape.columns, *fields]
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)))
        self._records = []
        self._data = []

    def content(self) -> str:
        """SHA-256, hex, over MessagePack of [offset, key, value, headers, timestamp] of each row: equal however Parquet packs them."""
        return self._content.hexdigest()


def record_columns(records: Sequence[Record]) -> list[pa.Array]:
    """The columns of `RECORD`."""
    topics, partitions, offsets, keys, values, headers, timestamps = zip(*records, strict=True)
    columns: list[Any] = [topics, partitions, offsets, timestamps, keys, headers, values]
    return [pa.array(column, field.type) for column, field in zip(columns, RECORD, strict=True)]
