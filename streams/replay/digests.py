"""Digests over records in their order, whatever batches they come in."""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from schemas.avro_schema import full_name
from schemas.errors import UnknownSchemaError
from schemas.registry import Registry
from schemas.wire import HEADER, MAGIC
from streams.log import Outgoing, Record
from streams.replay.manifest import DIGEST_BYTES

ENCODE = msgspec.msgpack.Encoder().encode
"""A record's bytes, one way only: its fields in their order, each behind its type and length."""


class RunningDigest:
    """Digest over the records of a partition, or over what a fold would have sent: all of their fields."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=DIGEST_BYTES)
        self.count = 0

    def add(self, records: Sequence[Record] | Sequence[Outgoing]) -> None:
        """Goes on with the next ones."""
        self._hash.update(b"".join(map(ENCODE, records)))
        self.count += len(records)

    def hexdigest(self) -> str:
        """So far."""
        return self._hash.hexdigest()


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
