"""What was released can be read for ever, and the check that says so can fail."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas import events
from schemas.contract import Contract, released
from schemas.golden.check import GOLDEN, problems, write_missing
from schemas.released import AVRO, files
from schemas.upcast import UPCASTS

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def avro(tmp_path: Path) -> Path:
    """A copy of the schemas, to change."""
    return Path(shutil.copytree(AVRO, tmp_path / "avro"))


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A copy of the golden bytes, to change."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "golden"))


def found(avro: Path, golden: Path) -> list[str]:
    return problems(avro, golden, Contract.of(events.TYPES, avro, UPCASTS))


def next_version(avro: Path, change: Change) -> Path:
    """A second version of MessagePosted."""
    schema = json.loads((avro / "chat" / "message_posted.v1.avsc").read_text())
    change(schema)
    path = avro / "chat" / "message_posted.v2.avsc"
    path.write_text(json.dumps(schema))
    return path


@pytest.mark.row("E15", "F1")
def test_every_released_version_decodes_to_what_was_written() -> None:
    assert problems(AVRO, GOLDEN, released()) == []
    assert len(list(GOLDEN.glob("*/*.bin"))) == len(files(AVRO)) >= len(events.TYPES)


@pytest.mark.row("C4", "E15")
def test_compatible_next_version_passes(avro: Path, golden: Path) -> None:
    next_version(avro, lambda schema: schema["fields"].append({"name": "length", "type": "int", "default": 0, "doc": "."}))
    assert [path.name for path in write_missing(avro, golden)] == ["message_posted.v2.bin"]
    assert found(avro, golden) == []


@pytest.mark.row("C4")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda s: s["fields"].append({"name": "length", "type": "int", "doc": "."}),
            "MessagePosted.length: it was not written and has no default",
        ),
        (lambda s: s["fields"].remove(next(f for f in s["fields"] if f["name"] == "text")), "MessagePosted.text: it was not written"),
        (
            lambda s: next(f for f in s["fields"] if f["name"] == "text").update(type="int"),
            "MessagePosted.text: written as string, read as int",
        ),
        (lambda s: next(f for f in s["fields"] if f["name"] == "text").update(name="body"), "MessagePosted.body: it was not written"),
    ],
)
def test_breaking_next_version_is_refused_with_the_field_and_the_way_out(avro: Path, golden: Path, change: Change, why: str) -> None:
    next_version(avro, change)
    write_missing(avro, golden)
    assert any(why in problem and "v2 breaks" in problem and "Give the field a default" in problem for problem in found(avro, golden))


@pytest.mark.row("C4")
def test_released_file_may_change_its_docs_only(avro: Path, golden: Path) -> None:
    path = avro / "chat" / "message_posted.v1.avsc"
    schema = json.loads(path.read_text())
    schema["doc"] = "Better words."
    path.write_text(json.dumps(schema))
    assert found(avro, golden) == []
    schema["fields"].append({"name": "length", "type": "int", "doc": "."})
    path.write_text(json.dumps(schema))
    (problem,) = (p for p in found(avro, golden) if "has changed" in p)
    assert "new readers, old events: field MessagePosted.length" in problem
    assert "chat/message_posted.v2.avsc" in problem


@pytest.mark.row("C4")
def test_released_file_is_pinned_even_where_a_change_is_compatible(avro: Path, golden: Path) -> None:
    path = avro / "chat" / "message_posted.v1.avsc"
    schema = json.loads(path.read_text())
    schema["fields"].append({"name": "length", "type": "int", "default": 0, "doc": "."})
    path.write_text(json.dumps(schema))
    (problem,) = found(avro, golden)
    assert "it stays compatible" in problem


def test_missing_spoilt_and_orphaned_goldens_are_named(avro: Path, golden: Path) -> None:
    (golden / "chat" / "user_banned.v1.bin").unlink()
    (avro / "clock" / "tick.v1.avsc").unlink()
    torn = golden / "media" / "stream_ended.v1.bin"
    torn.write_bytes(torn.read_bytes()[:-20])
    other = golden / "social" / "raided.v1.bin"
    other.write_bytes(b"\xc3\x01" + bytes(8) + other.read_bytes()[10:])
    gone, no_bytes, unreadable, foreign = found(avro, golden)
    assert gone.startswith("clock/tick.v1.avsc was released and is gone")
    assert no_bytes.startswith("chat/user_banned.v1.avsc has no golden bytes")
    assert "cannot be read" in unreadable
    assert "was not written with the schema beside it" in foreign


def test_value_that_is_read_as_another_is_named(avro: Path, golden: Path) -> None:
    value = golden / "chat" / "message_posted.v1.bin"
    value.write_bytes(value.read_bytes().replace(b"event_id", b"event_it"))
    (problem,) = found(avro, golden)
    assert "event_id was written as 'event_id" in problem


def test_record_without_type_asks_for_the_generator(avro: Path, golden: Path) -> None:
    contract = Contract.of([t for t in events.TYPES if t is not events.Tick], avro, UPCASTS)
    assert problems(avro, golden, contract) == [
        "clock/tick.v1.avsc: there is no type of chronicast.clock.Tick: run `python -m schemas.generate`"
    ]


def test_command_checks_without_writing() -> None:
    done = subprocess.run([sys.executable, "-m", "schemas.golden", "--check"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
