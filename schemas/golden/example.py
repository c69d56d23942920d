"""Example values of a schema: the same in every run, different from field to field, every optional part present."""

import zlib
from typing import Any

from schemas.avro_schema import Schema

INSTANT = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z in microseconds: base of example times."""


def example(schema: Schema, path: str = "") -> Any:
    """A value of an Avro type; `path` makes it differ from its neighbours."""
    if isinstance(schema, list):
        return example(next(branch for branch in schema if branch != "null"), path)
    if isinstance(schema, str):
        return _primitive(schema, path)
    if schema["type"] == "record":
        return {field["name"]: example(field["type"], f"{path}.{field['name']}") for field in schema["fields"]}
    if schema["type"] == "enum":
        return schema["symbols"][_number(path) % len(schema["symbols"])]
    if schema["type"] == "array":
        return [example(schema["items"], f"{path}[{index}]") for index in range(2)]
    return INSTANT + _number(path) if schema.get("logicalType") == "timestamp-micros" else example(schema["type"], path)


def _primitive(kind: str, path: str) -> Any:
    """A value of a primitive type."""
    number = _number(path)
    values: dict[str, Any] = {
        "string": f"{path.rpartition('.')[2]} é {number}",
        "long": number << 33,
        "int": -number,
        "double": number / 8,
        "boolean": True,
        "bytes": path.encode(),
    }
    return values[kind]


def _number(path: str) -> int:
    """0 to 999."""
    return zlib.crc32(path.encode()) % 1_000
