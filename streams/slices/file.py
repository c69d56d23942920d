"""A slice of the log in one file: records of some topics and a time, with the schemas that their bytes name.

The file is an Avro object container (Avro 1.12 specification, "Object Container Files"), so any Avro tool reads it: one `LogRecord` per
record, in the order in which they happened, deflated, which is the one compression that every reader must have. Its metadata hold
`chronicast.manifest` and `chronicast.schemas`, both JSON.
"""

import hashlib
import heapq
import os
import shutil
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import fastavro
import msgspec
from fastavro.write import Writer

from schemas.avro_schema import Schema
from schemas.errors import UnknownSchemaError
from schemas.registry import Registry
from schemas.wire import HEADER, MAGIC
from streams.errors import StreamingError
from streams.log import Record, Source
from streams.reading import batched
from streams.telling import Told

FORMAT = 1
"""Counted up when a slice of before could not be read any more."""
SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "LogRecord",
        "namespace": "chronicast.log",
        "fields": [
            {"name": "topic", "type": "string"},
            {"name": "partition", "type": "int"},
            {"name": "offset", "type": "long"},
            {"name": "timestamp", "type": "long", "doc": "Milliseconds since 1970."},
            {"name": "key", "type": "bytes"},
            {"name": "value", "type": ["null", "bytes"], "doc": "Null is a tombstone."},
            {
                "name": "headers",
                "type": {
                    "type": "array",
                    "items": {
                        "type": "record",
                        "name": "Header",
                        "fields": [{"name": "name", "type": "string"}, {"name": "value", "type": ["null", "bytes"]}],
                    },
                },
            },
        ],
    }
)
MANIFEST, SCHEMAS = "chronicast.manifest", "chronicast.schemas"
BATCH = 500
"""Records given at once, as Kafka's adapter has it."""


class SliceError(StreamingError):
    """A file is no slice, or not the one that was written. Operator action: export it again, or take a copy that is whole."""


class Range(msgspec.Struct, frozen=True):
    """What a slice holds of a partition."""

    topic: str
    partition: int
    start: int
    """First offset."""
    end: int
    """The offset after the last one."""
    records: int
    """Compaction and transactions leave gaps."""


class SliceManifest(msgspec.Struct, frozen=True):
    """What a slice says of itself."""

    format: int
    code_version: str
    """The build that wrote it."""
    ranges: tuple[Range, ...]
    """Of every partition of every topic, also where it holds no record."""
    first_ms: int | None
    """Time of the first record, milliseconds since 1970; None where there is none."""
    last_ms: int | None
    """Time of the last one."""
    unknown_schemas: tuple[int, ...]
    """Schema ids that bytes name and the registry did not know."""
    sha256: str
    """Of everything behind the file's header."""

    @property
    def records(self) -> int:
        """Of all partitions."""
        return sum(each.records for each in self.ranges)

    @property
    def topics(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(dict.fromkeys(each.topic for each in self.ranges))


def write(
    path: Path,
    source: Source,
    registry: Registry,
    ranges: Mapping[str, Mapping[int, range]],
    *,
    code_version: str,
    told: Told = lambda done, total: None,
) -> SliceManifest:
    """Writes the given offsets (by topic and partition) to a file, which is seen whole or not at all.

    Raises:
        RegistryUnavailableError: a schema could not be asked for.
        OSError: the file could not be written.
    """
    wanted = [(topic, partition, asked) for topic, parts in ranges.items() for partition, asked in sorted(parts.items())]
    total = sum(len(asked) for _, _, asked in wanted)
    counts = dict.fromkeys([(topic, partition) for topic, partition, _ in wanted], 0)
    schemas: dict[int, Schema | None] = {}
    first = last = None
    marker = os.urandom(16)
    with TemporaryFile(dir=path.parent) as body:
        blocks = _writer(body, {}, marker)
        begins = body.tell()
        for done, (when, record) in enumerate(_in_order(source, wanted), 1):
            blocks.write(_datum(record))
            counts[record.topic, record.partition] += 1
            _learn(record, registry, schemas)
            first, last = when if first is None else first, when
            told(done, total)
        blocks.flush()
        manifest = SliceManifest(
            FORMAT,
            code_version,
            tuple(Range(topic, p, asked.start, asked.stop, counts[topic, p]) for topic, p, asked in wanted),
            first,
            last,
            tuple(sorted(number for number, schema in schemas.items() if schema is None)),
            _hash(body, begins),
        )
        known = {number: schema for number, schema in sorted(schemas.items()) if schema is not None}
        _put(path, body, begins, marker, {MANIFEST: msgspec.json.encode(manifest).decode(), SCHEMAS: msgspec.json.encode(known).decode()})
    return manifest


def _put(path: Path, body: IO[bytes], begins: int, marker: bytes, metadata: dict[str, str]) -> None:
    """The header, now that everything about the records is known, and the blocks behind it."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            _writer(file, metadata, marker)
            body.seek(begins)
            shutil.copyfileobj(body, file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _writer(file: IO[bytes], metadata: dict[str, str], marker: bytes) -> Any:
    return Writer(file, SCHEMA, codec="deflate", metadata=metadata, sync_marker=marker)


def _hash(body: IO[bytes], begins: int) -> str:
    body.seek(begins)
    return hashlib.file_digest(body, "sha256").hexdigest()  # type: ignore[arg-type]


def _in_order(source: Source, wanted: Sequence[tuple[str, int, range]]) -> Iterator[tuple[int, Record]]:
    """The records of all partitions in the order of their times; each partition's in its own order, also where its times go back."""

    def timed(topic: str, partition: int, asked: range) -> Iterator[tuple[int, Record]]:
        latest = 0
        for batch in source.read(topic, partition, asked.start, asked.stop) if asked else ():
            for record in batch:
                latest = max(latest, record.timestamp)
                yield latest, record

    return heapq.merge(*(timed(*each) for each in wanted), key=lambda found: found[0])


def _datum(record: Record) -> dict[str, Any]:
    headers = [{"name": name, "value": value} for name, value in record.headers]
    return {**record._asdict(), "headers": headers}


def _learn(record: Record, registry: Registry, schemas: dict[int, Schema | None]) -> None:
    """Asks for the schema that a record's bytes name."""
    value = record.value
    if value is None or len(value) < HEADER.size or value[0] != MAGIC:
        return
    number: int = HEADER.unpack_from(value)[1]
    if number not in schemas:
        schemas[number] = None
        with suppress(UnknownSchemaError):
            schemas[number] = registry.schema(number)


class Slice:
    """A slice that is there: a `Source`, with the offsets that the records had."""

    def __init__(self, path: Path) -> None:
        """Reads what it says of itself and compares its bytes with that.

        Raises:
            SliceError: it is no slice, or its bytes are not those that were written.
            OSError: the file cannot be read.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                metadata = fastavro.reader(file).metadata
                self.manifest = msgspec.json.decode(metadata[MANIFEST], type=SliceManifest)
                self.schemas = msgspec.json.decode(metadata[SCHEMAS], type=dict[int, Any])
                found = _hash(file, file.tell())
        except (ValueError, KeyError, IndexError, EOFError, struct.error, msgspec.MsgspecError) as cause:
            raise SliceError(f"{path} is no slice of a log: {cause!r}. `chronicast export` writes them") from cause
        if self.manifest.format != FORMAT:
            raise SliceError(f"{path} has format {self.manifest.format}, this build reads {FORMAT}: export it again")
        if found != self.manifest.sha256:
            raise SliceError(f"{path} is not as it was written: its bytes have the hash {found[:12]}, not {self.manifest.sha256[:12]}")

    def records(self) -> Iterator[Record]:
        """All of them, in the order in which they happened."""
        with self.path.open("rb") as file:
            for datum in fastavro.reader(file):
                found: dict[str, Any] = datum  # type: ignore[assignment]
                headers = tuple((header["name"], header["value"]) for header in found.pop("headers"))
                yield Record(**found, headers=headers)

    def ranges(self, topic: str) -> dict[int, range]:
        """Offsets of each partition."""
        return {each.partition: range(each.start, each.end) for each in self.manifest.ranges if each.topic == topic}

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The records from offset `start` up to but not including `end`, in batches."""
        wanted = range(start, end)
        found = (r for r in self.records() if (r.topic, r.partition) == (topic, partition) and r.offset in wanted)
        return batched(found, BATCH)

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        """Per partition the first offset at or past a timestamp in ms."""
        ranges = self.ranges(topic)
        if timestamp is None:
            return {partition: held.start for partition, held in ranges.items()}
        found = {partition: held.stop for partition, held in ranges.items()}
        for record in self.records():
            if record.topic == topic and record.timestamp >= timestamp:
                found[record.partition] = min(found[record.partition], record.offset)
        return found

    def ends(self, topic: str) -> dict[int, int]:
        """Per partition the offset after the last one."""
        return {partition: held.stop for partition, held in self.ranges(topic).items()}
