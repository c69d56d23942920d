"""The contract that a process was built with: types, their schemas' versions, and the way from old to new."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from schemas import events
from schemas.event import Event
from schemas.released import AVRO, by_record
from schemas.upcast import UPCASTS, Upcasts


class Contract(NamedTuple):
    """Everything that the codec knows of events."""

    types: Mapping[str, type[Event]]
    """Full record name -> Python type."""
    versions: Mapping[str, Mapping[int, dict[str, Any]]]
    """Full record name -> version -> schema, ascending."""
    upcasts: Upcasts

    @classmethod
    def of(cls, types: Iterable[type[Event]], root: Path, upcasts: Upcasts) -> "Contract":
        """Reads the `.avsc` files under a directory."""
        return cls({event.SCHEMA: event for event in types}, by_record(root), upcasts)

    def current(self, name: str) -> dict[str, Any]:
        """The newest schema of a record."""
        versions = self.versions[name]
        return versions[max(versions)]


@cache
def released() -> Contract:
    """This build's contract."""
    return Contract.of(events.TYPES, AVRO, UPCASTS)


def subject(topic: str, event: type[Event]) -> str:
    """Subject of a type on a topic (Confluent's TopicRecordNameStrategy)."""
    return f"{topic}-{event.SCHEMA}"


def subjects(topic: str, types: Iterable[type[Event]]) -> list[tuple[str, dict[str, Any]]]:
    """(subject, current schema) of each type on a topic: what `preload` takes."""
    return [(subject(topic, event), released().current(event.SCHEMA)) for event in types]
