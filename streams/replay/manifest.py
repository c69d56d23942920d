"""What a replay found: which records, and what came of them, as digests. The same range and code give the same manifest, on any machine."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b, sha256

import msgspec

from streams.objects import Objects

FORMAT = 1
"""Counted up when equal replays would get another digest than before."""
DIGEST_BYTES = 16
ID_DIGITS = 16
"""Hexadecimal digits of the content's hash: two of a billion manifests share them by chance once in forty."""
SOURCE_ONLY = "topic"
"""Folder of the replays of a topic that is not folded."""


class PartitionReplay(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One partition's part."""

    partition: int
    start: int
    """Offset of the first record that was asked for."""
    end: int
    """Offset after the last one."""
    records: int
    """Records met; compaction and transactions leave gaps."""
    content: str | None = None
    """Digest of the records whole. Of a topic's replay."""
    state: str | None = None
    """Digest of the rows. Of a view's replay, as the ones below."""
    begun_from: str | None = None
    """Digest of the rows of the snapshot that it began from; None where it began without rows."""
    outputs: str | None = None
    """Digest of what the fold would have sent, in order."""
    sent: int = 0
    """How many records that would have been."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a replay. It names no time and no machine."""

    format: int = FORMAT
    topic: str
    view: str | None
    """The fold's name and version; None for a topic alone."""
    code_version: str
    schemas: dict[int, str]
    """Ids met, and the full name of the record that each describes."""
    events: dict[str, int]
    """Records by full name; `tombstone`, `not avro` and `unknown schema` for others."""
    partitions: tuple[PartitionReplay, ...]
    content: str | None
    state: str | None
    outputs: str | None
    """Digests over those of all partitions."""

    @property
    def id(self) -> str:
        """Hash of the content."""
        return sha256(self.encoded).hexdigest()[:ID_DIGITS]

    @property
    def address(self) -> str:
        """Where it is stored."""
        return f"replays/{self.view or f'{SOURCE_ONLY}/{self.topic}'}/{self.id}.json"

    @property
    def encoded(self) -> bytes:
        """As JSON, one way only: what has no order is sorted."""
        return msgspec.json.encode(self)

    @property
    def records(self) -> int:
        """Of all partitions."""
        return sum(part.records for part in self.partitions)

    async def keep(self, objects: Objects) -> None:
        """Stores it under its address."""
        await objects.put(self.address, self.encoded)


def over_all(digests: Mapping[int, str | None]) -> str | None:
    """One digest over those of the partitions; None where there is none."""
    if any(digest is None for digest in digests.values()):
        return None
    return digest_of(f"{partition} {digest}\n".encode() for partition, digest in sorted(digests.items()))


def digest_of(parts: Iterable[bytes]) -> str:
    """Of the parts one behind another."""
    hashed = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        hashed.update(part)
    return hashed.hexdigest()
