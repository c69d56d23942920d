"""What every log promises: one case, run on each adapter."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from uuid import uuid4

import pytest

from streams.keys import partition_for
from streams.log import Log, Outgoing, Record
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.log_memory import MemoryLog
from streams.topics import Topic

PARTITIONS = 3


class Collected:
    """A reader that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.caught_up = threading.Event()

    def __call__(self, batch) -> None:
        self.records.extend(batch)

    def wait_for(self, count: int) -> list[Record]:
        deadline = time.monotonic() + 60
        while len(self.records) < count:
            assert time.monotonic() < deadline, f"{len(self.records)} of {count} records came"
            time.sleep(0.002)
        return self.records


class LogCase(ABC):
    """The contract."""

    @pytest.fixture
    @abstractmethod
    def log(self, topic: str) -> Iterator[Log]:
        """A log that holds the topic, with three partitions."""

    @pytest.fixture
    def topic(self) -> str:
        return f"contract.log{uuid4().hex}.events.v1"

    def everything(self, topic: str) -> dict[tuple[str, int], int]:
        return {(topic, partition): 0 for partition in range(PARTITIONS)}

    def test_a_record_comes_back_as_it_was_appended(self, log: Log, topic: str) -> None:
        position = log.append(topic, b"key", b"value", headers=(("a", b"1"), ("b", b""), ("a", b"2")), timestamp=1_700_000_000_123).result(
            20
        )
        assert position == (topic, partition_for(b"key", PARTITIONS), 0)
        [[record]] = log.read(*position[:2], 0, 1)
        assert record == Record(*position, b"key", b"value", (("a", b"1"), ("b", b""), ("a", b"2")), 1_700_000_000_123)

    def test_a_tombstone_has_no_value_and_an_empty_value_is_one(self, log: Log, topic: str) -> None:
        log.append(topic, b"key", None, partition=0).result(20)
        log.append(topic, b"key", b"", partition=0).result(20)
        records = [record for batch in log.read(topic, 0, 0, 2) for record in batch]
        assert [record.value for record in records] == [None, b""]

    def test_a_given_partition_goes_before_the_key(self, log: Log, topic: str) -> None:
        elsewhere = (partition_for(b"key", PARTITIONS) + 1) % PARTITIONS
        assert log.append(topic, b"key", b"", partition=elsewhere).result(20).partition == elsewhere

    def test_an_empty_key_without_partition_is_refused(self, log: Log, topic: str) -> None:
        with pytest.raises(ValueError, match="partition"):
            log.append(topic, b"", b"")

    def test_appending_keeps_the_call_order_per_partition(self, log: Log, topic: str) -> None:
        futures = [log.append(topic, b"%d" % (i % 17), b"%d" % i) for i in range(2_000)]
        assert [f.result(20).topic for f in futures] == [topic] * 2_000
        for partition, end in log.ends(topic).items():
            values = [int(r.value or b"") for batch in log.read(topic, partition, 0, end) for r in batch]
            assert values == sorted(values)
            assert len(values) == end

    def test_many_are_appended_with_one_future(self, log: Log, topic: str) -> None:
        log.append_all([Outgoing(topic, b"k", b"%d" % i, (("h", b"1"),), 1_000 + i, 1) for i in range(500)]).result(20)
        records = [r for batch in log.read(topic, 1, 0, 500) for r in batch]
        assert [(r.offset, r.value, r.headers, r.timestamp) for r in records] == [
            (i, b"%d" % i, (("h", b"1"),), 1_000 + i) for i in range(500)
        ]
        log.append_all([]).result(1)

    def test_a_bounded_read_gives_exactly_its_range(self, log: Log, topic: str) -> None:
        log.append_all([Outgoing(topic, b"k", b"%d" % i, partition=2) for i in range(1_700)]).result(20)
        assert [r.offset for batch in log.read(topic, 2, 600, 1_650) for r in batch] == list(range(600, 1_650))
        assert not list(log.read(topic, 2, 5, 5))

    def test_a_tail_delivers_what_is_there_says_so_and_goes_on(self, log: Log, topic: str) -> None:
        log.append_all([Outgoing(topic, b"k", b"%d" % i, partition=i % 2) for i in range(1_200)]).result(20)
        seen = Collected()
        tail = log.tail(self.everything(topic) | {(topic, 0): 100}, seen, seen.caught_up.set)
        assert seen.caught_up.wait(20)
        assert len(seen.records) == 1_100
        assert [r.offset for r in seen.records if r.partition == 0] == list(range(100, 600))
        log.append(topic, b"k", b"later", partition=2)
        assert seen.wait_for(1_101)[-1].value == b"later"
        tail.close()

    def test_a_tail_of_an_empty_topic_is_caught_up(self, log: Log, topic: str) -> None:
        seen = Collected()
        tail = log.tail(self.everything(topic), seen, seen.caught_up.set)
        assert seen.caught_up.wait(20)
        assert tail.lag() == 0
        tail.close()

    def test_a_closed_tail_delivers_nothing(self, log: Log, topic: str) -> None:
        seen = Collected()
        tail = log.tail(self.everything(topic), seen, seen.caught_up.set)
        assert seen.caught_up.wait(20)
        tail.close()
        log.append(topic, b"k", b"late").result(20)
        time.sleep(0.3)
        assert seen.records == []

    def test_a_record_reaches_a_tail_within_milliseconds(self, log: Log, topic: str) -> None:
        arrived: list[float] = []
        seen = Collected()
        tail = log.tail(self.everything(topic), lambda batch: arrived.extend([time.perf_counter()] * len(batch)), seen.caught_up.set)
        assert seen.caught_up.wait(20)
        took = []
        for i in range(50):
            sent = time.perf_counter()
            log.append(topic, b"k", b"%d" % i)
            while len(arrived) <= i:
                time.sleep(0.000_2)
            took.append(arrived[i] - sent)
        tail.close()
        # Idle: about 2 ms on Kafka. A reader that waits to fill its batch would need its whole time-out, 100 ms, each time: a busy machine
        # holds up some.
        assert sorted(took)[12] < 0.05

    def test_ends_and_starts_by_time(self, log: Log, topic: str) -> None:
        now = time.time_ns() // 1_000_000 - 10_000
        for i in range(10):
            log.append(topic, b"k", b"%d" % i, partition=1, timestamp=now + i).result(20)
        assert log.ends(topic) == {0: 0, 1: 10, 2: 0}
        assert log.starts_at(topic, None) == {0: 0, 1: 0, 2: 0}
        assert log.starts_at(topic, now + 4) == {0: 0, 1: 4, 2: 0}
        assert log.starts_at(topic, now + 60_000) == {0: 0, 1: 10, 2: 0}

    def test_nothing_waits_after_a_flush(self, log: Log, topic: str) -> None:
        future = log.append(topic, b"k", b"v")
        assert log.flush(20)
        assert future.result(1).offset == 0


class TestMemoryLog(LogCase):
    @pytest.fixture
    def log(self, topic: str) -> Iterator[Log]:
        log = MemoryLog({topic: PARTITIONS})
        yield log
        log.close()


@pytest.mark.broker
class TestKafkaLog(LogCase):
    @pytest.fixture
    def log(self, topic: str, kafka) -> Iterator[Log]:
        ensure_topics(kafka.bootstrap, [Topic(topic, "key", (), "tests", PARTITIONS, retention_ms=-1)])
        log = KafkaLog(kafka.bootstrap)
        yield log
        log.close()
