"""What was released can be read for ever, and the check that says so can fail."""

import copy
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

LATER = shutil.ignore_patterns("message_posted.v2.*")
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def avro(tmp_path: Path) -> Path:
    """A copy of the schemas, to change: of MessagePosted its first version alone."""
    return Path(shutil.copytree(AVRO, tmp_path / "avro", ignore=LATER))


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A copy of the golden bytes, to change."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "golden", ignore=LATER))


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


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in schema["fields"] if each["name"] == name)


NEW_TYPE = ("is a new event type", "the topic's next major")
BREAKING: dict[str, tuple[Change, str, tuple[str, ...]]] = {
    "a field is added without default": (
        lambda s: s["fields"].append({"name": "length", "type": "int", "doc": "."}),
        "the new schema cannot read version 1: field MessagePosted.length: it was not written and has no default",
        ("Give the field a default", "are on the log"),
    ),
    "a field is removed": (
        lambda s: s["fields"].remove(field(s, "text")),
        "version 1 cannot read the new schema: field MessagePosted.text: it was not written and has no default",
        ("Keep the field: it has no default", *NEW_TYPE),
    ),
    "a type is changed": (
        lambda s: field(s, "text").update(type="int"),
        "the new schema cannot read version 1: field MessagePosted.text: written as string, read as int",
        ("Keep the field as it was and add one with a default beside it", *NEW_TYPE),
    ),
    "a type is widened, which old readers cannot follow": (
        lambda s: field(s, "channel_id").update(type=["null", "string"]),
        "version 1 cannot read the new schema: field MessagePosted.channel_id: written as null, read as string",
        ("Keep the field as it was and add one with a default beside it", *NEW_TYPE),
    ),
    "a field is renamed": (
        lambda s: field(s, "text").update(name="body"),
        "the new schema cannot read version 1: field MessagePosted.body: it was not written",
        ("Give the field a default",),
    ),
}


@pytest.mark.row("C4", "E15")
@pytest.mark.parametrize("name", BREAKING)
def test_breaking_next_version_is_refused_with_the_field_and_the_way_out(avro: Path, golden: Path, name: str) -> None:
    change, why, way_out = BREAKING[name]
    next_version(avro, change)
    write_missing(avro, golden)
    assert any(
        why in problem and "MessagePosted v2 breaks (FULL_TRANSITIVE)" in problem and all(words in problem for words in way_out)
        for problem in found(avro, golden)
    )


def versions(avro: Path, path: str, *changes: Change) -> None:
    """Further versions of a schema, each a change of the one before."""
    first = avro / path
    schema = json.loads(first.read_text())
    for number, change in enumerate(changes, 2):
        change(schema)
        first.with_name(first.name.replace(".v1.", f".v{number}.")).write_text(json.dumps(schema))


@pytest.mark.row("C4", "E15")
def test_a_default_that_is_taken_away_again_breaks_the_version_before_it(avro: Path, golden: Path) -> None:
    added = {"name": "length", "type": "int", "default": 0, "doc": "."}
    versions(avro, "chat/message_posted.v1.avsc", lambda s: s["fields"].append(added), lambda s: field(s, "length").pop("default"))
    write_missing(avro, golden)
    [problem] = [each for each in found(avro, golden) if "breaks" in each]
    assert "v3 breaks (FULL_TRANSITIVE): the new schema cannot read version 1: field MessagePosted.length" in problem
    assert "Give the field a default" in problem


TIER = {"name": "rank", "type": {"type": "enum", "name": "Rank", "symbols": ["gold", "silver"]}, "default": "gold", "doc": "."}


@pytest.mark.row("C4", "E15")
@pytest.mark.parametrize(
    ("symbols", "why", "way_out"),
    [
        (["gold"], "the new schema cannot read version 2: field MessagePosted.rank: the enum Rank that reads lacks", "Keep the symbols"),
        (["gold", "silver", "tin"], "version 2 cannot read the new schema: field MessagePosted.rank: the enum Rank", "takes no new one"),
    ],
)
def test_an_enum_s_symbols_neither_go_nor_come_without_default(
    avro: Path, golden: Path, symbols: list[str], why: str, way_out: str
) -> None:
    versions(
        avro,
        "chat/message_posted.v1.avsc",
        lambda s: s["fields"].append(copy.deepcopy(TIER)),
        lambda s: field(s, "rank")["type"].update(symbols=symbols),
    )
    write_missing(avro, golden)
    [problem] = [each for each in found(avro, golden) if "v3 breaks" in each]
    assert why in problem
    assert all(words in problem for words in (way_out, *NEW_TYPE))


@pytest.mark.row("C4", "E15")
def test_a_nested_type_keeps_its_name(avro: Path, golden: Path) -> None:
    versions(
        avro,
        "chat/message_posted.v1.avsc",
        lambda s: s["fields"].append(copy.deepcopy(TIER)),
        lambda s: field(s, "rank")["type"].update(name="Standing"),
    )
    write_missing(avro, golden)
    problems_found = [each for each in found(avro, golden) if "v3 breaks" in each]
    assert len(problems_found) == 2
    assert all("Keep the name" in each and all(words in each for words in NEW_TYPE) for each in problems_found)


@pytest.mark.row("C4", "E15")
def test_a_record_keeps_its_name(avro: Path, golden: Path) -> None:
    next_version(avro, lambda s: s.update(name="MessageSent"))
    write_missing(avro, golden)
    problem = next(each for each in found(avro, golden) if "Keep the name" in each)
    assert problem.startswith("chat/message_posted.v2.avsc is of chronicast.chat.MessageSent, and chat/message_posted.v1.avsc of")
    assert "a new type, in a file of its own: chat/message_sent.v1.avsc" in problem


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
