"""Kafka record batches, written and read without a broker: both build upon aiokafka's inner classes."""

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from streams.faust_transport import FetchedRecords
from streams.kafka_batches import BATCH_BYTES, ZSTD, RecordBatch
from streams.log import Outgoing, Record


def test_a_batch_holds_what_it_took() -> None:
    records = [Outgoing("t", b"k%d" % i, None if i == 7 else b"v%d" % i, (("h", b"%d" % i), ("n", b"")), 1_000 + i) for i in range(300)]
    batch = RecordBatch(BATCH_BYTES, ZSTD)
    assert batch.take(records) == batch.record_count() == 300
    found = [(r.offset, r.key, r.value, tuple(r.headers), r.timestamp) for r in DefaultRecordBatch(bytes(batch._build()))]
    assert found == [(i, r.key, r.value, r.headers, r.timestamp) for i, r in enumerate(records)]


def test_a_full_batch_leaves_the_rest_and_takes_at_least_one() -> None:
    records = [Outgoing("t", b"k", b"x" * 400_000, (), 1) for _ in range(5)]
    assert RecordBatch(BATCH_BYTES, ZSTD).take(records) == 2
    assert RecordBatch(100, ZSTD).take(records) == 1


def test_what_is_fetched_is_unpacked_as_the_port_s_records() -> None:
    sent = [Outgoing("t", b"k%d" % i, None if i == 1 else b"v", (("h", b"%d" % i),), 1_000 + i) for i in range(3)]
    batch = RecordBatch(BATCH_BYTES, ZSTD)
    batch.take(sent)
    fetched = FetchedRecords(TopicPartition("t", 2), MemoryRecords(bytes(batch._build())), [], 0, None, None, True, READ_COMMITTED)
    assert list(fetched) == [Record("t", 2, i, r.key, r.value, r.headers, r.timestamp) for i, r in enumerate(sent)]
