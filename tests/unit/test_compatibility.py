"""Avro's resolution rules, and the levels built on them."""

import pytest

from schemas.compatibility import Level, differences, violations
from schemas.errors import InvalidSchemaError

pytestmark = pytest.mark.row("C4")


def record(*fields: dict, name: str = "R", **more: object) -> dict:
    return {"type": "record", "name": name, "namespace": "n", "fields": list(fields), **more}


def field(name: str, kind: object, **more: object) -> dict:
    return {"name": name, "type": kind, **more}


def enum(*symbols: str, **more: object) -> dict:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


def fixed(size: int, name: str = "F") -> dict:
    return {"type": "fixed", "name": name, "size": size}


A = field("a", "int")
LIST = {"type": "record", "name": "List", "fields": [field("v", "int"), field("next", ["null", "List"])]}
TEXTS = {"type": "record", "name": "List", "fields": [field("v", "string"), field("next", ["null", "List"])]}


@pytest.mark.parametrize(
    ("reader", "writer"),
    [
        ("long", "int"),
        ("float", "int"),
        ("double", "int"),
        ("float", "long"),
        ("double", "long"),
        ("double", "float"),
        ("string", "bytes"),
        ("bytes", "string"),
        ({"type": "long", "logicalType": "timestamp-micros"}, {"type": "int"}),
        (["null", "long"], "int"),
        ("long", ["int", "long"]),
        (["int", "string"], ["string", "int"]),
        ({"type": "array", "items": "double"}, {"type": "array", "items": "int"}),
        ({"type": "map", "values": ["null", "int"]}, {"type": "map", "values": "int"}),
        (enum("A", "B"), enum("A")),
        (enum("A", default="A"), enum("A", "B")),
        (fixed(4), fixed(4)),
        (record(A), record(A, field("b", "string"))),
        (record(A, field("b", "string", default="")), record(A)),
        (record(field("z", "int", aliases=["a"])), record(A)),
        (record(A, name="S", aliases=["R"]), record(A)),
        (record(A, namespace="other"), record(A)),
        (LIST, LIST),
        (["null", TEXTS, LIST], LIST),
    ],
)
def test_reader_that_can_read_has_no_differences(reader: object, writer: object) -> None:
    assert differences(reader, writer) == []


@pytest.mark.parametrize(
    ("reader", "writer", "why"),
    [
        ("int", "long", "the type: written as long, read as int"),
        ("int", ["int", "null"], "the type: written as null, read as int"),
        (["null", "string"], "int", "the type: written as int, which is no branch of the union ['null', 'string']"),
        (["null", LIST], TEXTS, "the type: written as record List, which is no branch of the union ['null', 'record List']"),
        ({"type": "array", "items": "int"}, {"type": "map", "values": "int"}, "the type: written as map, read as array"),
        ({"type": "array", "items": "int"}, {"type": "array", "items": "string"}, "field []: written as string, read as int"),
        ({"type": "map", "values": "int"}, {"type": "map", "values": "string"}, "field {}: written as string, read as int"),
        (enum("A"), enum("A", "B"), "the type: the enum E that reads lacks the symbols ['B'] and has no default"),
        (fixed(4), fixed(8), "the type: written with 8 bytes, read with 4"),
        (fixed(4, "G"), fixed(4), "the type: written as fixed F, read as G"),
        (record(A, name="S"), record(A), "the type: written as record R, read as S"),
        (record(A, field("b", "string")), record(A), "field R.b: it was not written and has no default"),
        (record(field("a", "string")), record(A), "field R.a: written as int, read as string"),
        (record(A), "int", "the type: written as int, read as record R"),
        (record(field("l", TEXTS)), record(field("l", LIST)), "field R.l.v: written as int, read as string"),
    ],
)
def test_reader_that_cannot_read_says_which_field_and_why(reader: object, writer: object, why: str) -> None:
    assert differences(reader, writer) == [why]


ONE, WITH_DEFAULT, REQUIRED = record(A), record(A, field("b", "int", default=0)), record(A, field("b", "int"))


@pytest.mark.parametrize(
    ("level", "new", "old", "passes"),
    [
        (Level.BACKWARD, WITH_DEFAULT, ONE, True),
        (Level.BACKWARD, REQUIRED, ONE, False),
        (Level.BACKWARD, ONE, REQUIRED, True),
        (Level.FORWARD, REQUIRED, ONE, True),
        (Level.FORWARD, ONE, REQUIRED, False),
        (Level.FORWARD, ONE, WITH_DEFAULT, True),
        (Level.FULL, WITH_DEFAULT, ONE, True),
        (Level.FULL, REQUIRED, ONE, False),
        (Level.FULL, ONE, REQUIRED, False),
        (Level.NONE, "string", ONE, True),
    ],
)
def test_levels_look_in_their_direction(level: Level, new: object, old: object, *, passes: bool) -> None:
    assert (violations(level, new, [(1, old)]) == []) is passes


@pytest.mark.parametrize("direction", ["BACKWARD", "FORWARD", "FULL"])
def test_only_transitive_levels_look_beyond_the_newest_version(direction: str) -> None:
    history = [(1, record(field("a", "string"))), (2, ONE)]
    assert violations(Level(direction), ONE, history) == []
    broken = violations(Level(f"{direction}_TRANSITIVE"), ONE, history)
    assert broken
    assert all("version 1" in why and "field R.a" in why for why in broken)


def test_first_version_breaks_nothing() -> None:
    assert violations(Level.FULL_TRANSITIVE, ONE, []) == []


def test_text_that_is_no_schema_is_refused() -> None:
    with pytest.raises(InvalidSchemaError, match="not an Avro schema"):
        differences({"type": "recrod", "name": "R"}, ONE)
