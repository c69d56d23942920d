"""The AsyncAPI 3.0 document of all topics, from the schemas and the catalogue.

`python -m infra.asyncapi` writes docs/reference/asyncapi.json, `--check` exits 1 where what is there differs.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from infra.settings import Ports
from schemas.contract import released, subject
from schemas.event import Event
from schemas.events import Tick
from streams.letters.letter import FIXED, REPLAYED
from streams.log_admin import letters_ms
from streams.outputs import SOURCE
from streams.topics import CATALOGUE, Topic, dead_letters

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "reference" / "asyncapi.json"
AVRO = "application/vnd.apache.avro;version=1.9.0"
BINDING = "0.5.0"
"""Version of AsyncAPI's Kafka binding."""
CLOUDEVENTS = {
    "ce_specversion": "CloudEvents version: 1.0.",
    "ce_id": "event_id.",
    "ce_type": "Full name of the record, such as chronicast.media.PartProduced.",
    "ce_source": "producer.",
    "ce_time": "occurred_at as RFC 3339 text.",
    "content-type": "application/avro.",
}
"""streams/envelope.py."""
OF_VIEWS = {SOURCE: "On what a view wrote: topic/partition/offset/index of the input and of the event among its outputs."}
ERRORS = {
    "x-error.topic": "Where it came from, as the next two.",
    "x-error.partition": "Decimal digits.",
    "x-error.offset": "Decimal digits.",
    "x-error.stage": "What failed: decode, apply, or key (too long for a row).",
    "x-error.class.name": "Class of the error.",
    "x-error.exception.message": "What went wrong.",
    "x-error.processor": "View with its version, such as scheduler.v1.",
    "x-error.code_version": "Build of the view, such as 0.1.0+4f2a9c1d0b7e.",
    "x-error.attempt": "Decimal digits: 1, and one more for each replay that failed again.",
}
"""streams/outputs.py."""
CORRECTED = {FIXED: "On a correction: topic/partition/offset of the letter that it corrects."}
REPLAYS = {REPLAYED: "Last, on a dead letter that was put back: topic/partition/offset of the record that could not be processed."}
"""streams/letters/letter.py."""


def text_headers(described: dict[str, str], required: list[str]) -> dict[str, Any]:
    """Headers as a JSON schema: all are texts in UTF-8."""
    fields = {name: {"type": "string", "description": meaning} for name, meaning in described.items()}
    return {"type": "object", "properties": fields, "required": required}


def key(topic: Topic) -> dict[str, Any]:
    """The record's key."""
    others = " Of a Tick, the partition's number." if topic.ticked else ""
    return {"type": "string", "description": f"{topic.key} of the event, UTF-8; its murmur2 hash, as in Java, is the partition.{others}"}


def message(topic: Topic, event: type[Event]) -> dict[str, Any]:
    """A type on a topic."""
    schema = released().current(event.SCHEMA)
    return {
        "name": event.SCHEMA,
        "title": event.__name__,
        "summary": schema["doc"],
        "contentType": "application/avro",
        "headers": {"$ref": "#/components/schemas/cloudEventHeaders"},
        "payload": {"schemaFormat": AVRO, "schema": schema},
        "bindings": {
            "kafka": {
                "key": key(topic),
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "schemaLookupStrategy": "TopicRecordNameStrategy",
                "bindingVersion": BINDING,
            }
        },
        "x-subject": subject(topic.name, event),
    }


def kafka(partitions: int, cleanup: str, retention_ms: int) -> dict[str, Any]:
    """A topic's configuration on the broker."""
    configuration = {"cleanup.policy": [cleanup], "retention.ms": retention_ms}
    return {"kafka": {"partitions": partitions, "topicConfiguration": configuration, "bindingVersion": BINDING}}


def channel(topic: Topic) -> dict[str, Any]:
    """A topic of the catalogue."""
    events: list[type[Event]] = [*topic.events, *([Tick] if topic.ticked else [])]
    return {
        "address": topic.name,
        "description": f"Written by: {topic.owner}. One order per {topic.key}; a record is there at least once, its event_id once.",
        "messages": {event.__name__: message(topic, event) for event in events},
        "bindings": kafka(topic.partitions, topic.cleanup, topic.retention_ms),
        "x-owner": topic.owner,
        "x-key": topic.key,
        "x-order": f"per {topic.key}",
        "x-delivery": "at least once; event_id tells repeats",
    }


def letters(topic: Topic) -> dict[str, Any]:
    """The dead-letter topic of a topic."""
    return {
        "address": dead_letters(topic.name),
        "description": f"Records of {topic.name} that a view could not process: key, value, partition and headers unchanged.",
        "messages": {"DeadLetter": {"$ref": "#/components/messages/DeadLetter"}},
        "bindings": kafka(topic.partitions, "delete", letters_ms(topic)),
        "x-owner": "every view",
        "x-key": topic.key,
        "x-order": "as processed",
        "x-delivery": "at least once",
    }


def document() -> dict[str, Any]:
    """The whole document."""
    ports = Ports()
    channels = {topic.name: channel(topic) for topic in CATALOGUE} | {dead_letters(topic.name): letters(topic) for topic in CATALOGUE}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chronicast's log",
            "version": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"],
            "description": "Every action as an Avro event, in Confluent's wire format: 0x00, the schema's id (4 bytes), the Avro body.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/avro",
        "servers": {
            "local": {
                "host": f"localhost:{ports.kafka}",
                "protocol": "kafka",
                "bindings": {"kafka": {"schemaRegistryUrl": f"http://localhost:{ports.registry}", "schemaRegistryVendor": "confluent"}},
            }
        },
        "channels": channels,
        "operations": {
            f"send {name}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}, "summary": channels[name]["description"]}
            for name in channels
        },
        "components": {
            "schemas": {
                "cloudEventHeaders": text_headers(CLOUDEVENTS | OF_VIEWS | REPLAYS, list(CLOUDEVENTS)),
                "deadLetterHeaders": text_headers(ERRORS | CORRECTED, list(ERRORS)),
            },
            "messages": {
                "DeadLetter": {
                    "title": "Dead letter",
                    "summary": "A record's value, byte for byte as it was; the headers say why it is here.",
                    "contentType": "application/octet-stream",
                    "headers": {"$ref": "#/components/schemas/deadLetterHeaders"},
                }
            },
        },
    }


def main() -> int:
    """Writes or checks; returns the exit code."""
    text = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
    if TARGET.exists() and TARGET.read_text() == text:
        return 0
    if "--check" in sys.argv:
        sys.stderr.write(f"{TARGET} is not what schemas and catalogue say: run `python -m infra.asyncapi`\n")
        return 1
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
