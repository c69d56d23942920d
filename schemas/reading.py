"""From the bytes of one schema version to the current Python type: Avro's schema resolution, and upcasters where they are declared."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from fastavro import schemaless_reader, schemaless_writer
from msgspec import convert

from schemas import compiled_reader
from schemas.avro_schema import Schema, fingerprint, parsed, physical
from schemas.compiled import NotCompiledError, Read
from schemas.contract import Contract
from schemas.event import Event
from schemas.upcast import Datum, Upcast

_Body = Callable[[BytesIO], Event]


def reader(written: Schema, contract: Contract, name: str) -> Read:
    """A function that reads what a schema wrote into the current type of a record; it raises whatever bad bytes lead to."""
    versions = contract.versions[name]
    current = contract.current(name)
    event = contract.types[name]
    wrote = parsed(physical(written))
    fingerprints = {fingerprint(schema): version for version, schema in versions.items()}
    version = fingerprints.get(fingerprint(written))
    upcasts = (
        [] if version is None else [(n, contract.upcasts[name, n]) for n in versions if n >= version and (name, n) in contract.upcasts]
    )
    if upcasts:
        return _whole(_upcasting(wrote, versions, upcasts, event))
    if fingerprint(written) == fingerprint(current):
        return _compiled(physical(current), event, _whole(lambda body: convert(schemaless_reader(body, wrote, None), event)))
    wanted = parsed(physical(current))
    return _whole(lambda body: convert(schemaless_reader(body, wrote, wanted), event))


def _whole(read: _Body) -> Read:
    """Reads a body, and refuses what is left behind it."""

    def whole(value: bytes, start: int) -> Event:
        body = BytesIO(value)
        body.seek(start)
        event = read(body)
        if body.tell() != len(value):
            raise ValueError(f"{len(value) - body.tell()} bytes are left after {event.SCHEMA}")
        return event

    return whole


def _compiled(schema: Any, event: type[Event], reference: Read) -> Read:
    """Reads by compiled code, and by the reference what that leaves."""
    try:
        usual = compiled_reader.reader(schema, event)
    except NotCompiledError:
        return reference

    def read(value: bytes, start: int) -> Event:
        try:
            return usual(value, start)
        except Exception:  # unusual or bad bytes: the reference takes or refuses them
            return reference(value, start)

    return read


def _upcasting(wrote: Any, versions: Any, upcasts: list[tuple[int, Upcast]], event: type[Event]) -> _Body:
    """Resolves to each version that has an upcaster, applies it, and goes on from the version that it answers with."""
    steps = [(parsed(physical(versions[n])), upcast, parsed(physical(versions[n + 1]))) for n, upcast in upcasts]
    current = parsed(physical(versions[max(versions)]))

    def read(body: BytesIO) -> Event:
        datum: Datum = schemaless_reader(body, wrote, steps[0][0])  # type: ignore[assignment]
        datum = steps[0][1](datum)
        at = steps[0][2]
        for takes, upcast, gives in steps[1:]:
            datum = upcast(_resolved(datum, at, takes))
            at = gives
        return convert(_resolved(datum, at, current), event)

    return read


def _resolved(datum: Datum, wrote: Any, wanted: Any) -> Datum:
    """A datum of one version as one of another. Bytes in between are the price of having one set of rules; only old events pay it."""
    if wrote == wanted:
        return datum
    body = BytesIO()
    schemaless_writer(body, wrote, datum)
    body.seek(0)
    return schemaless_reader(body, wrote, wanted)  # type: ignore[return-value]
