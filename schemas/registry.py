"""The registry's port, and the registry in memory."""

from collections.abc import Iterable
from threading import Lock
from typing import Protocol

from schemas.avro_schema import Schema, identity
from schemas.errors import UnknownSchemaError


class Registry(Protocol):
    """Schemas by id. Safe to use from any thread."""

    def register(self, subject: str, schema: Schema) -> int:
        """The schema's id in the subject, new if it was not there. An equal schema has one id over all subjects.

        Raises:
            InvalidSchemaError: it is no schema.
            IncompatibleSchemaError: the subject's rule refuses it.
            RegistryUnavailableError: no answer; try again.
        """

    def schema(self, id: int) -> Schema:  # noqa: A002 - what the wire format calls it
        """The schema of an id.

        Raises:
            UnknownSchemaError: there is none.
            RegistryUnavailableError: no answer; try again.
        """


class LocalRegistry:
    """A registry in this process: ids count up from 1 in the order of registration, so equal programs get equal ids."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ids: dict[str, int] = {}
        self._schemas: list[Schema] = []

    def register(self, subject: str, schema: Schema) -> int:
        """The schema's id."""
        with self._lock:
            known = self._ids.setdefault(identity(schema), len(self._schemas) + 1)
            if known > len(self._schemas):
                self._schemas.append(schema)
            return known

    def schema(self, id: int) -> Schema:  # noqa: A002
        """The schema of an id.

        Raises:
            UnknownSchemaError: there is none.
        """
        if not 1 <= id <= len(self._schemas):
            raise UnknownSchemaError(f"schema id {id} is not in this registry, which holds 1 to {len(self._schemas)}")
        return self._schemas[id - 1]


def preload(registry: Registry, contracts: Iterable[tuple[str, Schema]]) -> dict[str, int]:
    """Registers (subject, schema) pairs, such as those of all topics at start: subject -> id.

    Events are then published without a call to the registry in between.
    """
    return {subject: registry.register(subject, schema) for subject, schema in contracts}
