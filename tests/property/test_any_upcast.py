"""Upcasters are pure and total: whatever a version allows becomes what the next one allows, the same each time."""

import copy
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_reader, schemaless_writer
from fastavro.validation import validate
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro_schema import parsed, physical
from schemas.contract import released
from schemas.golden.example import example
from schemas.released import by_record
from schemas.upcast import UPCASTS, Datum, Upcast
from tests.property.test_codec_properties import values
from tests.unit.test_upcast import EXAMPLE
from tests.unit.test_upcast import UPCASTS as EXAMPLES

pytestmark = pytest.mark.row("E15")
Versions = Mapping[int, dict[str, Any]]
ALL = {
    **{(name, n): (upcast, released().versions[name]) for (name, n), upcast in UPCASTS.items()},
    **{(name, n): (upcast, by_record(EXAMPLE)[name]) for (name, n), upcast in EXAMPLES.items()},
}
"""Those of the build, and the one by which the documents show how they are written: there is always one to try."""


def holds(upcast: Upcast, versions: Versions, number: int, old: Datum) -> None:
    """What every upcaster must do with every datum of its version, as it is read from bytes."""
    takes, gives = parsed(physical(versions[number])), parsed(physical(versions[number + 1]))
    body = BytesIO()
    schemaless_writer(body, takes, old)
    body.seek(0)
    read: Datum = schemaless_reader(body, takes, None)
    before = copy.deepcopy(read)
    first = upcast(read)
    assert read == before, "it changes what it is given: other readers of the datum would see it"
    assert validate(first, gives, raise_errors=False), f"it answers no datum of version {number + 1}: {first}"
    again = BytesIO()
    schemaless_writer(again, gives, first)
    assert upcast(copy.deepcopy(before)) == first, "it answers something else the second time: it is not pure"


@pytest.mark.parametrize(("name", "number"), ALL, ids=str)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_a_version_allows_becomes_the_next_version(name: str, number: int, data: st.DataObject) -> None:
    upcast, versions = ALL[name, number]
    holds(upcast, versions, number, data.draw(values(physical(versions[number]))))


@pytest.mark.parametrize("name", sorted(released().versions))
def test_each_upcaster_takes_a_version_that_has_a_next_one(name: str) -> None:
    versions = released().versions[name]
    assert all(n in versions and n + 1 in versions for record, n in UPCASTS if record == name)


RECORD = "example.shop.RewardRedeemed"
OLD = example(by_record(EXAMPLE)[RECORD][1])
CALLS: list[Datum] = []


def mutating(old: Datum) -> Datum:
    old["points"] = 1
    return old


def impure(old: Datum) -> Datum:
    CALLS.append(old)
    return {**old, "points": len(CALLS)}


def partial(old: Datum) -> Datum:
    return {**old, "points": str(old["price"])}


@pytest.mark.parametrize(("wrong", "why"), [(mutating, "changes what it is given"), (impure, "not pure"), (partial, "answers no datum")])
def test_an_upcaster_that_is_neither_is_caught(wrong: Upcast, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        holds(wrong, by_record(EXAMPLE)[RECORD], 1, OLD)
