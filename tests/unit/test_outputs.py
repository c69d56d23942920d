"""Ids of outputs."""

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from streams.outputs import name_id


@given(st.uuids(), st.text(max_size=80))
def test_an_output_s_id_is_a_uuid_of_version_5(namespace: UUID, name: str) -> None:
    assert name_id(namespace.bytes, name.encode()) == str(uuid5(namespace, name))
