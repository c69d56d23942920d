"""The published description of the log: valid, fresh, and in step with what lies on the log."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from infra.asyncapi import CLOUDEVENTS, ERRORS, TARGET, document
from processors.playlist import PLAYLIST
from schemas import events as e
from schemas.errors import UndecodableError
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams import envelope
from streams.log import Record
from streams.log_admin import wanted
from streams.outputs import Outputs
from streams.topics import CATALOGUE

FOLDER = Path(__file__).with_name("asyncapi")
pytestmark = pytest.mark.row("U5")


@pytest.fixture(scope="module")
def official() -> dict[str, Any]:
    """AsyncAPI's own JSON schema of 3.0.0, from its npm package."""
    path = FOLDER / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    if not path.exists():
        npm = shutil.which("npm")
        assert npm, "npm is missing: install nodejs and npm"
        subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=FOLDER, check=True, capture_output=True)
    schema: dict[str, Any] = json.loads(path.read_text())
    return schema


def test_document_is_valid_asyncapi(official: dict[str, Any]) -> None:
    validator = Draft7Validator(official)
    assert [error.message[:300] for error in validator.iter_errors(json.loads(TARGET.read_text()))] == []
    broken = document()
    del broken["info"]["title"]
    assert not validator.is_valid(broken)


def test_document_is_fresh() -> None:
    assert json.loads(TARGET.read_text()) == document(), "run `python -m infra.asyncapi`"


def test_every_topic_is_described_as_it_is_made() -> None:
    channels = document()["channels"]
    made = {topic.name: topic for topic in wanted(CATALOGUE) if not topic.name.startswith("_")}
    assert set(channels) == set(made)
    for name, topic in made.items():
        bindings = channels[name]["bindings"]["kafka"]
        assert bindings["partitions"] == topic.partitions
        assert bindings["topicConfiguration"]["cleanup.policy"] == [topic.config["cleanup.policy"]]
        assert str(bindings["topicConfiguration"]["retention.ms"]) == topic.config["retention.ms"]
        assert all(channels[name][mark] for mark in ("x-owner", "x-key", "x-order", "x-delivery"))


@pytest.mark.row("F1")
def test_every_event_is_described_where_it_goes() -> None:
    described = {(c["address"], name) for c in document()["channels"].values() for name in c["messages"] if name != "DeadLetter"}
    carried = {(topic.name, event.__name__) for topic in CATALOGUE for event in topic.events}
    assert described == carried | {(topic.name, "Tick") for topic in CATALOGUE if topic.ticked}


def test_headers_are_those_on_the_log() -> None:
    tick = e.Tick(event_id="1", occurred_at=1, producer="p", correlation_id="1")
    assert {name for name, _ in envelope.headers(tick)} == set(CLOUDEVENTS)
    record = Record("chat.message.events.v1", 0, 0, b"k", b"v", (), 0)
    letter = Outputs(PLAYLIST, Codec(LocalRegistry())).dead_letter(record, "decode", UndecodableError("bad"))
    assert {name for name, _ in letter.headers} == set(ERRORS)
