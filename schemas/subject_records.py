"""Records of the `_schemas` topic, in the JSON that Confluent's Schema Registry reads and writes: it can take the topic over, and we its.

Keys are compared as bytes by compaction, so their attributes keep Confluent's order.
"""

import json
from typing import Any, NamedTuple

TOPIC = "_schemas"
"""Compacted, one partition: the order of its records is the registry's history."""


class StoredRecord(NamedTuple):
    """Key and value as they lie on the topic."""

    key: bytes
    value: bytes | None


class Version(NamedTuple):
    """A schema's place in a subject."""

    subject: str
    version: int
    id: int
    schema: str
    """JSON text."""
    deleted: bool = False
    """Soft-deleted: hidden, and still there for its id."""

    def stored(self) -> StoredRecord:
        """As a record."""
        key = {"keytype": "SCHEMA", "subject": self.subject, "version": self.version, "magic": 1}
        return StoredRecord(_json(key), _json(self._asdict()))

    def erased(self) -> StoredRecord:
        """The tombstone of a hard delete."""
        return StoredRecord(self.stored().key, None)


def subject_deleted(subject: str, last: int) -> StoredRecord:
    """Soft-deletes a subject's versions up to the last one."""
    return StoredRecord(_json({"keytype": "DELETE_SUBJECT", "subject": subject, "magic": 0}), _json({"subject": subject, "version": last}))


def level_set(subject: str | None, level: str | None) -> StoredRecord:
    """Sets a subject's compatibility level, or the global one; None takes it away."""
    key = _json({"keytype": "CONFIG", "subject": subject, "magic": 0})
    return StoredRecord(key, None if level is None else _json({"subject": subject, "compatibilityLevel": level}))


def mode_set(subject: str | None, mode: str | None) -> StoredRecord:
    """Sets a subject's mode, or the global one; None takes it away."""
    key = _json({"keytype": "MODE", "subject": subject, "magic": 0})
    return StoredRecord(key, None if mode is None else _json({"subject": subject, "mode": mode}))


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
