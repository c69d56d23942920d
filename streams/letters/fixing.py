"""What the bytes of a dead letter might be, and letters with corrected ones."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from schemas.contract import released
from schemas.errors import RegistryUnavailableError, SchemaError
from schemas.event import Event
from schemas.reading import reader
from schemas.wire import HEADER, Codec
from streams.envelope import headers
from streams.errors import StreamingError
from streams.letters.letter import Letter, correction
from streams.log import Outgoing
from streams.topics import BY_NAME, OF_EVENT, key_of

OURS = {name for name, _ in headers(Event())}
"""Headers that follow from the event."""


class UnfixableError(StreamingError):
    """The corrected event cannot take the letter's place.

    Operator action: the message says what must stay as it was.
    """


class Reading(NamedTuple):
    """A way in which bytes are an event."""

    way: str
    event: Event


def decoded(of: Letter, codec: Codec) -> Event | None:
    """The event in a letter; None where its bytes are none.

    Raises:
        RegistryUnavailableError: nobody can tell.
    """
    try:
        return codec.decode(of.record.value or b"")
    except RegistryUnavailableError:
        raise
    except SchemaError:
        return None


def readings(of: Letter) -> list[Reading]:
    """Every way in which the bytes are an event of the source's types after all."""
    value = of.record.value or b""
    types = BY_NAME[of.source.topic].events if of.source.topic in BY_NAME else ()
    found = []
    for way, read in WAYS:
        for kind in types:
            try:
                event = read(value, kind)
            except Exception:  # noqa: S112 - most ways fit no type, each in a manner of its own
                continue
            if event.event_id:
                found.append(Reading(f"{way} {kind.SCHEMA}", event))
    return found


def _json(value: bytes, kind: type[Event]) -> Event:
    """The event in a JSON text; another type's would have fields that this one lacks."""
    if others := set(msgspec.json.decode(value, type=dict[str, Any])) - set(kind.__struct_fields__):
        raise ValueError(f"{kind.SCHEMA} has no {', '.join(sorted(others))}")
    return msgspec.json.decode(value, type=kind)


def _behind_id(value: bytes, kind: type[Event]) -> Event:
    return _avro(value[HEADER.size :], kind)


def _avro(body: bytes, kind: type[Event]) -> Event:
    """The event in an Avro body of a type's current schema, the whole of it."""
    return reader(released().current(kind.SCHEMA), released(), kind.SCHEMA)(body, 0)


WAYS: tuple[tuple[str, Callable[[bytes, type[Event]], Event]], ...] = (
    ("JSON of", _json),
    ("an Avro body, behind a wrong schema id, of", _behind_id),
    ("an Avro body, without schema id, of", _avro),
)
"""What producers get wrong without spoiling the event itself."""


def corrected(of: Letter, event: Event, codec: Codec) -> Outgoing:
    """The letter with a corrected event in it, to be appended to the dead-letter topic.

    Raises:
        UnfixableError: the event is of another topic, key or id.
        UnencodableError: it does not fit its schema.
        RegistryUnavailableError: its schema could not be registered.
    """
    topic = OF_EVENT.get(type(event))
    if topic is None or topic.name != of.source.topic:
        raise UnfixableError(f"{event.SCHEMA} does not go to {of.source.topic}: {kinds(of.source.topic)} do")
    if key_of(event).encode() != of.record.key:
        raise UnfixableError(
            f"{topic.key} would be {key_of(event)!r} and the record's key is {of.record.key.decode(errors='replace')!r}: with another key "
            "it has another order, which nobody can tell. Publish a new event instead"
        )
    known = original_id(of, codec)
    if known and event.event_id != known:
        raise UnfixableError(f"event_id was {known} and must stay: what was made of the event names it as its cause")
    others = tuple(header for header in of.headers if header[0] not in OURS)
    return correction(of, (*headers(event), *others), codec.encode(topic.name, event))


def original_id(of: Letter, codec: Codec) -> str:
    """The event's id, by its bytes or else by its header; empty where neither says it."""
    event = decoded(of, codec)
    return event.event_id if event is not None else next((v.decode(errors="replace") for n, v in of.headers if n == "ce_id"), "")


def kinds(topic: str) -> str:
    """The types of a topic, as text."""
    return ", ".join(kind.SCHEMA for kind in BY_NAME[topic].events) if topic in BY_NAME else "none"


def changed(event: Event, settings: Iterable[str]) -> Event:
    """The event with fields set, each as `field=value`; a value is text, or JSON where the field takes no text.

    Raises:
        UnfixableError: a field is not there, or the value does not fit it.
    """
    for setting in settings:
        field, equals, text = setting.partition("=")
        if not equals or field not in event.__struct_fields__:
            raise UnfixableError(f"{setting!r} is not field=value; the fields are {', '.join(event.__struct_fields__)}")
        event = _set(event, field, text)
    return event


def _set(event: Event, field: str, text: str) -> Event:
    values = msgspec.to_builtins(event)
    try:
        return msgspec.convert({**values, field: text}, type(event), strict=False)
    except msgspec.ValidationError as cause:
        try:
            return msgspec.convert({**values, field: msgspec.json.decode(text)}, type(event))
        except (msgspec.ValidationError, msgspec.DecodeError):
            raise UnfixableError(f"{field}={text} does not fit: {cause}") from cause
