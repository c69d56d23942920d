"""The codec over all events and all bytes."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import events
from schemas.contract import released
from schemas.errors import UndecodableError, UnknownSchemaError
from schemas.event import Event
from schemas.registry import LocalRegistry
from schemas.wire import Codec

TOPIC = "any.topic.events.v1"
PRIMITIVES = {
    "string": st.text(max_size=50),
    "long": st.integers(-(2**63), 2**63 - 1),
    "int": st.integers(-(2**31), 2**31 - 1),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "bytes": st.binary(max_size=50),
    "null": st.none(),
}


def values(schema) -> st.SearchStrategy:
    """All values of an Avro type."""
    if isinstance(schema, list):
        return st.one_of(*map(values, schema))
    if isinstance(schema, str):
        return PRIMITIVES[schema]
    if schema["type"] == "record":
        return st.fixed_dictionaries({field["name"]: values(field["type"]) for field in schema["fields"]})
    if schema["type"] == "enum":
        return st.sampled_from(schema["symbols"])
    if schema["type"] == "array":
        return st.lists(values(schema["items"]), max_size=4)
    return PRIMITIVES[schema["type"]]


def instances(event: type[Event]) -> st.SearchStrategy[Event]:
    """All events of a type."""
    return values(released().current(event.SCHEMA)).map(lambda datum: msgspec.convert(datum, event))


def full() -> Codec:
    """A codec that knows all types: ids 1 upwards."""
    registry = LocalRegistry()
    for event in events.TYPES:
        registry.register(event.SCHEMA, released().current(event.SCHEMA))
    return Codec(registry)


CODEC = full()


@pytest.mark.row("C4", "F1")
@pytest.mark.parametrize("event", events.TYPES, ids=lambda e: e.__name__)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_event_comes_back_as_it_went(event: type[Event], data: st.DataObject) -> None:
    original = data.draw(instances(event))
    assert CODEC.decode(CODEC.encode(TOPIC, original)) == original


@settings(max_examples=500, deadline=None)
@given(number=st.integers(0, len(events.TYPES) + 1), body=st.binary(max_size=300), magic=st.sampled_from([b"\0", b"\0", b"\0", b"\1", b""]))
def test_arbitrary_bytes_are_an_event_or_one_of_two_errors(number: int, body: bytes, magic: bytes) -> None:
    with suppress(UndecodableError, UnknownSchemaError):
        assert isinstance(CODEC.decode(magic + number.to_bytes(4, "big") + body), Event)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_spoilt_events_are_an_event_or_one_of_two_errors(data: st.DataObject) -> None:
    value = bytearray(CODEC.encode(TOPIC, data.draw(instances(data.draw(st.sampled_from(events.TYPES))))))
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    with suppress(UndecodableError, UnknownSchemaError):
        assert isinstance(CODEC.decode(bytes(value)), Event)
