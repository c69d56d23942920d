"""Avro types as Arrow types: which columns an event's file has."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from schemas.avro_schema import Schema
from schemas.errors import SchemaError

RECORD = pa.schema(
    [
        pa.field("_topic", pa.string(), nullable=False),
        pa.field("_partition", pa.int32(), nullable=False),
        pa.field("_offset", pa.int64(), nullable=False),
        pa.field("_timestamp", pa.timestamp("ms", "UTC"), nullable=False),
        pa.field("_key", pa.binary(), nullable=False),
        pa.field("_headers", pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())])), nullable=False),
        pa.field("_value", pa.binary()),
    ]
)
"""What every file has behind the event's own columns: the record as it lay on the log."""
RESERVED = {*RECORD.names, "event", "hour"}
"""Names that no field may have: those columns, and the partitions that are part of a file's path."""
PRIMITIVES = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
}
LOGICAL = {
    "timestamp-millis": pa.timestamp("ms", "UTC"),
    "timestamp-micros": pa.timestamp("us", "UTC"),
    "local-timestamp-millis": pa.timestamp("ms"),
    "local-timestamp-micros": pa.timestamp("us"),
    "date": pa.date32(),
}
"""Logical types that have a column type of their own; others are stored as the type beneath."""


class UnmappableSchemaError(SchemaError):
    """A schema has no columns.

    Operator action: none is needed, the records lie in `event=undecodable` with their bytes. Columns are there for records whose
    unions are of null and one other type, that do not contain themselves, and whose fields are not named as the lake's own columns.
    """


def columns(schema: Schema) -> pa.StructType:
    """The columns of a record.

    Raises:
        UnmappableSchemaError: it cannot be expressed.
    """
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise UnmappableSchemaError("not a record")
    if taken := RESERVED & {field["name"] for field in schema["fields"]}:
        raise UnmappableSchemaError(f"fields named {', '.join(sorted(taken))}")
    return _Names().type(schema, "")


class _Names:
    """Named types of one schema: a record, enum or fixed is written out once and named from then on."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def type(self, schema: Schema, namespace: str) -> Any:
        """The Arrow type of a type that stands in a namespace."""
        if isinstance(schema, list):
            return self.type(self._present(schema), namespace)
        if isinstance(schema, str):
            return self._named(schema, namespace)
        match schema["type"]:
            case "record" | "enum" | "fixed":
                found = self._define(schema, namespace)
            case "array":
                found = pa.list_(self.type(schema["items"], namespace))
            case "map":
                found = pa.map_(pa.string(), self.type(schema["values"], namespace))
            case inner:
                found = LOGICAL.get(schema.get("logicalType", "")) or self.type(inner, namespace)
        return found

    def _define(self, schema: dict[str, Any], namespace: str) -> Any:
        """A named type."""
        inner = schema.get("namespace") or schema["name"].rpartition(".")[0] or namespace
        name = _full(schema["name"], inner)
        if schema["type"] == "record":
            self._known[name] = None  # until it is written out: met before that, it contains itself
            self._known[name] = pa.struct(self._fields(schema["fields"], inner))
        else:
            self._known[name] = pa.string() if schema["type"] == "enum" else pa.binary(schema["size"])
        return self._known[name]

    def _fields(self, fields: Iterable[dict[str, Any]], namespace: str) -> list[pa.Field]:
        """A record's fields."""
        return [pa.field(field["name"], self.type(field["type"], namespace), nullable=nullable(field["type"])) for field in fields]

    def _named(self, name: str, namespace: str) -> Any:
        """A primitive, or a type that was written out before."""
        found = PRIMITIVES.get(name) or self._known.get(_full(name, namespace))
        if found is None:
            raise UnmappableSchemaError(f"{name} contains itself")
        return found

    def _present(self, union: list[Any]) -> Schema:
        """What a union is of, besides null."""
        present: list[Schema] = [branch for branch in union if branch != "null"]
        if len(present) > 1:
            raise UnmappableSchemaError(f"a union of {len(present)} types")
        return present[0] if present else "null"


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def nullable(schema: Schema) -> bool:
    """Whether null is among a type's values."""
    return isinstance(schema, list) or schema == "null"
