"""Folds in a Faust worker on a real broker: what it says of itself, what it does with bad records, and how it ends."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.events import Followed, MessagePosted, Tick
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.errors import FatalError
from streams.faust_driver import FaustWorker
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher
from streams.store_rocksdict import RocksStores
from streams.ticker import Ticker
from tests.broker.test_exactly_once_after_kills import Worker
from tests.broker.verifying import everything
from tests.simulation.counting import INPUT, LETTERS, OUTPUT, CountingFold, preloaded

pytestmark = pytest.mark.broker


class Echo:
    """A second fold in the same worker: says again what was said once."""

    name, version, inputs, outputs, tables = "echo", 1, (OUTPUT,), (MessagePosted,), ()

    def apply(self, rows, event, at):
        if isinstance(event, MessagePosted) and event.user_id == "0":
            yield msgspec.structs.replace(event, user_id="1")


class Bug(CountingFold):
    """Fails on one channel."""

    def apply(self, rows, event, at):
        if event.channel_id == "13":
            raise ZeroDivisionError
        return super().apply(rows, event, at)


class Stage:
    """A broker, and workers on it."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        ensure_topics(bootstrap)
        self.bootstrap, self.folder = bootstrap, folder
        self.log, self.codec = KafkaLog(bootstrap), Codec(LocalRegistry())
        self.publisher = Publisher(self.log, self.codec, "test-1")

    @asynccontextmanager
    async def worker(self, *folds, ticker: Ticker | None = None, name: str = "a"):
        stopping = asyncio.Event()
        stores = RocksStores(self.folder / name)
        worker = FaustWorker(
            folds, self.log, self.codec, stores, bootstrap=self.bootstrap, directory=self.folder / name / "faust", ticker=ticker
        )
        work = asyncio.create_task(worker.run(stopping))
        try:
            yield worker, work
        finally:
            stopping.set()
            await asyncio.gather(work, return_exceptions=True)
        if not work.cancelled() and (cause := work.exception()):
            raise cause

    async def until(self, condition: Callable[[], bool], work: asyncio.Task) -> None:
        async with asyncio.timeout(40):
            while not await asyncio.to_thread(condition):
                assert not work.done() or work.result()
                await asyncio.sleep(0.02)

    def count(self, topic: str) -> int:
        return sum(self.log.ends(topic).values())

    def committed(self, group: str) -> int:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        offsets = consumer.committed([TopicPartition(INPUT, partition) for partition in range(4)], timeout=20)
        consumer.close()
        return sum(max(0, each.offset) for each in offsets)


@pytest.fixture
def stage(private_kafka, tmp_path):
    stage = Stage(private_kafka.bootstrap, tmp_path)
    yield stage
    stage.log.close()


async def test_two_folds_share_a_worker_that_says_when_it_is_ready_and_commits_what_the_stores_hold(stage: Stage) -> None:
    for i in range(500):
        stage.publisher.publish(Followed(channel_id=str(i), user_id="1"))
    async with stage.worker(CountingFold(), Echo()) as (worker, work):
        assert worker.lacks() == "waits for its partitions"
        await stage.until(lambda: stage.count(OUTPUT) == 1_000, work)
        await stage.until(lambda: worker.lacks() == "", work)
    assert stage.committed("view.counting.v1-echo.v1") == 500
    async with stage.worker(CountingFold(), Echo()) as (worker, work):
        stage.publisher.publish(Followed(channel_id="1", user_id="2"))
        await stage.until(lambda: stage.count(OUTPUT) == 1_002, work)
    assert stage.count(OUTPUT) == 1_002


async def test_a_worker_whose_store_is_lost_folds_anew_without_sending_anew(stage: Stage) -> None:
    for i in range(300):
        stage.publisher.publish(Followed(channel_id=str(i % 3), user_id=str(i)))
    async with stage.worker(CountingFold(), name="a") as (_, work):
        await stage.until(lambda: stage.count(OUTPUT) == 300, work)
    stage.publisher.publish(Followed(channel_id="1", user_id="x"))
    async with stage.worker(CountingFold(), name="b") as (_, work):
        await stage.until(lambda: stage.count(OUTPUT) == 301, work)
    texts = [stage.codec.decode(record.value).text for record in everything(stage.log, OUTPUT)]
    assert "101 follows, 1 by x, 0 ticks" in texts
    assert len(texts) == len(set(texts)) == 301


async def test_a_poison_record_becomes_a_dead_letter_and_the_others_go_on(stage: Stage) -> None:
    stage.log.append(INPUT, b"7", b"\0\0\0\0\x63junk", headers=(("trace", b"\xff"),), timestamp=1_700_000_000_000).result(20)
    stage.publisher.publish(Followed(channel_id="7", user_id="1"))
    async with stage.worker(CountingFold()) as (_, work):
        await stage.until(lambda: stage.count(OUTPUT) == 1, work)
    [letter] = everything(stage.log, LETTERS)
    [source] = [record for record in everything(stage.log, INPUT) if record.value == b"\0\0\0\0\x63junk"]
    assert (letter.partition, letter.key, letter.value, letter.timestamp) == (source.partition, source.key, source.value, source.timestamp)
    assert letter.headers[0] == ("trace", b"\xff")
    assert dict(letter.headers)["x-error.class.name"] == b"UnknownSchemaError"


async def test_a_bug_stops_the_worker_before_the_record_is_acknowledged(stage: Stage) -> None:
    for i in range(20):
        stage.publisher.publish(Followed(channel_id="13", user_id=str(i)))
    for _ in range(2):
        with pytest.raises(FatalError, match=r"counting\.v1 failed on channel\.social\.events\.v1/\d offset 0: ZeroDivisionError"):
            async with stage.worker(Bug()) as (_, work):
                await asyncio.wait_for(asyncio.shield(work), 40)
    assert stage.committed("view.counting.v1") == 0
    async with stage.worker(CountingFold()) as (_, work):  # the mended fold goes on where it stood
        await stage.until(lambda: stage.count(OUTPUT) == 20, work)


async def test_one_worker_ticks_each_partition_of_a_ticked_topic_once_a_second(stage: Stage) -> None:
    topic = "media.capacity.commands.v1"
    async with stage.worker(CountingFold(), ticker=Ticker(stage.publisher)) as (_, work):
        await stage.until(lambda: min(stage.log.ends(topic).values()) >= 4, work)
    assert stage.log.flush(20)  # the last second's may be under way
    ends = set(stage.log.ends(topic).values())
    assert len(ends) == 1
    ticks = [stage.codec.decode(record.value) for record in everything(stage.log, topic) if record.partition == 0]
    assert all(isinstance(tick, Tick) for tick in ticks)
    gaps = [(b.occurred_at - a.occurred_at) / 1e6 for a, b in pairwise(ticks)]
    assert all(0.5 < gap < 1.9 for gap in gaps), gaps


def test_a_worker_outlasts_a_dead_broker_and_can_be_ended_while_it_is_dead(private_kafka, tmp_path) -> None:
    stage = Stage(private_kafka.bootstrap, tmp_path)
    stage.codec = Codec(preloaded(LocalRegistry()))
    publisher = Publisher(stage.log, stage.codec, "test-1")
    worker = Worker(private_kafka.bootstrap, tmp_path / "worker")
    try:
        for dead_s, expected in ((5, 1), (0, 2)):
            publisher.publish(Followed(channel_id="1", user_id="1")).result(60)
            deadline = time.monotonic() + 60
            while stage.count(OUTPUT) < expected:
                worker.assert_alive()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            private_kafka.kill()
            if dead_s:
                time.sleep(dead_s)  # longer than the group's session
                worker.assert_alive()
                private_kafka.start()
        began = time.monotonic()
        assert worker.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < 10
    finally:
        worker.close()
        stage.log.close()
