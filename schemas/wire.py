"""Events to bytes and back: 0x00, the schema's id as four bytes big-endian, the Avro body (Confluent's wire format)."""

import struct
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

import msgspec
from fastavro import schemaless_writer

from schemas.avro_schema import full_name, parsed, physical
from schemas.compiled import Envelope, NotCompiledError, Read, Write
from schemas.compiled_writer import writer
from schemas.contract import Contract, released, subject
from schemas.errors import UndecodableError, UnencodableError, UnknownSchemaError
from schemas.event import ENVELOPE, Event
from schemas.reading import reader
from schemas.registry import Registry

MAGIC = 0
HEADER = struct.Struct(">BI")
BODY = HEADER.size
"""Where the Avro body begins."""
Encode = Callable[[Event, Envelope], bytes]
"""Event and envelope -> record value; the event's own envelope is passed over."""


class Codec:
    """Encodes with each type's current schema; decodes what any version wrote into the current type. Safe to use from any thread."""

    def __init__(self, registry: Registry, contract: Contract | None = None) -> None:
        self._registry = registry
        self._contract = contract or released()
        self._encoders: dict[tuple[str, type[Event]], Encode] = {}
        self._readers: dict[bytes, Read] = {}

    def encode(self, topic: str, event: Event) -> bytes:
        """The record value of an event on a topic. Its schema is registered at the first event of a type, under `{topic}-{full name}`.

        Raises:
            UnencodableError: a value does not fit the schema.
            RegistryUnavailableError, IncompatibleSchemaError: the schema could not be registered.
        """
        encode = self._encoders.get((topic, type(event))) or self._introduce(topic, type(event))
        return encode(event, (event.event_id, event.occurred_at, event.producer, event.correlation_id, event.causation_id))

    def encoder(self, topic: str, event: type[Event]) -> Encode:
        """What `encode` does for a type on a topic, for a caller who has the envelope apart and encodes many.

        Raises:
            RegistryUnavailableError, IncompatibleSchemaError: the schema could not be registered.
        """
        return self._encoders.get((topic, event)) or self._introduce(topic, event)

    def decode(self, value: bytes) -> Event:
        """The event in a record value.

        Raises:
            UnknownSchemaError: its schema is in no registry, or is of a record that this build has no type for.
            UndecodableError: the bytes are not what their schema says.
            RegistryUnavailableError: the schema could not be asked for; try again.
        """
        read = self._readers.get(value[:BODY])
        if read is None:
            if len(value) < BODY or value[0] != MAGIC:
                raise UndecodableError(
                    f"not in Confluent's wire format (0x00, 4-byte id, Avro body): {len(value)} bytes that begin with {value[:8].hex()}"
                )
            read = self._learn(value[:BODY])
        try:
            return read(value, BODY)
        except Exception as cause:  # whatever a parser makes of arbitrary bytes, the caller has one answer to it
            number = HEADER.unpack_from(value)[1]
            raise UndecodableError(
                f"schema {number} does not fit {len(value)} bytes: {cause!r}. The producer wrote with another schema"
            ) from cause

    def _introduce(self, topic: str, event: type[Event]) -> Encode:
        """Registers a type on a topic."""
        schema = self._contract.current(event.SCHEMA)
        header = HEADER.pack(MAGIC, self._registry.register(subject(topic, event), schema))
        encode = self._encoders[topic, event] = _encoder(event, physical(schema), header)
        return encode

    def _learn(self, header: bytes) -> Read:
        """The way from a schema's bytes to its current type."""
        number: int = HEADER.unpack(header)[1]
        written = self._registry.schema(number)
        name = full_name(written)
        if name not in self._contract.types:
            raise UnknownSchemaError(f"schema {number} is of {name}, for which this build has no type: run a release that knows it")
        read = self._readers[header] = reader(written, self._contract, name)
        return read


def _encoder(event: type[Event], schema: Any, header: bytes) -> Encode:
    """Encodes by compiled code, and by fastavro what that leaves."""
    parts = parsed(schema)
    head = header.decode("latin-1")
    compiled: Write | None = None
    with suppress(NotCompiledError):
        compiled = writer(schema)

    def reference(one: Event, envelope: Envelope) -> bytes:
        stamped = msgspec.structs.replace(one, **dict(zip(ENVELOPE, envelope, strict=True)))
        body = BytesIO()
        body.write(header)
        try:
            schemaless_writer(body, parts, msgspec.to_builtins(stamped, builtin_types=(bytes,)))
        except (ValueError, TypeError, AttributeError, OverflowError) as cause:
            raise UnencodableError(f"{event.SCHEMA} does not fit its schema: {cause!r}") from cause
        return body.getvalue()

    if compiled is None:
        return reference
    write = compiled

    def encode(one: Event, envelope: Envelope) -> bytes:
        try:
            return write(head, one, envelope)
        except Exception:  # an unusual value: the reference takes or refuses it
            return reference(one, envelope)

    return encode
