"""`chronicast tail TOPIC`: the events of a topic, decoded, as they come."""

import queue
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from infra.cli.console import USAGE, AsJson, CommandError, out, parts
from schemas.errors import SchemaError
from schemas.event import ENVELOPE
from schemas.wire import Codec
from streams.log import Log, Record
from streams.topics import BY_NAME, CATALOGUE, dead_letters

AGO = re.compile(r"(\d+)(s|m|h|d)")
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def tail(
    topic: Annotated[str, typer.Argument(help="Name of a topic (./chronicast topics), or the beginning of one.")],
    since: Annotated[str, typer.Option("--from", help="start, end, an age such as 10m, or a time such as 2026-01-31T12:00:00Z.")] = "end",
    key: Annotated[str, typer.Option(help="Only records with this key, such as a channel's id.")] = "",
    count: Annotated[int, typer.Option(min=0, help="Stop after so many; 0 goes on.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Print a topic's events and keep following; Ctrl-C ends it."""
    name = _topic(topic)
    records: queue.SimpleQueue[Record] = queue.SimpleQueue()

    def deliver(batch: Sequence[Record]) -> None:
        for record in batch:
            records.put(record)

    with parts() as found:
        reading = found.log.tail({(name, partition): offset for partition, offset in _starts(found.log, name, since).items()}, deliver)
        shown = 0
        while not count or shown < count:
            record = records.get()
            if key and record.key.decode(errors="replace") != key:
                continue
            line = _decoded(found.codec, record)
            sys.stdout.write(msgspec.json.encode(line).decode() + "\n") if as_json else out.print(_readable(line), markup=False)
            sys.stdout.flush()
            shown += 1
        reading.close()


def _topic(name: str) -> str:
    """The topic that a name or its beginning stands for."""
    names = [*BY_NAME, *(dead_letters(topic.name) for topic in CATALOGUE)]
    found = [each for each in names if each == name] or [each for each in BY_NAME if each.startswith(name)]
    if len(found) != 1:
        raise CommandError(f"{name!r} is {'several topics' if found else 'no topic'}. Topics: {', '.join(found or names)}", USAGE)
    return found[0]


def _starts(log: Log, topic: str, since: str) -> dict[int, int]:
    """Where to begin in each partition."""
    if since == "end":
        return log.ends(topic)
    if since == "start":
        return log.starts_at(topic, None)
    if ago := AGO.fullmatch(since):
        return log.starts_at(topic, int((time.time() - int(ago[1]) * SECONDS[ago[2]]) * 1_000))
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as cause:
        raise CommandError(
            f"--from {since!r} is neither start, end, an age such as 10m, nor a time such as 2026-01-31T12:00:00Z", USAGE
        ) from cause
    return log.starts_at(topic, int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000))


def _decoded(codec: Codec, record: Record) -> dict[str, Any]:
    """A record as programs read it; bytes that cannot be decoded are said to be so."""
    line: dict[str, Any] = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    line |= {
        "time": datetime.fromtimestamp(record.timestamp / 1_000, UTC).isoformat(timespec="milliseconds"),
        "key": record.key.decode(errors="replace"),
    }
    if record.value is None:
        return {**line, "type": "tombstone", "event": None}
    try:
        event = codec.decode(record.value)
    except SchemaError as cause:
        return {
            **line,
            "type": "undecodable",
            "error": str(cause),
            "headers": {name: value.decode(errors="replace") for name, value in record.headers},
        }
    return {**line, "type": event.SCHEMA, "event": msgspec.to_builtins(event)}


def _readable(line: dict[str, Any]) -> str:
    """A record as people read it: what is particular to it, without the envelope."""
    event = line.get("event") or {}
    fields = " ".join(f"{name}={value}" for name, value in event.items() if name not in ENVELOPE) or line.get("error", "")
    return f"{line['time'][11:23]} {line['partition']}@{line['offset']:<6} {line['type'].rpartition('.')[2]:<18} {fields}"
