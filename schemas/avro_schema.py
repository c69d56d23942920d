"""Avro schemas as Python objects: the forms in which they are read, compared and handed to fastavro."""

import hashlib
import json
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from schemas.errors import InvalidSchemaError

Schema = dict[str, Any] | list[Any] | str
"""A schema as JSON gives it: an object, a union's list or a type's name."""


def text(schema: Schema) -> str:
    """The schema as one line of JSON, its attributes in the order in which they were written."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def identity(schema: Schema) -> str:
    """Equal for schemas that differ in the order of their attributes at most: what decides whether a schema is already there."""
    return json.dumps(schema, separators=(",", ":"), sort_keys=True)


def full_name(schema: Schema) -> str:
    """`namespace.name` of a named type; the type itself for others."""
    if isinstance(schema, str):
        return schema
    if isinstance(schema, list):
        return "union"
    name, namespace = str(schema.get("name", schema["type"])), schema.get("namespace")
    return f"{namespace}.{name}" if namespace and "." not in name else name


def canonical(schema: Schema) -> str:
    """Parsing Canonical Form (specification, "Transforming into Parsing Canonical Form"): what decides how bytes are read.

    Docs, defaults, aliases and logical types are not part of it.

    Raises:
        InvalidSchemaError: it is no schema.
    """
    try:
        return str(fastavro.schema.to_parsing_canonical_form(parsed(schema)))
    except (TypeError, KeyError) as cause:
        raise InvalidSchemaError(f"not an Avro schema: {cause!r}") from cause


def fingerprint(schema: Schema) -> str:
    """SHA-256 of the canonical form, hex."""
    return hashlib.sha256(canonical(schema).encode()).hexdigest()


def rabin(schema: Schema) -> bytes:
    """CRC-64-AVRO of the canonical form, little-endian, as single-object encoding has it."""
    return bytes.fromhex(fastavro.schema.fingerprint(canonical(schema), "CRC-64-AVRO"))


def meaning(schema: Schema) -> str:
    """Equal for schemas that differ in docs and the order of attributes at most."""

    def bare(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: bare(value) for key, value in part.items() if key != "doc"}
        return [bare(one) for one in part] if isinstance(part, list) else part

    return identity(bare(schema))


def parsed(schema: Schema) -> Any:
    """The schema as fastavro wants it, checked.

    Raises:
        InvalidSchemaError: it is no schema.
    """
    try:
        return fastavro.parse_schema(schema, named_schemas={})
    except (SchemaParseException, UnknownType, TypeError, KeyError, ValueError, AttributeError) as cause:
        raise InvalidSchemaError(f"not an Avro schema: {cause!r}. See the specification's section on schema declaration") from cause


def physical(schema: Schema) -> Schema:
    """The schema without logical types, so that times stay integers."""
    if isinstance(schema, dict):
        return {
            key: physical(value) if key in {"type", "fields", "items", "values"} else value
            for key, value in schema.items()
            if key != "logicalType"
        }
    if isinstance(schema, list):
        return [physical(branch) for branch in schema]
    return schema
