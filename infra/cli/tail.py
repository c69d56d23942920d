"""`chronicast tail TOPIC`: the events of a topic, decoded, as they come."""

import queue
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from infra.cli.console import USAGE, AsJson, CommandError, out, parts
from infra.cli.moments import MOMENTS, offsets
from schemas.errors import SchemaError
from schemas.event import ENVELOPE
from schemas.wire import Codec
from streams.log import Record
from streams.topics import BY_NAME, CATALOGUE, dead_letters


def tail(
    topic: Annotated[str, typer.Argument(help="Name of a topic (./chronicast topics), or the beginning of one.")],
    since: Annotated[str, typer.Option("--from", help=f"{MOMENTS}.")] = "end",
    key: Annotated[str, typer.Option(help="Only records with this key, such as a channel's id.")] = "",
    count: Annotated[int, typer.Option(min=0, help="Stop after so many; 0 goes on.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Print a topic's events and keep following; Ctrl-C ends it."""
    name = topic_named(topic)
    records: queue.SimpleQueue[Record] = queue.SimpleQueue()

    def deliver(batch: Sequence[Record]) -> None:
        for record in batch:
            records.put(record)

    with parts() as found:
        reading = found.log.tail(
            {(name, partition): offset for partition, offset in offsets(found.log, name, since, "--from").items()}, deliver
        )
        shown = 0
        while not count or shown < count:
            record = records.get()
            if key and record.key.decode(errors="replace") != key:
                continue
            line = decoded(found.codec, record)
            sys.stdout.write(msgspec.json.encode(line).decode() + "\n") if as_json else out.print(_readable(line), markup=False)
            sys.stdout.flush()
            shown += 1
        reading.close()


def topic_named(name: str) -> str:
    """The topic that a name or its beginning stands for."""
    names = [*BY_NAME, *(dead_letters(topic.name) for topic in CATALOGUE)]
    found = [each for each in names if each == name] or [each for each in BY_NAME if each.startswith(name)]
    if len(found) != 1:
        raise CommandError(f"{name!r} is {'several topics' if found else 'no topic'}. Topics: {', '.join(found or names)}", USAGE)
    return found[0]


def decoded(codec: Codec, record: Record) -> dict[str, Any]:
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
