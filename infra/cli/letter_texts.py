"""Dead letters as people and programs read them."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.avro_schema import full_name
from schemas.errors import RegistryUnavailableError, SchemaError
from schemas.event import Event
from schemas.registry import Registry
from schemas.wire import HEADER, MAGIC, Codec
from streams.letters.cases import Case, Cases, Later
from streams.letters.fixing import readings
from streams.letters.letter import place
from streams.letters.putting_back import Refusal

DUMPED = 512
"""Bytes of a value that are shown: what is wrong with one shows at its beginning."""
ROW = 16


def summary(case: Case) -> dict[str, Any]:
    """One line of the list."""
    first, newest = case.letters[0], case.letters[-1]
    return {
        "source": place(case.source),
        "letters": [place(letter.at) for letter in case.letters],
        "state": case.state,
        "replayed": None if case.replayed is None else place(case.replayed),
        "time": moment(first.record.timestamp),
        "key": first.record.key.decode(errors="replace"),
        "type": dict(_texts(first.headers)).get("ce_type", ""),
        "stage": first.error.get("stage", ""),
        "processors": case.processors,
        "error": first.error.get("exception.message", ""),
        "code_version": first.error.get("code_version", ""),
        "attempt": int(newest.error.get("attempt", "1")),
    }


def told(case: Case, found: Cases, codec: Codec, registry: Registry) -> dict[str, Any]:
    """Everything about one."""
    current = case.current
    value = current.record.value or b""
    event, error = _decoded(codec, value)
    behind = found.later.get(case.group)
    return {
        **summary(case),
        "headers": _texts(current.record.headers),
        "schema": _schema(value, registry),
        "event": None if event is None else {"type": event.SCHEMA, "event": msgspec.to_builtins(event)},
        "decoding": error,
        "bytes": None if event is not None else value.hex(),
        "later": [later._asdict() for later in behind.first] if behind else [],
        "later_count": behind.count if behind else 0,
        "hints": list(_hints(case, event, error, behind.count if behind else 0)),
    }


def page(of: dict[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"{of['source']}  {of['state']}{' as ' + of['replayed'] if of['replayed'] else ''}",
        f"letters       {', '.join(of['letters'])}",
    ]
    lines += [f"{name:<13} {of[name]}" for name in ("time", "key", "stage", "error", "code_version", "attempt")]
    lines += [f"views         {', '.join(of['processors'])}", "", "headers"]
    lines += [f"  {name}: {value}" for name, value in of["headers"]]
    schema = of["schema"]
    lines += ["", f"schema        {schema['id']} {schema['name']}" if schema else "schema        the bytes name none"]
    if of["event"]:
        lines += ["event", json.dumps(of["event"], indent=2, ensure_ascii=False)]
    else:
        value = bytes.fromhex(of["bytes"])
        lines += [f"bytes         {len(value)}: {of['decoding']}", *dump(value[:DUMPED])]
    if of["later_count"]:
        lines += ["", f"behind it, of its key: {of['later_count']}", *(f"  {line}" for line in _later_lines(of["later"]))]
    return "\n".join([*lines, "", *(f"-> {hint}" for hint in of["hints"])])


def dump(value: bytes) -> Iterator[str]:
    """Offset, sixteen bytes, and what of them is text, a line each."""
    for at in range(0, len(value), ROW):
        row = value[at : at + ROW]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"  {at:08x}  {row.hex(' '):<{3 * ROW}} {text}"


def difference(before: Event | None, after: Event) -> str:
    """What a correction changes, field by field."""
    was = {} if before is None else msgspec.to_builtins(before)
    lines = [f"  {after.SCHEMA}" if before is not None else f"  bytes that were no event -> {after.SCHEMA}"]
    for name, value in msgspec.to_builtins(after).items():
        if name not in was:
            lines.append(f"+ {name}: {value!r}")
        elif was[name] != value:
            lines += [f"- {name}: {was[name]!r}", f"+ {name}: {value!r}"]
    return "\n".join(lines) if len(lines) > 1 else f"{lines[0]}: the same event, under its current schema"


def refusal(of: Refusal) -> dict[str, Any]:
    """A key whose letters stay, for programs."""
    topic, partition, key = of.group
    return {
        "topic": topic,
        "partition": partition,
        "key": key.decode(errors="replace"),
        "sources": [place(case.source) for case in of.cases],
        "reason": of.reason,
        "later": [later._asdict() for later in of.later.first],
        "later_count": of.later.count,
    }


def refusal_text(of: Refusal) -> str:
    """A key whose letters stay, for people."""
    lines = [f"{', '.join(place(case.source) for case in of.cases)} stays: {of.reason}"]
    lines += [f"  {line}" for line in _later_lines([later._asdict() for later in of.later.first])]
    if of.later.count > len(of.later.first):
        lines.append(f"  and {of.later.count - len(of.later.first)} more")
    return "\n".join(lines)


def later_text(events: Sequence[Later]) -> str:
    """Events in one line."""
    return ", ".join(f"{event.offset} {event.kind}" for event in events)


def moment(milliseconds: int) -> str:
    """A time in ISO 8601."""
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(timespec="milliseconds")


def _later_lines(events: Sequence[dict[str, Any]]) -> Iterator[str]:
    for event in events:
        yield f"{event['offset']:>10}  {moment(event['timestamp'])}  {event['kind'] or 'of no type'}"


def _texts(headers: Any) -> list[tuple[str, str]]:
    return [(name, (value or b"").decode(errors="backslashreplace")) for name, value in headers]


def _decoded(codec: Codec, value: bytes) -> tuple[Event | None, str]:
    """The event, or why there is none."""
    try:
        return codec.decode(value), ""
    except SchemaError as cause:
        return None, str(cause)


def _schema(value: bytes, registry: Registry) -> dict[str, Any] | None:
    """The schema that bytes name."""
    if len(value) < HEADER.size or value[0] != MAGIC:
        return None
    number = HEADER.unpack_from(value)[1]
    try:
        schema = registry.schema(number)
    except RegistryUnavailableError:
        raise
    except SchemaError as cause:
        return {"id": number, "name": f"(not known: {cause})", "schema": None}
    return {"id": number, "name": full_name(schema), "schema": schema}


def _hints(case: Case, event: Event | None, error: str, later: int) -> Iterator[str]:
    """What can be done, the likeliest first."""
    where = place(case.source)
    if case.replayed is not None:
        yield f"it was put back as {place(case.replayed)}: nothing is left to do"
        return
    if event is None:
        yield f"no view can read it ({error})"
        for reading in readings(case.current):
            yield f"its bytes are {reading.way}: ./chronicast dlq fix {where} --as {reading.event.SCHEMA}"
        yield f"give the event as it should have been: ./chronicast dlq fix {where} --from-json FILE --as TYPE"
        return
    if case.current.error.get("stage") == "decode":
        yield "this build reads its bytes: what sent it away did not know its schema, or it has been corrected"
    else:
        yield f"the view refused what it says: mend the view, or correct it: ./chronicast dlq fix {where} --set field=value"
    if later:
        yield f"{later} of its key came behind it: if they may change places, ./chronicast dlq replay {where} --after-all"
    else:
        yield f"nothing of its key came behind it: ./chronicast dlq replay {where}"
