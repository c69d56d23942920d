"""Events to bytes and back: 0x00, the schema's id as four bytes big-endian, the Avro body (Confluent's wire format)."""

import struct
from io import BytesIO
from typing import Any

import msgspec
from fastavro import schemaless_writer

from schemas.avro_schema import full_name, parsed, physical
from schemas.contract import Contract, released, subject
from schemas.errors import UndecodableError, UnencodableError, UnknownSchemaError
from schemas.event import Event
from schemas.reading import Reader, reader
from schemas.registry import Registry

MAGIC = 0
HEADER = struct.Struct(">BI")


class Codec:
    """Encodes with each type's current schema; decodes what any version wrote into the current type. Safe to use from any thread."""

    def __init__(self, registry: Registry, contract: Contract | None = None) -> None:
        self._registry = registry
        self._contract = contract or released()
        self._headers: dict[tuple[str, type[Event]], bytes] = {}
        self._writers: dict[type[Event], Any] = {}
        self._readers: dict[int, Reader] = {}

    def encode(self, topic: str, event: Event) -> bytes:
        """The record value of an event on a topic. Its schema is registered at the first event of a type, under `{topic}-{full name}`.

        Raises:
            UnencodableError: a value does not fit the schema.
            RegistryUnavailableError, IncompatibleSchemaError: the schema could not be registered.
        """
        header = self._headers.get((topic, type(event))) or self._introduce(topic, type(event))
        body = BytesIO()
        body.write(header)
        try:
            schemaless_writer(body, self._writers[type(event)], msgspec.to_builtins(event, builtin_types=(bytes,)))
        except (ValueError, TypeError, AttributeError, OverflowError) as cause:
            raise UnencodableError(f"{event.SCHEMA} does not fit its schema: {cause!r}") from cause
        return body.getvalue()

    def decode(self, value: bytes) -> Event:
        """The event in a record value.

        Raises:
            UnknownSchemaError: its schema is in no registry, or is of a record that this build has no type for.
            UndecodableError: the bytes are not what their schema says.
            RegistryUnavailableError: the schema could not be asked for; try again.
        """
        if len(value) < HEADER.size or value[0] != MAGIC:
            raise UndecodableError(
                f"not in Confluent's wire format (0x00, 4-byte id, Avro body): {len(value)} bytes that begin with {value[:8].hex()}"
            )
        number: int = HEADER.unpack_from(value)[1]
        read = self._readers.get(number) or self._learn(number)
        body = BytesIO(value)
        body.seek(HEADER.size)
        try:
            event = read(body)
        except Exception as cause:  # whatever a parser makes of arbitrary bytes, the caller has one answer to it
            raise UndecodableError(
                f"schema {number} does not fit {len(value)} bytes: {cause!r}. The producer wrote with another schema"
            ) from cause
        if body.tell() != len(value):
            raise UndecodableError(
                f"{len(value) - body.tell()} bytes are left after {event.SCHEMA} (schema {number}): the producer wrote with another schema"
            )
        return event

    def _introduce(self, topic: str, event: type[Event]) -> bytes:
        """Registers a type on a topic; the first five bytes of its events."""
        schema = self._contract.current(event.SCHEMA)
        self._writers[event] = parsed(physical(schema))
        header = HEADER.pack(MAGIC, self._registry.register(subject(topic, event), schema))
        self._headers[topic, event] = header
        return header

    def _learn(self, number: int) -> Reader:
        """The way from a schema's bytes to its current type."""
        written = self._registry.schema(number)
        name = full_name(written)
        if name not in self._contract.types:
            raise UnknownSchemaError(f"schema {number} is of {name}, for which this build has no type: run a release that knows it")
        self._readers[number] = reader(written, self._contract, name)
        return self._readers[number]
