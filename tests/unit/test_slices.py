"""A slice of the log in a file: everything of the records, in the order in which they happened, at the pace at which they did."""

import json
import time
from pathlib import Path

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cli.console import CommandError
from infra.cli.export import export
from infra.cli.slice_replays import into_pins, into_views
from infra.views import VIEWS
from schemas.events import DeleteMessage, Followed, MessagePosted
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.errors import StreamingError
from streams.log import Record
from streams.log_memory import MemoryLog
from streams.publisher import Publisher
from streams.replay.bounded import replay
from streams.replay.partition import Connection, Plan
from streams.slices.file import Slice, SliceError, write
from streams.slices.folding import NotEmptyError, copy_slice, fold_slice
from streams.slices.pace import paced
from streams.slices.registry import SliceRegistry
from streams.topics import OF_EVENT
from tests.simulation.counting import INPUT, LETTERS, OUTPUT, POISONED, CountingFold
from tests.simulation.memory_driver import MemoryDriver

pytestmark = pytest.mark.row("E13")
START_MS = 1_700_000_000_000


class Stage:
    """A log with follows, a dead letter, a tombstone and bytes that are no event."""

    def __init__(self) -> None:
        self.driver = MemoryDriver(CountingFold())
        self.driver.append(
            [*[Followed(channel_id=str(i % 7), user_id=str(i)) for i in range(300)], Followed(channel_id="1", user_id=POISONED), b"junk"]
        )
        self.log = self.driver.log
        self.log.append(INPUT, b"gone", None, timestamp=START_MS + 400)
        self.log.append(INPUT, b"odd", b"\0\0\0\0\x63?", headers=(("none", b""), ("same", b"1"), ("same", b"2")), timestamp=START_MS + 1)
        self.registry = self.driver.codec._registry
        self.driver.run()

    def cut(self, path: Path, *topics: str, start: int = 0, end: int | None = None):
        ranges = {
            topic: {p: range(min(start, last), last if end is None else min(end, last)) for p, last in self.log.ends(topic).items()}
            for topic in topics
        }
        return write(path, self.log, self.registry, ranges, code_version="0.1.0+test")

    def records(self, *topics: str) -> list[Record]:
        return [record for topic in topics for records in self.log._topics[topic] for record in records]


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slice.avro"


def test_it_holds_every_byte_of_the_records_and_the_schemas_that_they_name(stage: Stage, path: Path) -> None:
    manifest = stage.cut(path, INPUT, OUTPUT, LETTERS)
    held = Slice(path)
    assert held.manifest == manifest
    assert sorted(held.records()) == sorted(stage.records(INPUT, OUTPUT, LETTERS))
    assert manifest.records == 304 + 300 + 3
    assert manifest.topics == (INPUT, OUTPUT, LETTERS)
    assert manifest.unknown_schemas == (99,)
    assert held.schemas == {number: stage.registry.schema(number) for number in (1, 2)}
    assert list(path.parent.iterdir()) == [path]  # nothing half written is left


def test_any_avro_tool_reads_it(stage: Stage, path: Path) -> None:
    stage.cut(path, INPUT)
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        first = next(reader)
    assert reader.codec == "deflate"
    assert json.loads(reader.metadata["chronicast.schemas"])["1"]["name"] == "Followed"
    assert first["topic"] == INPUT


def test_it_is_in_the_order_of_time_and_each_partition_in_its_own(stage: Stage, path: Path) -> None:
    stage.cut(path, INPUT, OUTPUT)
    latest: dict = {}
    times = []
    for record in Slice(path).records():
        at = (record.topic, record.partition)
        assert record.offset == latest.get(at, (-1, 0))[0] + 1
        latest[at] = (record.offset, max(record.timestamp, latest.get(at, (0, 0))[1]))
        times.append(latest[at][1])
    assert times == sorted(times)


def test_it_is_read_again_as_a_source(stage: Stage, path: Path) -> None:
    stage.cut(path, INPUT, start=10, end=30)
    held = Slice(path)
    assert held.starts_at(INPUT, None) == dict.fromkeys(range(4), 10)
    assert held.ends(INPUT) == dict.fromkeys(range(4), 30)
    for partition in range(4):
        assert [r for batch in held.read(INPUT, partition, 12, 20) for r in batch] == stage.log._topics[INPUT][partition][12:20]
        since = held.starts_at(INPUT, START_MS + 1)[partition]
        assert since == next((r.offset for r in stage.log._topics[INPUT][partition][10:30] if r.timestamp > START_MS), 30)


def test_a_file_that_is_no_slice_or_is_spoilt_is_refused(stage: Stage, path: Path) -> None:
    stage.cut(path, INPUT)
    good = path.read_bytes()
    path.write_bytes(good[:-40] + bytes([good[-40] ^ 1]) + good[-39:])
    with pytest.raises(SliceError, match="is not as it was written"):
        Slice(path)
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(SliceError, match="is not as it was written"):
        Slice(path)
    for other in (b"", b"not avro", good[:100]):
        path.write_bytes(other)
        with pytest.raises(SliceError, match="is no slice"):
            Slice(path)


def test_a_cut_that_fails_leaves_what_was_there(stage: Stage, path: Path) -> None:
    path.write_bytes(b"before")

    class Failing(MemoryLog):
        def read(self, *args):
            yield from super().read(*args)
            raise ConnectionError

    log = Failing()
    log._topics = stage.log._topics
    with pytest.raises(ConnectionError):
        write(path, log, stage.registry, {INPUT: {0: range(5)}}, code_version="")
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]


def test_a_fold_of_it_has_the_rows_of_a_fold_of_the_log_at_any_speed(stage: Stage, path: Path, tmp_path: Path) -> None:
    stage.cut(path, INPUT)
    held = Slice(path)
    fast = fold_slice(held, CountingFold(), tmp_path / "fast")
    slow = fold_slice(held, CountingFold(), tmp_path / "slow", speed=10)
    assert slow == fast
    plan = Plan(INPUT, held.ranges(INPUT), CountingFold())
    assert fast == replay(plan, lambda: Connection(held, Codec(SliceRegistry(held.schemas)), SliceRegistry(held.schemas)))
    assert [part.state for part in fast.partitions] == [f"{progress.digest:032x}" for progress in stage.driver.outcome().progress]
    assert sum(part.sent for part in fast.partitions) == 303


def test_a_part_of_the_log_is_folded_from_empty_rows_with_its_own_offsets(stage: Stage, path: Path, tmp_path: Path) -> None:
    stage.cut(path, INPUT, start=20, end=40)
    manifest = fold_slice(Slice(path), CountingFold(), tmp_path / "rows")
    assert [(part.start, part.end, part.records) for part in manifest.partitions] == [(20, 40, 20)] * 4


def test_another_log_gets_it_whole_under_that_registry_s_ids(stage: Stage, path: Path) -> None:
    stage.cut(path, INPUT, OUTPUT)
    held = Slice(path)
    there, registry = MemoryLog(), LocalRegistry()
    for _ in range(5):
        registry.register("other", {"type": "record", "name": f"Other{_}", "fields": []})
    copied = copy_slice(held, there, registry)
    assert (copied.records, copied.unmapped) == (604, 1)
    here = Codec(stage.registry)
    codec = Codec(registry)
    for topic in (INPUT, OUTPUT):
        for partition in range(4):
            for mine, theirs in zip(stage.log._topics[topic][partition], there._topics[topic][partition], strict=True):
                assert theirs._replace(value=None) == mine._replace(value=None)
                if mine.value and mine.key not in (b"odd", b"bad"):
                    assert codec.decode(theirs.value) == here.decode(mine.value)
                    assert theirs.value != mine.value
                else:
                    assert theirs.value == mine.value
    with pytest.raises(NotEmptyError, match="take an empty Kafka"):
        copy_slice(held, there, registry)


def test_a_view_that_reads_texts_says_so_where_no_other_reads_the_slice(path: Path) -> None:
    log, registry = MemoryLog(), LocalRegistry()
    commands, nobodys = VIEWS["chat"].inputs[0], OF_EVENT[MessagePosted].name
    Publisher(log, Codec(registry), "edge-1").publish(DeleteMessage(channel_id="1", message_id="m", user_id="2", moderator_id="1"))
    write(path, log, registry, {commands: {p: range(end) for p, end in log.ends(commands).items()}}, code_version="")
    with pytest.raises(StreamingError, match=r"chat\.v\d+ reads texts, and a slice holds them sealed"):
        into_views(path, [], "max", as_json=False)
    with pytest.raises(CommandError, match=r"no view folds chat\.message\.commands\.v1 from a slice, so there is nothing to pin"):
        into_pins(path, as_json=False)
    assert list(path.parent.iterdir()) == [path]
    write(path, log, registry, {nobodys: {0: range(0)}}, code_version="")
    with pytest.raises(CommandError, match=f"no view reads {nobodys}"):
        into_views(path, [], "max", as_json=False)


class Virtual:
    """A clock that only sleeping moves, and a reader that takes its time."""

    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.time += seconds


def at(*milliseconds: int) -> list[Record]:
    return [Record("t", 0, offset, b"k", b"", (), START_MS + ms) for offset, ms in enumerate(milliseconds)]


@pytest.mark.parametrize("speed", [1, 10])
def test_gaps_are_kept(speed: int) -> None:
    clock = Virtual()
    seen = [
        (round((clock.time - 100) * speed * 1_000), [r.offset for r in due.records])
        for due in paced(at(0, 0, 40, 5_000, 4_000, 5_010), speed, clock.now, clock.sleep)
    ]
    assert seen == [(0, [0, 1]), (40, [2]), (5_000, [3, 4]), (5_010, [5])]


def test_without_a_pace_nothing_is_waited_for() -> None:
    found = list(paced(at(*range(6_000)), None, sleep=lambda _: pytest.fail("slept")))
    assert [len(due.records) for due in found] == [5000, 1000]
    assert {due.late_s for due in found} == {0}


def test_a_slow_reader_is_late_once_and_not_more_and_more() -> None:
    clock = Virtual()
    late = []
    for due in paced(at(*range(0, 10_000, 100)), 1, clock.now, clock.sleep):
        late.append(due.late_s)
        if len(late) == 1:
            clock.time += 2  # one long pause
    assert max(late) == pytest.approx(1.9)
    assert all(each < 1e-6 for each in late[2:])
    assert clock.time == pytest.approx(109.9)


@given(st.lists(st.integers(0, 20_000), max_size=60), st.sampled_from([1, 10, 0.5]))
def test_any_times_keep_the_order_and_are_never_early(milliseconds: list[int], speed: float) -> None:
    clock, records = Virtual(), at(*milliseconds)
    seen = []
    for due in paced(records, speed, clock.now, clock.sleep):
        assert due.late_s < 1e-6
        latest = max(r.timestamp for r in (*seen, *due.records))
        assert clock.time == pytest.approx(100 + (latest - records[0].timestamp) / 1_000 / speed)
        seen += due.records
    assert seen == records


def test_real_time_at_ten_times_the_speed_is_late_by_little() -> None:
    records = at(*range(0, 25_000, 50))  # 500 records over 25 s, in 2.5 s
    began = time.monotonic()
    late = []
    for due in paced(records, 10):
        passed = time.monotonic() - began
        late += [passed - (record.timestamp - START_MS) / 10_000 for record in due.records]
    assert len(late) == 500
    assert min(late) > -0.001  # never early
    assert sorted(late)[len(late) // 2] < 0.1  # a record's time is 5 ms; what another process has the machine for is made up again
    assert 2.494 < time.monotonic() - began < 4


@pytest.mark.row("E10")
@pytest.mark.parametrize("topic", ["privacy.key.state.v1", "privacy.key.dlq.v1"])
def test_keys_are_not_exported(topic: str, path: Path) -> None:
    with pytest.raises(CommandError, match="would outlive it"):
        export([topic], path)
    assert not path.exists()
