"""Confluent's wire format: what the codec writes, and what it refuses to read."""

import struct

import pytest

from schemas import events as e
from schemas.avro_schema import Schema
from schemas.contract import released, subject, subjects
from schemas.errors import UndecodableError, UnencodableError, UnknownSchemaError
from schemas.event import Event
from schemas.events.chat import EmoteSpan
from schemas.registry import LocalRegistry, preload
from schemas.wire import Codec

ENVELOPE = {"event_id": "e1", "occurred_at": 1_767_225_600_000_001, "producer": "test", "correlation_id": "c1"}
POSTED = e.MessagePosted(
    **ENVELOPE,
    channel_id="7",
    message_id="m1",
    user_id="8",
    user_login="ann",
    display_name="Ann",
    text="hé",
    badges=("moderator/1",),
    emotes=(EmoteSpan(emote_id="25", begin=0, end=4),),
)
CHAT = "chat.message.events.v1"


@pytest.mark.row("C4")
def test_value_is_magic_byte_then_id_then_avro() -> None:
    registry = LocalRegistry()
    registry.register("something else", "string")
    value = Codec(registry).encode(CHAT, POSTED)
    assert struct.unpack(">BI", value[:5]) == (0, 2)
    assert value[5:8] == b"\x04e1"
    assert Codec(registry).decode(value) == POSTED


def test_registered_schema_keeps_its_logical_types_and_events_keep_integers() -> None:
    registry = LocalRegistry()
    codec = Codec(registry)
    value = codec.encode(CHAT, POSTED)
    assert registry.schema(1) == released().current(POSTED.SCHEMA)
    assert codec.decode(value).occurred_at == 1_767_225_600_000_001


def test_same_type_on_two_topics_has_one_id_and_two_subjects() -> None:
    seen: list[str] = []

    class Listening(LocalRegistry):
        def register(self, subject, schema):
            seen.append(subject)
            return super().register(subject, schema)

    codec = Codec(Listening())
    tick = e.Tick(**ENVELOPE)
    assert codec.encode("a.b.events.v1", tick) == codec.encode("c.d.events.v1", tick) == codec.encode("a.b.events.v1", tick)
    assert seen == ["a.b.events.v1-chronicast.clock.Tick", "c.d.events.v1-chronicast.clock.Tick"]


def test_preload_gives_the_ids_that_the_codec_uses() -> None:
    registry = LocalRegistry()
    ids = preload(registry, [*subjects("x.y.events.v1", (e.Followed,)), *subjects(CHAT, (e.MessageDeleted, e.MessagePosted))])
    assert Codec(registry).encode(CHAT, POSTED)[1:5] == ids[subject(CHAT, e.MessagePosted)].to_bytes(4, "big") == b"\0\0\0\3"


def test_id_that_no_registry_knows_is_told_apart_from_bad_bytes() -> None:
    with pytest.raises(UnknownSchemaError, match="schema id 9 is not in this registry"):
        Codec(LocalRegistry()).decode(b"\0\0\0\0\x09body")


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({"type": "record", "name": "Later", "namespace": "chronicast.chat", "fields": []}, r"chronicast\.chat\.Later"),
        ({"type": "record", "name": "other.Later", "namespace": "chronicast.chat", "fields": []}, r"other\.Later"),
        ("string", "string"),
        (["null", "string"], "union"),
        ({"type": "array", "items": "int"}, "array"),
    ],
)
def test_schema_without_type_here_is_named(schema: Schema, name: str) -> None:
    registry = LocalRegistry()
    registry.register("s", schema)
    with pytest.raises(UnknownSchemaError, match=f"schema 1 is of {name}, for which"):
        Codec(registry).decode(b"\0\0\0\0\1")


@pytest.mark.parametrize(
    "spoil", [lambda v: v[:-1], lambda v: v + b"\0", lambda v: b"\1" + v[1:], lambda v: v[:4], lambda v: b"", lambda v: v[:5]]
)
def test_bytes_that_are_not_the_schemas_are_undecodable(codec: Codec, spoil) -> None:
    with pytest.raises(UndecodableError):
        codec.decode(spoil(codec.encode(CHAT, POSTED)))


def test_enum_symbol_that_its_type_lacks_is_undecodable(codec: Codec) -> None:
    value = codec.encode("s", e.Subscribed(**ENVELOPE, channel_id="", user_id="", plan="tier1", cumulative_months=1))
    assert value[-3:] == b"\x06\x02\x00"
    with pytest.raises(UndecodableError):
        codec.decode(value[:-3] + b"\x08\x02\x00")


@pytest.mark.parametrize(
    "event",
    [
        e.Raided(**ENVELOPE, channel_id="1", from_channel_id="2", viewers="many"),  # type: ignore[arg-type]
        e.Raided(**ENVELOPE, channel_id="1", from_channel_id="2", viewers=2**70),
        e.Subscribed(**ENVELOPE, channel_id="1", user_id="2", plan="gold", cumulative_months=1),  # type: ignore[arg-type]
    ],
)
def test_value_that_does_not_fit_is_refused_where_it_is_written(codec: Codec, event: Event) -> None:
    with pytest.raises(UnencodableError, match=event.SCHEMA):
        codec.encode("channel.social.events.v1", event)
