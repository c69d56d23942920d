"""A broker that is away: nothing is lost, the order is kept, and what is too much is refused at once."""

import time

import pytest

from streams.errors import BacklogFullError, NotAppendedError
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.topics import Topic

pytestmark = pytest.mark.broker
TOPIC = "outage.test.events.v1"


def test_records_appended_while_the_broker_is_dead_arrive_in_order(private_kafka) -> None:
    ensure_topics(private_kafka.bootstrap, [Topic(TOPIC, "key", (), "tests", 1)])
    log = KafkaLog(private_kafka.bootstrap)
    seen: list[int] = []
    tail = log.tail({(TOPIC, 0): 0}, lambda batch: seen.extend(int(record.value or b"") for record in batch))
    futures = [log.append(TOPIC, b"k", b"%d" % i) for i in range(1_000)]
    private_kafka.kill()
    began = time.perf_counter()
    futures += [log.append(TOPIC, b"k", b"%d" % i) for i in range(1_000, 6_000)]
    assert time.perf_counter() - began < 1, "appending must not wait for the broker"
    time.sleep(3)
    private_kafka.start()
    assert [future.result(60).offset for future in futures] == list(range(6_000))
    deadline = time.monotonic() + 30
    while len(seen) < 6_000:
        assert time.monotonic() < deadline, len(seen)
        time.sleep(0.01)
    assert seen == list(range(6_000))
    tail.close()
    log.close()


def test_a_full_backlog_is_refused_with_cause_and_fix(private_kafka) -> None:
    ensure_topics(private_kafka.bootstrap, [Topic(TOPIC, "key", (), "tests", 1)])
    log = KafkaLog(private_kafka.bootstrap, backlog=100)
    log.append(TOPIC, b"k", b"").result(20)
    private_kafka.kill()
    for _ in range(100):
        log.append(TOPIC, b"k", b"")
    with pytest.raises(BacklogFullError, match="no more than 100 may: is it up"):
        log.append(TOPIC, b"k", b"")
    private_kafka.start()
    assert log.flush(60)
    assert log.append(TOPIC, b"k", b"").result(20).offset == 101
    log.close()


def test_a_log_that_is_closed_without_a_broker_says_what_it_did_not_append(private_kafka) -> None:
    ensure_topics(private_kafka.bootstrap, [Topic(TOPIC, "key", (), "tests", 1)])
    log = KafkaLog(private_kafka.bootstrap)
    log.append(TOPIC, b"k", b"").result(20)
    private_kafka.kill()
    waiting = log.append(TOPIC, b"k", b"")
    log.close()
    log.close()
    with pytest.raises(NotAppendedError):
        waiting.result(0)
    with pytest.raises(NotAppendedError, match="closed"):
        log.append(TOPIC, b"k", b"")
