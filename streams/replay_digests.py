"""Digests over records in their order, whatever batches they come in."""

import struct
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

from schemas.avro_schema import full_name
from schemas.errors import UnknownSchemaError
from schemas.registry import Registry
from schemas.wire import HEADER, MAGIC
from streams.log import Headers, Outgoing, Record
from streams.replay_manifest import DIGEST_BYTES

LENGTHS = struct.Struct(">qiiii")
"""Offset or timestamp, partition, lengths of key and value (-1 is a tombstone), number of headers: with them the bytes have one reading."""
HEADER_LENGTHS = struct.Struct(">ii")


class RecordDigest:
    """Digest over (offset, key, value, headers) of a partition's records."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=DIGEST_BYTES)

    def add(self, records: Sequence[Record]) -> None:
        """Goes on with the next ones."""
        parts: list[bytes] = []
        for record in records:
            parts += _framed(record.offset, record.partition, record.key, record.value, record.headers)
        self._hash.update(b"".join(parts))

    def hexdigest(self) -> str:
        """So far."""
        return self._hash.hexdigest()


class OutputDigest:
    """Digest over what a fold would have sent."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=DIGEST_BYTES)
        self.count = 0

    def add(self, records: Sequence[Outgoing]) -> None:
        """Goes on with the next ones."""
        parts: list[bytes] = []
        for topic, key, value, headers, timestamp, partition in records:
            parts.append(topic.encode() + b"\0")
            parts += _framed(timestamp or 0, -1 if partition is None else partition, key, value, headers)
        self.count += len(records)
        self._hash.update(b"".join(parts))

    def hexdigest(self) -> str:
        """So far."""
        return self._hash.hexdigest()


def _framed(number: int, partition: int, key: bytes, value: bytes | None, headers: Headers) -> list[bytes]:
    """A record's bytes, behind their lengths."""
    parts = [LENGTHS.pack(number, partition, len(key), -1 if value is None else len(value), len(headers)), key, value or b""]
    for name, content in headers:
        encoded = name.encode()
        parts += (HEADER_LENGTHS.pack(len(encoded), len(content)), encoded, content)
    return parts


def beginnings(records: Sequence[Record]) -> Counter[bytes | None]:
    """Records by the bytes that hold the schema's id, without decoding them; None is a tombstone."""
    return Counter([None if record.value is None else record.value[: HEADER.size] for record in records])


def named(counts: Counter[bytes | None], registry: Registry) -> tuple[dict[int, str], dict[str, int]]:
    """Schema ids with the full names of their records, and records by full name; both sorted.

    Raises:
        RegistryUnavailableError: no answer; try again.
    """
    schemas: dict[int, str] = {}
    events: Counter[str] = Counter()
    for beginning, count in counts.items():
        if beginning is None:
            events["tombstone"] += count
        elif len(beginning) < HEADER.size or beginning[0] != MAGIC:
            events["not avro"] += count
        else:
            number: int = HEADER.unpack(beginning)[1]
            try:
                schemas[number] = full_name(registry.schema(number))
            except UnknownSchemaError:
                schemas[number] = "unknown schema"
            events[schemas[number]] += count
    return dict(sorted(schemas.items())), dict(sorted(events.items()))
