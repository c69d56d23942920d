"""Outputs as Kafka record batches, without a broker."""

from aiokafka.record.default_records import DefaultRecordBatch

from streams.kafka_batches import BATCH_BYTES, LZ4, RecordBatch
from streams.log import Outgoing


def test_a_batch_holds_what_it_took() -> None:
    records = [Outgoing("t", b"k%d" % i, None if i == 7 else b"v%d" % i, (("h", b"%d" % i), ("n", b"")), 1_000 + i) for i in range(300)]
    batch = RecordBatch(BATCH_BYTES, LZ4)
    assert batch.take(records) == batch.record_count() == 300
    found = [(r.offset, r.key, r.value, tuple(r.headers), r.timestamp) for r in DefaultRecordBatch(bytes(batch._build()))]
    assert found == [(i, r.key, r.value, r.headers, r.timestamp) for i, r in enumerate(records)]


def test_a_full_batch_leaves_the_rest_and_takes_at_least_one() -> None:
    records = [Outgoing("t", b"k", b"x" * 400_000, (), 1) for _ in range(5)]
    assert RecordBatch(BATCH_BYTES, LZ4).take(records) == 2
    assert RecordBatch(100, LZ4).take(records) == 1
