"""The lake holds what the log held, once, whatever stops its writer."""

import os
import random
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from lake_stage import EPOCH, STEP_MS, TOPIC, codec, expected, files, fill, places, rows
from pyarrow import parquet

from schemas.errors import RegistryUnavailableError
from schemas.registry import LocalRegistry
from sinks.lake.lake import TOPICS, Lake, Limits
from sinks.lake.landing import OtherLogError, PartitionLander
from sinks.lake.tables import Tabulator
from streams.errors import MissingRangeError
from streams.lake import layout
from streams.lake.ranges import Plan
from streams.lake.shelf import Shelf
from streams.log import Log, Record
from streams.log_joined import JoinedLog
from streams.log_lake import CorruptFileError, LakeLog
from streams.log_memory import MemoryLog
from streams.objects import StoreUnavailableError
from streams.topics import BY_NAME, PARTITIONS, dead_letters
from tests.cut_log import CutLog

PARTITIONED = {TOPIC: 2}
SMALL = Limits(age_s=0, rows=100)


class Crash(BaseException):
    """The process ends here."""


class Frail(Shelf):
    """A store in front of which the process ends after so many steps."""

    steps = 1 << 60

    def create(self, address: str, data: bytes) -> bool:
        self._step()
        return super().create(address, data)

    def delete(self, address: str) -> None:
        self._step()
        super().delete(address)

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Crash


def url(folder: Path) -> str:
    return f"file://{folder}"


def lander(log: Log, registry: LocalRegistry, shelf: Shelf, partition: int = 0) -> PartitionLander:
    found = PartitionLander(TOPIC, partition, log, shelf, Tabulator(registry))
    found.open(log.starts_at(TOPIC, None)[partition], log.ends(TOPIC)[partition])
    return found


def land(lake: Lake) -> None:
    """Lands everything that is on the log."""
    lake.open()
    assert lake._tail is not None
    while lake._tail.lag():
        time.sleep(0.002)
    lake.close()
    assert lake.failure is None, lake.failure
    assert lake.lag() == 0


def assert_whole(store: Path, codec, ends: dict[int, int]) -> None:
    """Everything is visible once, and reads as it was written."""
    assert places(store) == {(partition, offset): 1 for partition, end in ends.items() for offset in range(end)}
    lake = LakeLog(Shelf.at(url(store)), PARTITIONED)
    for partition, end in ends.items():
        read = [record for batch in lake.read(TOPIC, partition, 0, end) for record in batch]
        assert read == [expected(codec, partition, offset) for offset in range(end)]
    assert lake.ends(TOPIC) == {0: 0, 1: 0, **ends}


@pytest.mark.row("U11")
def test_records_land_once_and_come_back_as_they_were(tmp_path: Path) -> None:
    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0, 1: 0}
    for _ in range(3):
        fill(log, code, ends, 333)
        land(Lake(log, registry, Shelf.at(url(tmp_path)), PARTITIONED, SMALL))
    assert_whole(tmp_path, code, ends)
    assert sorted(rows(tmp_path)) == sorted(expected(code, partition, offset) for partition, end in ends.items() for offset in range(end))
    lake = LakeLog(Shelf.at(url(tmp_path)), PARTITIONED)
    assert [record.offset for batch in lake.read(TOPIC, 1, 123, 789) for record in batch] == list(range(123, 789))


def test_a_crash_between_any_two_steps_loses_and_doubles_nothing(tmp_path: Path) -> None:
    code, registry = codec()
    crashes = 0
    for steps in range(36):
        store = tmp_path / str(steps)
        log, ends = MemoryLog(PARTITIONED), {0: 0}
        frail = Frail.at(url(store))
        frail.steps = steps
        try:
            for _ in range(3):
                fill(log, code, ends, 40)
                writer = lander(log, registry, frail)
                writer.land([record for batch in log.read(TOPIC, 0, writer.next, ends[0]) for record in batch])
        except Crash:
            crashes += 1
        assert set(places(store).values()) <= {1}
        fill(log, code, ends, 40)  # the writer that starts anew finds more on the log than the one that ended
        writer = lander(log, registry, Shelf.at(url(store)))
        assert max(places(store).values(), default=1) == 1
        writer.land([record for batch in log.read(TOPIC, 0, writer.next, ends[0]) for record in batch])
        assert_whole(store, code, ends)
    assert 20 < crashes < 36


def test_two_writers_by_mistake_write_the_same(tmp_path: Path) -> None:
    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0, 1: 0}
    fill(log, code, ends, 1_000)
    dice = random.Random(7)
    failures: list[BaseException] = []

    def write() -> None:
        try:
            writer = lander(log, registry, Shelf.at(url(tmp_path)))
            while writer.next < 1_000:
                last = min(1_000, writer.next + dice.randrange(1, 60))
                writer.land([record for batch in log.read(TOPIC, 0, writer.next, last) for record in batch])
        except BaseException as cause:
            failures.append(cause)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert failures == []
    assert_whole(tmp_path, code, {0: 1_000, 1: 0})


def test_a_late_writer_goes_on_where_the_lake_is(tmp_path: Path) -> None:
    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0, 1: 0}
    fill(log, code, ends, 100)
    late = lander(log, registry, Shelf.at(url(tmp_path)))
    quick = lander(log, registry, Shelf.at(url(tmp_path)))
    quick.land(next(iter(log.read(TOPIC, 0, 0, 70))))
    late.land(next(iter(log.read(TOPIC, 0, 0, 50))))
    assert late.next == 70
    late.land(next(iter(log.read(TOPIC, 0, 70, 100))))
    assert_whole(tmp_path, code, {0: 100, 1: 0})
    assert Shelf.at(url(tmp_path)).names("lake/_plans") == []


def test_a_row_stays_undecodable_though_the_registry_learns_its_schema(tmp_path: Path) -> None:
    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0}
    fill(log, code, ends, 50)
    frail = Frail.at(url(tmp_path))
    frail.steps = 2  # the plan and one file
    with pytest.raises(Crash):
        lander(log, LocalRegistry(), frail).land(next(iter(log.read(TOPIC, 0, 0, 50))))
    assert lander(log, registry, Shelf.at(url(tmp_path))).next == 50
    assert_whole(tmp_path, code, {0: 50, 1: 0})
    assert {path.parent.parent.name for path, _ in files(tmp_path)} == {"event=undecodable", "event=tombstone"}


def test_compaction_between_plan_and_commit_takes_nothing_that_was_visible(tmp_path: Path) -> None:
    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0}
    fill(log, code, ends, 50)
    records = next(iter(log.read(TOPIC, 0, 0, 50)))
    writer = lander(log, registry, Shelf.at(url(tmp_path)))
    names = writer._addresses(writer._tabulator.tables(records), 49)
    plan = Plan(TOPIC, 0, 0, 49, tuple(names), ((4, 4), (33, 33)))
    frail = Frail.at(url(tmp_path))
    frail.steps = 2
    with pytest.raises(Crash):
        lander(log, registry, frail).land(records)
    [(path, _)] = files(tmp_path)
    assert msgspec.json.decode(Shelf.at(url(tmp_path)).get(layout.plan(TOPIC, 0, 0)), type=Plan) == plan
    visible = places(tmp_path)
    log._topics[TOPIC][0] = [record for record in records if (0, record.offset) not in visible]
    writer = lander(log, registry, Shelf.at(url(tmp_path)))
    assert path.exists()
    assert writer.next == 50
    assert places(tmp_path) == {(0, offset): 1 for offset in range(50)}


def test_a_log_that_ends_before_the_lake_is_refused(tmp_path: Path) -> None:
    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0}
    fill(log, code, ends, 50)
    lander(log, registry, Shelf.at(url(tmp_path))).land(next(iter(log.read(TOPIC, 0, 0, 50))))
    with pytest.raises(OtherLogError, match="another log"):
        Lake(MemoryLog(PARTITIONED), registry, Shelf.at(url(tmp_path)), PARTITIONED).run()


@pytest.mark.row("E1")
def test_what_retention_took_before_it_was_landed_is_named(tmp_path: Path) -> None:
    log, (code, registry), ends = CutLog(PARTITIONED), codec(), {0: 0, 1: 0}
    fill(log, code, ends, 50)
    land(Lake(log, registry, Shelf.at(url(tmp_path)), PARTITIONED, SMALL))
    fill(log, code, ends, 50)
    log.kept = 70
    land(Lake(log, registry, Shelf.at(url(tmp_path)), PARTITIONED, SMALL))
    lake = LakeLog(Shelf.at(url(tmp_path)), PARTITIONED)
    assert [r.offset for batch in lake.read(TOPIC, 0, 70, 100) for r in batch] == list(range(70, 100))
    with pytest.raises(MissingRangeError, match="offsets 50 to 69 of chat"):
        list(lake.read(TOPIC, 0, 40, 100))
    with pytest.raises(MissingRangeError, match="offsets 100 to 109 of chat"):
        list(lake.read(TOPIC, 0, 90, 110))


def test_retention_that_overtakes_the_writer_is_seen(tmp_path: Path) -> None:
    log, (code, registry), ends = CutLog(PARTITIONED), codec(), {0: 0, 1: 0}
    fill(log, code, ends, 50)
    lake = Lake(log, registry, Shelf.at(url(tmp_path)), PARTITIONED, SMALL)
    lake.open()
    while lake.lag():
        lake.land_due()
        time.sleep(0.002)
    log.kept = 60
    log._topics[TOPIC][0].extend(expected(code, 0, offset) for offset in range(50, 60))
    lake._tail.close()
    lake._deliver([expected(code, 0, offset) for offset in range(60, 80)])
    assert lake.failure is None
    lake.close()
    with pytest.raises(MissingRangeError, match="offsets 50 to 59"):
        list(LakeLog(Shelf.at(url(tmp_path)), PARTITIONED).read(TOPIC, 0, 0, 80))


@pytest.mark.row("E1")
def test_the_joined_log_reads_the_lake_below_the_logs_start(tmp_path: Path) -> None:
    log, (code, registry), ends = CutLog(PARTITIONED), codec(), {0: 0, 1: 0}
    fill(log, code, ends, 100)
    land(Lake(log, registry, Shelf.at(url(tmp_path)), PARTITIONED, SMALL))
    fill(log, code, ends, 100)
    log.kept = 90
    joined = JoinedLog(log, LakeLog(Shelf.at(url(tmp_path)), PARTITIONED))
    wanted = [expected(code, 1, offset) for offset in range(20, 180)]
    assert [r for batch in joined.read(TOPIC, 1, 20, 180) for r in batch] == wanted
    assert joined.starts_at(TOPIC, None) == {0: 0, 1: 0}
    assert joined.starts_at(TOPIC, EPOCH + 33 * STEP_MS - 1) == {0: 33, 1: 33}
    assert joined.starts_at(TOPIC, EPOCH + 150 * STEP_MS) == {0: 150, 1: 150}
    assert joined.starts_at(TOPIC, EPOCH + 900 * STEP_MS) == joined.ends(TOPIC) == {0: 200, 1: 200}
    log.kept = 120
    with pytest.raises(MissingRangeError, match="offsets 100 to 119"):
        list(joined.read(TOPIC, 0, 0, 200))


def test_retention_that_goes_on_while_the_joined_log_is_read_leaves_no_gap(tmp_path: Path) -> None:
    log, (code, registry), ends = CutLog(PARTITIONED), codec(), {0: 0, 1: 0}
    fill(log, code, ends, 1_500)
    land(Lake(log, registry, Shelf.at(url(tmp_path)), PARTITIONED, SMALL))
    read = []

    class Overtaking:
        """A log whose start passes its reader after the first batch."""

        ends = log.ends
        starts_at = log.starts_at

        def read(self, topic: str, partition: int, start: int, end: int):
            for batch in log.read(topic, partition, start, end):
                if batch[0].offset >= 500 > log.kept:
                    log.kept = 1_200
                if batch[-1].offset >= log.kept:
                    yield [record for record in batch if record.offset >= log.kept]

    for batch in JoinedLog(Overtaking(), LakeLog(Shelf.at(url(tmp_path)), PARTITIONED)).read(TOPIC, 0, 0, 1_500):
        read += batch
    assert [record.offset for record in read] == list(range(1_500))


def test_a_file_that_was_changed_or_lost_is_named(tmp_path: Path) -> None:
    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0}
    fill(log, code, ends, 50)
    lander(log, registry, Shelf.at(url(tmp_path))).land(next(iter(log.read(TOPIC, 0, 0, 50))))
    path, _ = next(files(tmp_path))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptFileError, match=path.name):
        list(LakeLog(Shelf.at(url(tmp_path)), PARTITIONED).read(TOPIC, 0, 0, 50))
    path.unlink()
    with pytest.raises(CorruptFileError, match=path.name):
        list(LakeLog(Shelf.at(url(tmp_path)), PARTITIONED).read(TOPIC, 0, 0, 50))


def test_a_file_says_which_part_of_the_log_it_holds(tmp_path: Path) -> None:
    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0}
    fill(log, code, ends, 50)
    lander(log, registry, Shelf.at(url(tmp_path))).land(next(iter(log.read(TOPIC, 0, 0, 50))))
    for path, table in files(tmp_path):
        said = parquet.read_metadata(path).metadata
        offsets = table["_offset"].to_pylist()
        assert offsets == sorted(offsets)
        assert said[b"chronicast.topic"] == TOPIC.encode()
        assert said[b"chronicast.partition"] == b"0"
        assert int(said[b"chronicast.first_offset"]) == offsets[0]
        assert int(said[b"chronicast.last_offset"]) == offsets[-1]
        assert int(said[b"chronicast.rows"]) == len(offsets)
        if "event=Message" in str(path):
            number = int(said[b"chronicast.schema_id"])
            assert path.name == f"p0-{0:020}-{49:020}.s{number}.parquet"
            assert msgspec.json.decode(said[b"avro.schema"]) == registry.schema(number)
            assert {value[:5] for value in table["_value"].to_pylist()} == {b"\0" + number.to_bytes(4, "big")}
        assert {path.parent.name} == {f"hour={datetime.fromtimestamp(t, UTC):%Y-%m-%dT%H}" for t in seconds(table)}


def seconds(table: pa.Table) -> list[int]:
    return [value // 1_000 for value in table["_timestamp"].cast(pa.int64()).to_pylist()]


def test_what_a_killed_write_left_is_no_data_and_goes_in_time(tmp_path: Path) -> None:
    staging = tmp_path / layout.STAGING
    staging.mkdir(parents=True)
    left, under_way = staging / "left", staging / "under-way"
    left.write_bytes(b"half")
    under_way.write_bytes(b"half")
    os.utime(left, (0, 0))
    Shelf.at(url(tmp_path))
    assert not left.exists()
    assert under_way.exists()
    assert list(files(tmp_path)) == []


@pytest.mark.parametrize("timestamp", [-1, -(1 << 62), 1 << 62])
def test_a_timestamp_that_no_calendar_has_is_landed(tmp_path: Path, timestamp: int) -> None:
    record = Record(TOPIC, 0, 0, b"k", b"", (), timestamp)
    log = MemoryLog(PARTITIONED)
    log._topics[TOPIC][0].append(record)
    land(Lake(log, LocalRegistry(), Shelf.at(url(tmp_path)), PARTITIONED, SMALL))
    assert [r for batch in LakeLog(Shelf.at(url(tmp_path)), PARTITIONED).read(TOPIC, 0, 0, 1) for r in batch] == [record]
    assert (tmp_path / "lake" / TOPIC / "event=undecodable" / "hour=unknown").exists()


def test_a_store_or_registry_that_is_away_is_waited_for(tmp_path: Path) -> None:
    class Away(LocalRegistry):
        times = 1

        def schema(self, id: int):  # noqa: A002
            self.times -= 1
            if self.times >= 0:
                raise RegistryUnavailableError("away")
            return registry.schema(id)

    class Full(Shelf):
        times = 2

        def create(self, address: str, data: bytes) -> bool:
            self.times -= address.endswith(".parquet")
            if self.times == 0 and address.endswith(".parquet"):
                raise StoreUnavailableError("full")
            return super().create(address, data)

    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0}
    fill(log, code, ends, 50)
    lake = Lake(log, Away(), Full.at(url(tmp_path)), PARTITIONED, SMALL)
    lake.open()
    while lake.lag():
        lake.land_due()
        time.sleep(0.002)
    lake.close()
    assert lake.lacks() == ""
    assert_whole(tmp_path, code, {0: 50, 1: 0})


@pytest.mark.parametrize("limits", [Limits(rows=600), Limits(size=800_000), Limits(total=1_000_000)])
def test_ranges_are_cut_by_rows_and_memory(tmp_path: Path, limits: Limits) -> None:
    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0, 1: 0}
    fill(log, code, ends, 2_500)
    land(Lake(log, registry, Shelf.at(url(tmp_path)), PARTITIONED, limits))
    commits = list(LakeLog(Shelf.at(url(tmp_path)), PARTITIONED).commits(TOPIC, 0))
    assert max(commit.last - commit.first for commit in commits) < 1_100
    assert_whole(tmp_path, code, ends)


def test_a_stop_while_the_store_is_away_ends_the_writer(tmp_path: Path) -> None:
    class Gone(Shelf):
        def create(self, address: str, data: bytes) -> bool:
            raise StoreUnavailableError("gone")

    log, (code, registry), ends = MemoryLog(PARTITIONED), codec(), {0: 0}
    fill(log, code, ends, 50)
    lake = Lake(log, registry, Gone.at(url(tmp_path)), PARTITIONED, SMALL)
    running = threading.Thread(target=lake.run)
    running.start()
    while lake.lacks() != "gone":
        running.join(0.01)
    lake.close()
    running.join(30)
    assert not running.is_alive()


def test_commits_are_found_from_any_offset_of_a_long_history(tmp_path: Path) -> None:
    log, registry = MemoryLog(PARTITIONED), codec()[1]
    shelf = Shelf.at(url(tmp_path))
    firsts = sorted({0, *random.Random(3).sample(range(1 << 26), 300)})
    for first, after in zip(firsts, [*firsts[1:], 1 << 26], strict=True):
        shelf.create(layout.commit(TOPIC, 0, first), b'{"topic":"t","partition":0,"first":%d,"last":%d,"files":[]}' % (first, after - 1))
    lake = LakeLog(shelf, PARTITIONED)
    for offset in (0, 1, 70_000, 1 << 20, (1 << 25) + 7, (1 << 26) - 1, *firsts[100:110]):
        commit = next(lake.commits(TOPIC, 0, offset))
        assert commit.first <= offset <= commit.last
    assert lake.tip(TOPIC, 0).last == lake.tip(TOPIC, 0, 1 << 25).last == lake.tip(TOPIC, 0, 1 << 40).last == (1 << 26) - 1
    assert lander(log, registry, shelf, 1).next == 0


@pytest.mark.row("C24")
def test_every_topic_is_landed_but_keys() -> None:
    secret = {name for topic in BY_NAME.values() if topic.secret for name in (topic.name, dead_letters(topic.name))}
    assert "privacy.key.state.v1" in secret
    assert set(TOPICS) == set(PARTITIONS) - secret
