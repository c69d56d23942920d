"""The lake over a real Kafka, whose retention cuts; and kcat, which reads topics with nothing of ours."""

import hashlib
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from lake_stage import codec, outgoing

from schemas.registry import LocalRegistry
from sinks.lake.lake import Lake, Limits
from streams.errors import MissingRangeError
from streams.lake.shelf import Shelf
from streams.log import Outgoing, Record
from streams.log_admin import ensure_topics
from streams.log_joined import JoinedLog
from streams.log_kafka import KafkaLog
from streams.log_lake import LakeLog
from streams.topics import Topic
from tests.cut_log import cut_kafka

pytestmark = pytest.mark.broker
COUNT = 1_500


@pytest.fixture
def topic(kafka) -> str:
    name = f"lake.test{uuid4().hex}.events.v1"
    ensure_topics(kafka.bootstrap, [Topic(name, "key", (), "tests", 2)])
    return name


@pytest.fixture
def log(kafka) -> Iterator[KafkaLog]:
    log = KafkaLog(kafka.bootstrap)
    yield log
    log.close()


def publish(log: KafkaLog, topic: str, count: int) -> LocalRegistry:
    """Events, tombstones and bytes of no schema, on both partitions. Times are of today: the topic keeps a week."""
    code, registry = codec()
    now = time.time_ns() // 1_000_000
    log.append_all(
        [
            outgoing(code, partition, offset)._replace(topic=topic, timestamp=now - count + offset)
            for partition in range(2)
            for offset in range(count)
        ]
    ).result(30)
    return registry


def landed(log: KafkaLog, registry: LocalRegistry, topic: str, folder: Path) -> LakeLog:
    """The lake once it holds what is on the log."""
    lake = Lake(log, registry, Shelf.at(f"file://{folder}"), {topic: 2}, Limits(age_s=0.05, rows=400))
    lake.open()
    found = LakeLog(Shelf.at(f"file://{folder}"), {topic: 2})
    deadline = time.monotonic() + 30
    while found.ends(topic) != log.ends(topic):
        assert lake.failure is None, lake.failure
        assert time.monotonic() < deadline
        time.sleep(0.05)
        lake.land_due()
    lake.close()
    return found


def everything(log, topic: str, start: int, end: int) -> list[Record]:
    return [record for partition in range(2) for batch in log.read(topic, partition, start, end) for record in batch]


def digest(records: Sequence[Record]) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(records)).hexdigest()


@pytest.mark.row("E1", "U11")
def test_a_replay_from_the_lake_is_the_replay_from_kafka(kafka, log: KafkaLog, topic: str, tmp_path: Path) -> None:
    registry = publish(log, topic, COUNT)
    before = everything(log, topic, 0, COUNT)
    lake = landed(log, registry, topic, tmp_path)
    assert everything(lake, topic, 0, COUNT) == before
    cut_kafka(kafka.bootstrap, topic, 900, 2)
    publish(log, topic, 100)  # beyond the lake
    joined = JoinedLog(log, lake)
    assert everything(joined, topic, 0, COUNT) == before
    assert digest(everything(joined, topic, 700, 1_200)) == digest([record for record in before if 700 <= record.offset < 1_200])
    assert joined.starts_at(topic, None) == {0: 0, 1: 0}
    assert joined.starts_at(topic, before[500].timestamp) == {0: 500, 1: 500}
    assert joined.ends(topic) == {0: COUNT + 100, 1: COUNT + 100}
    assert [record.offset for record in everything(joined, topic, COUNT - 1, COUNT + 100)[:3]] == [COUNT - 1, COUNT, COUNT + 1]
    cut_kafka(kafka.bootstrap, topic, COUNT + 50, 2)
    with pytest.raises(MissingRangeError, match=f"offsets {COUNT} to {COUNT + 49}"):
        everything(joined, topic, 0, COUNT + 100)


@pytest.mark.row("U11")
def test_kcat_lists_records_with_their_headers(kafka, log: KafkaLog, topic: str) -> None:
    publish(log, topic, 200)
    log.append_all([Outgoing(topic, b"k", b"v", (("ce_type", b"last"),), partition=0)]).result(10)
    command = ["kcat", "-b", kafka.bootstrap, "-t", topic, "-C", "-e", "-q", "-J"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, errors="replace", timeout=60)
    listed = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted((row["partition"], row["offset"], row["key"]) for row in listed) == sorted(
        (record.partition, record.offset, record.key.decode())
        for partition, end in log.ends(topic).items()
        for batch in log.read(topic, partition, 0, end)
        for record in batch
    )
    types = {dict(zip(row["headers"][::2], row["headers"][1::2], strict=True)).get("ce_type") for row in listed if "headers" in row}
    assert types >= {"chronicast.chat.MessagePosted", "chronicast.chat.MessageDeleted", "last"}
