"""House rules of the `.avsc` files, and that the Python types are what they say."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas import events
from schemas.contract import released
from schemas.event import ENVELOPE
from schemas.released import AVRO, files, load
from streams.topics import CATALOGUE

FILES = [pytest.param(path, id=f"{path.parent.name}/{path.name}") for path in files(AVRO)]
ENVELOPE_FIELDS = load(AVRO / "clock" / "tick.v1.avsc")["fields"][: len(ENVELOPE)]
EARLIEST_INTERFACE = {
    "stream_start": "StreamStarted",
    "stream_end": "StreamEnded",
    "viewer_join": "ViewerJoined",
    "viewer_leave": "ViewerLeft",
    "chat_message": "MessagePosted",
    "follow": "Followed",
    "subscribe": "Subscribed",
    "raid": "Raided",
}


def snake(name: str) -> str:
    """`PartProduced` -> `part_produced`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def undocumented(schema: Any, path: str) -> list[str]:
    """Records, enums and fields without a doc that ends like a sentence."""
    if isinstance(schema, list):
        return [found for branch in schema for found in undocumented(branch, path)]
    if not isinstance(schema, dict):
        return []
    found = [] if schema["type"] not in {"record", "enum"} or schema.get("doc", "").endswith(".") else [path]
    for field in schema.get("fields", ()):
        at = f"{path}.{field['name']}"
        found += ([] if field.get("doc", "").endswith(".") else [at]) + undocumented(field["type"], at)
    return found + undocumented(schema.get("items"), f"{path}[]")


@pytest.mark.parametrize("path", FILES)
def test_record_and_every_field_say_what_they_are(path: Path) -> None:
    schema = load(path)
    assert undocumented(schema, schema["name"]) == []


@pytest.mark.parametrize("path", FILES)
def test_event_begins_with_the_envelope(path: Path) -> None:
    assert load(path)["fields"][: len(ENVELOPE)] == ENVELOPE_FIELDS
    assert tuple(field["name"] for field in ENVELOPE_FIELDS) == ENVELOPE


@pytest.mark.parametrize("path", FILES)
def test_folder_and_file_are_named_as_the_record(path: Path) -> None:
    schema = load(path)
    assert schema["namespace"] == f"chronicast.{path.parent.name}"
    assert path.stem.rpartition(".v")[0] == snake(schema["name"])
    assert path.read_text() == json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def test_versions_of_a_record_count_up_from_one() -> None:
    assert {name: sorted(versions) for name, versions in released().versions.items()} == {
        name: list(range(1, len(versions) + 1)) for name, versions in released().versions.items()
    }


def test_generated_types_are_fresh() -> None:
    done = subprocess.run([sys.executable, "-m", "schemas.generate", "--check"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_type_has_a_schema_with_its_fields_and_defaults() -> None:
    for event in events.TYPES:
        schema = released().current(event.SCHEMA)
        assert [field["name"] for field in schema["fields"]] == list(event.__struct_fields__)
    assert events.ChannelProfile.__struct_fields__[:5] == ENVELOPE
    profile = events.ChannelProfile(channel_id="1", login="a", display_name="A", tier="regular", client_id="c", created_at=0)
    assert (profile.language, profile.category, profile.retired_key_hashes, profile.mature) == ("en", "", (), False)


@pytest.mark.row("F1")
def test_all_inputs_have_schema_and_topic() -> None:
    carried = {event.__name__ for topic in CATALOGUE for event in topic.events}
    assert set(EARLIEST_INTERFACE.values()) <= carried
    assert {event.__name__ for event in events.TYPES} - carried == {"Tick"}
