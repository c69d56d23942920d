"""The registry's state as a fold of Confluent's `_schemas` records."""

import json

import pytest

from schemas.compatibility import Level
from schemas.subject_commands import register
from schemas.subject_records import Version, level_set, mode_set, subject_deleted
from schemas.subjects import Mode, Subjects


def folded(*records: tuple[str, str | None]) -> Subjects:
    state = Subjects()
    for key, value in records:
        state.apply(key.encode(), None if value is None else value.encode())
    return state


def key(subject: str, version: int) -> str:
    return f'{{"keytype":"SCHEMA","subject":"{subject}","version":{version},"magic":1}}'


def schema(subject: str, version: int, number: int, text: str = '\\"int\\"', deleted: str = "false") -> tuple[str, str]:
    return key(subject, version), f'{{"subject":"{subject}","version":{version},"id":{number},"schema":"{text}","deleted":{deleted}}}'


def test_topic_of_confluents_server_is_read_as_it_writes_it() -> None:
    state = folded(
        ('{"keytype":"NOOP","magic":0}', None),
        ('{"keytype":"CONTEXT","tenant":"default","context":"c","magic":0}', '{"tenant":"default","context":"c"}'),
        schema("a-value", 1, 7),
        ('{"keytype":"CONFIG","subject":"a-value","magic":0}', '{"subject":"a-value","compatibilityLevel":"FORWARD_TRANSITIVE"}'),
        ('{"keytype":"CONFIG","subject":null,"magic":0}', '{"compatibilityLevel":"NONE"}'),
        ('{"keytype":"MODE","subject":null,"magic":0}', '{"subject":null,"mode":"READONLY"}'),
    )
    assert state.versions("a-value") == [Version("a-value", 1, 7, '"int"')]
    assert (state.level("a-value"), state.level("b"), state.mode("b")) == (Level.FORWARD_TRANSITIVE, Level.NONE, Mode.READONLY)
    assert state.id_for('"long"') == 8


def test_records_are_written_byte_for_byte_as_confluents_server_does() -> None:
    assert Version("a", 1, 7, '"int"').stored() == (key("a", 1).encode(), schema("a", 1, 7)[1].encode())
    assert Version("a", 1, 7, '"int"').erased() == (key("a", 1).encode(), None)
    assert subject_deleted("a", 2) == (b'{"keytype":"DELETE_SUBJECT","subject":"a","magic":0}', b'{"subject":"a","version":2}')
    assert level_set(None, None) == (b'{"keytype":"CONFIG","subject":null,"magic":0}', None)
    assert mode_set("a", "READONLY") == (b'{"keytype":"MODE","subject":"a","magic":0}', b'{"subject":"a","mode":"READONLY"}')


def test_deleted_subject_hides_its_versions_until_a_tombstone_erases_them() -> None:
    deleting = ('{"keytype":"DELETE_SUBJECT","subject":"a","magic":0}', '{"subject":"a","version":2}')
    state = folded(schema("a", 1, 1), schema("a", 2, 2, '\\"long\\"'), deleting, schema("a", 3, 1))
    assert [v.version for v in state.versions("a")] == [3]
    assert [v.version for v in state.versions("a", deleted=True)] == [1, 2, 3]
    assert [v.version for v in state.of_id(2)] == [2]
    state.apply(key("a", 2).encode(), None)
    assert state.of_id(2) == []
    assert state.id_for('"long"') == 3, "an id is never given to another schema while this process lives"


def test_compacted_topic_gives_the_state_of_the_whole_one() -> None:
    history = [
        schema("a", 1, 1),
        schema("b", 1, 2, '\\"long\\"'),
        schema("a", 1, 1, deleted="true"),
        schema("b", 1, 2, '\\"long\\"', "true"),
    ]
    history += [(key("b", 1), None), ('{"keytype":"MODE","subject":"a","magic":0}', '{"subject":"a","mode":"READONLY"}')]
    history += [('{"keytype":"MODE","subject":"a","magic":0}', None), (key("z", 9), None)]
    whole, compacted = folded(*history), folded(*dict(history).items())
    for state in (whole, compacted):
        assert state.names(deleted=True) == ["a"]
        assert state.versions("a", deleted=True) == [Version("a", 1, 1, '"int"', deleted=True)]
        assert state.mode("a") is Mode.READWRITE
        assert state.own_mode("a") is None


def test_cleared_subject_loses_its_settings() -> None:
    state = folded(
        ('{"keytype":"CONFIG","subject":"a","magic":0}', '{"subject":"a","compatibilityLevel":"NONE"}'),
        ('{"keytype":"CLEAR_SUBJECT","subject":"a","magic":0}', '{"subject":"a"}'),
        ('{"keytype":"CLEAR_SUBJECT","subject":"b","magic":0}', None),
    )
    assert state.own_level("a") is None
    assert state.level("a") is Level.FULL_TRANSITIVE


@pytest.mark.parametrize("bad", ["", "[]", "{}", '{"keytype":"SCHEMA"}'])
def test_what_is_no_record_is_refused_and_changes_nothing(bad: str) -> None:
    state = Subjects()
    with pytest.raises((ValueError, KeyError, TypeError)):
        state.apply(bad.encode(), b"{}")
    assert state.names(deleted=True) == []


def test_schema_is_the_same_in_another_order_of_attributes() -> None:
    state = folded(schema("a", 1, 1, json.dumps('{"type":"record","name":"R","fields":[]}')[1:-1]))
    version, records = register(state, "a", {"name": "R", "fields": [], "type": "record"})
    assert (version.id, records) == (1, [])
