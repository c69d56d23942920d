"""What is compiled from a schema does what fastavro does, on any value and any bytes, or leaves it to fastavro."""

from io import BytesIO
from typing import Any

import msgspec
import pytest
from fastavro import schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import compiled_reader, compiled_writer, events
from schemas.avro_schema import parsed, physical
from schemas.compiled import LENGTH, NotCompiledError, number
from schemas.contract import released
from schemas.event import Event
from tests.property.test_codec_properties import instances

ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.binary(max_size=3), st.text(max_size=200), st.just("\ud800")
)
"""Values that a field may or may not take."""


def schema_of(event: type[Event]) -> Any:
    return physical(released().current(event.SCHEMA))


PARTS = {
    event: (parsed(schema_of(event)), compiled_writer.writer(schema_of(event)), compiled_reader.reader(schema_of(event), event))
    for event in events.TYPES
}
"""All types are compiled: that is what makes them fast."""


def envelope(event: Event) -> tuple:
    return (event.event_id, event.occurred_at, event.producer, event.correlation_id, event.causation_id)


def referred(event: Event) -> bytes:
    body = BytesIO()
    schemaless_writer(body, PARTS[type(event)][0], msgspec.to_builtins(event, builtin_types=(bytes,)))
    return body.getvalue()


@pytest.mark.parametrize("event", events.TYPES, ids=lambda e: e.__name__)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_usual_events_are_the_bytes_that_fastavro_writes_and_come_back(event: type[Event], data: st.DataObject) -> None:
    one = data.draw(instances(event))
    _, write, read = PARTS[event]
    assert write("", one, envelope(one)) == referred(one)
    assert read(b"head" + referred(one), 4) == one


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_odd_values_are_written_as_fastavro_does_or_left_to_it(data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(events.TYPES))
    field = data.draw(st.sampled_from(event.__struct_fields__))
    one = msgspec.structs.replace(data.draw(instances(event)), **{field: data.draw(ODD)})
    try:
        mine = PARTS[event][1]("", one, envelope(one))
    except Exception:
        return
    assert mine == referred(one)


@settings(max_examples=1_000, deadline=None)
@given(data=st.data())
def test_spoilt_bytes_are_read_as_fastavro_does_or_left_to_it(data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(events.TYPES))
    value = bytearray(referred(data.draw(instances(event))))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(value) - 1))
        value[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2)) or b"\x80"
    try:
        mine = PARTS[event][2](bytes(value), 0)
    except Exception:
        return
    body = BytesIO(bytes(value))
    theirs = msgspec.convert(schemaless_reader(body, PARTS[event][0], None), event)
    assert body.tell() == len(value)
    assert repr(mine) == repr(theirs)  # NaN is no NaN's equal


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 70).map(lambda bits: (1 << bits) - 1).filter(lambda n: n < 2**63))
def test_numbers_are_as_fastavro_writes_them(value: int) -> None:
    body = BytesIO()
    schemaless_writer(body, "long", value)
    assert number(value).encode("latin-1") == body.getvalue()


def test_lengths_are_numbers() -> None:
    assert [number(n) for n in range(len(LENGTH))] == list(LENGTH)


@pytest.mark.parametrize("kind", [{"type": "map", "values": "int"}, ["null", "string", "int"], "other.Name", ["null", "bytes"]])
def test_a_type_that_is_not_compiled_is_left_to_fastavro(kind: Any) -> None:
    with pytest.raises(NotCompiledError):
        compiled_writer.writer({"type": "record", "name": "R", "fields": [{"name": "f", "type": kind}]})
