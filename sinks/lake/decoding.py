"""Record values by the schema that they were written with.

Not by the current types: what is in the lake must not depend on the build that landed it, and sealed personal fields stay sealed.
"""

from io import BytesIO
from typing import Any, NamedTuple

import pyarrow as pa
from fastavro import schemaless_reader

from schemas.avro_schema import full_name, parsed, physical, text
from schemas.errors import InvalidSchemaError, UnknownSchemaError
from schemas.registry import Registry
from schemas.wire import HEADER, MAGIC
from sinks.lake.columns import UnmappableSchemaError, columns

Datum = dict[str, Any]


class Shape(NamedTuple):
    """What a schema's records are read with, and the columns that they get."""

    schema_id: int
    event: str
    """Name of the record, without its namespace."""
    reader: Any
    columns: pa.StructType
    text: str
    """The schema as the registry has it."""


Decoded = tuple[Shape, Datum]


class Decoder:
    """Reads values; keeps the shapes that it has met."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._shapes: dict[int, Shape] = {}

    def decode(self, value: bytes) -> Decoded | None:
        """A value's shape and content; None where there are none: the lake then keeps the bytes alone.

        Raises:
            RegistryUnavailableError: try again.
        """
        if len(value) < HEADER.size or value[0] != MAGIC:
            return None
        try:
            number = HEADER.unpack_from(value)[1]
            shape = self._shapes.get(number) or self._learn(number)
        except (UnknownSchemaError, UnmappableSchemaError, InvalidSchemaError):
            return None
        body = BytesIO(value)
        body.seek(HEADER.size)
        try:
            datum: Datum = schemaless_reader(body, shape.reader, None)  # type: ignore[assignment]
        except Exception:  # whatever a parser makes of arbitrary bytes
            return None
        return (shape, datum) if body.tell() == len(value) else None

    def _learn(self, number: int) -> Shape:
        schema = self._registry.schema(number)
        shape = Shape(number, full_name(schema).rpartition(".")[2], parsed(physical(schema)), columns(schema), text(schema))
        self._shapes[number] = shape
        return shape
