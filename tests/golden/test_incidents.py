"""Incidents that were cut from the log of a running system: each view makes of them what it did when they were mended.

A slice that is dropped into `tests/golden/slices/` is a test (docs/how-to/incidents-as-tests.md).
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from infra.views import VIEWS
from processors.playlist import BroadcastFold
from schemas.events import JobAssigned, StreamInterrupted, StreamResumed
from schemas.wire import MAGIC, Codec
from streams.letters.letter import REPLAYED, place
from streams.slices.file import Slice
from streams.slices.folding import fold_slice
from streams.slices.pins import differences, pin, pinned, pins
from streams.slices.registry import SliceRegistry

FOLDER = Path(__file__).parent / "slices"
SLICES = sorted(FOLDER.glob("*.avro"))
LARGEST = 200_000
"""Bytes: an incident is some minutes of one channel, and the repository keeps it for ever."""

pytestmark = pytest.mark.row("E13")


def events(path: Path):
    held = Slice(path)
    codec = Codec(SliceRegistry(held.schemas))
    return [codec.decode(record.value) for record in held.records() if record.value and record.value[0] == MAGIC]


@pytest.mark.parametrize("path", SLICES, ids=lambda path: path.stem)
def test_the_incident_comes_out_as_it_was_pinned(path: Path) -> None:
    before = pinned(path)
    assert before, f"nothing is pinned beside it: ./chronicast replay --from-file {path} --pin"
    found = differences(path, before, pins(Slice(path), VIEWS.values()))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", SLICES, ids=lambda path: path.stem)
def test_the_slice_is_small_and_holds_events(path: Path) -> None:
    assert path.stat().st_size < LARGEST
    assert events(path)


def test_the_publisher_that_reconnects_is_in_its_slice() -> None:
    kinds = Counter(map(type, events(FOLDER / "publisher-reconnects.avro")))
    assert kinds[StreamInterrupted] >= 1
    assert kinds[StreamResumed] >= 1


def test_the_worker_that_dies_is_in_its_slice_and_its_job_is_assigned_anew() -> None:
    assigned = [event for event in events(FOLDER / "worker-dies.avro") if isinstance(event, JobAssigned)]
    assert [(event.attempt, event.reason) for event in assigned] == [(1, "started"), (2, "worker_lost")]
    assert len({event.worker_id for event in assigned}) == 2


def test_the_end_that_a_producer_wrote_as_json_is_folded_from_its_replay(tmp_path: Path) -> None:
    path = FOLDER / "bad-producer.avro"
    _started, poison, replayed = [record for record in Slice(path).records() if record.topic == "media.stream.events.v1"]
    assert poison.value is not None
    assert poison.value.startswith(b"{")
    assert replayed.headers[-1] == (REPLAYED, place(poison).encode())
    assert (replayed.key, replayed.timestamp) == (poison.key, poison.timestamp)
    manifest = fold_slice(Slice(path), VIEWS["demand"], tmp_path)
    assert sum(part.sent for part in manifest.partitions) == 3  # a request, a dead letter, and the cancelling that the replay brings


class Other:
    """A view's next build, which makes something else of the same events."""

    def __init__(self, fold) -> None:
        self.name, self.version, self.inputs, self.outputs, self.tables = fold.name, fold.version, fold.inputs, fold.outputs, fold.tables
        self._fold = fold

    def apply(self, rows, event, at):
        made = list(self._fold.apply(rows, event, at))
        return made[1:] if isinstance(event, StreamResumed) else made


def test_a_view_that_makes_something_else_of_it_is_named_with_the_way_out(tmp_path: Path) -> None:
    path = FOLDER / "publisher-reconnects.avro"
    changed = pins(Slice(path), [Other(fold) for fold in VIEWS.values()])
    found = differences(path, pinned(path), changed)
    assert any(line.startswith("demand.v1 makes something else of it: outputs of partition") for line in found)
    assert "--pin" in found[-1]
    del changed["demand.v1"]
    assert any(line.startswith("demand.v1 is pinned and no view of this build") for line in differences(path, pinned(path), changed))
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    assert json.loads(pin(copy, changed).read_text()).keys() == changed.keys()
    assert pinned(copy) == changed


class Blind(BroadcastFold):
    """A view's next build, which misses that a publisher was away, and comes to the same end."""

    def apply(self, rows, event, at):
        return () if isinstance(event, StreamInterrupted) else super().apply(rows, event, at)


def test_a_view_that_is_wrong_on_the_way_and_right_in_the_end_is_caught() -> None:
    path = FOLDER / "publisher-reconnects.avro"
    before, now = pinned(path)["broadcast.v1"], pins(Slice(path), [Blind()])["broadcast.v1"]
    assert now.state == before.state
    assert differences(path, {"broadcast.v1": before}, {"broadcast.v1": now})[0].startswith(
        "broadcast.v1 makes something else of it: rows on the way, partition 2"
    )


def test_the_pins_do_not_depend_on_the_pace(tmp_path: Path) -> None:
    path = FOLDER / "worker-dies.avro"
    demand = VIEWS["demand"]
    fast, slow = (fold_slice(Slice(path), demand, tmp_path / str(speed), speed=speed) for speed in (None, 200))
    assert fast == slow
