"""The schemas of a slice, as a registry: under the ids that its bytes name."""

from collections.abc import Mapping

from schemas.avro_schema import Schema, identity
from schemas.errors import UnknownSchemaError


class SliceRegistry:
    """Knows a slice's schemas. What is registered besides gets the ids behind theirs, so equal programs get equal ids."""

    def __init__(self, schemas: Mapping[int, Schema]) -> None:
        self._schemas = dict(schemas)
        self._own = sorted(schemas)
        self._ids = {identity(schema): number for number, schema in schemas.items()}
        self._next = max(schemas, default=0) + 1

    def register(self, subject: str, schema: Schema) -> int:
        """The schema's id."""
        known = self._ids.get(identity(schema))
        if known is None:
            known = self._ids[identity(schema)] = self._next
            self._schemas[known] = schema
            self._next += 1
        return known

    def schema(self, id: int) -> Schema:  # noqa: A002 - as the port has it
        """The schema of an id.

        Raises:
            UnknownSchemaError: the slice has none.
        """
        try:
            return self._schemas[id]
        except KeyError:
            raise UnknownSchemaError(f"schema id {id} is not among the slice's, which are {self._own}") from None
