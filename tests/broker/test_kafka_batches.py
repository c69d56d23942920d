"""Outputs as whole record batches on a real broker."""

import asyncio
import random
from collections import defaultdict

import pytest

from streams.errors import NotAppendedError, TransientError
from streams.kafka_batches import FEW, KafkaBatches
from streams.keys import partition_for
from streams.log import Outgoing, Record
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from tests.broker.verifying import everything
from tests.simulation.counting import OUTPUT

pytestmark = pytest.mark.broker


@pytest.fixture
def log(private_kafka):
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    yield log
    log.close()


def outgoing(count: int, text: str = "") -> list[Outgoing]:
    return [Outgoing(OUTPUT, b"%d" % (i % 7), f"{text}{i}".encode(), (("h", b"%d" % i),), 1_000 + i) for i in range(count)]


def by_key(records: list[Record]) -> dict[bytes, list[Record]]:
    found = defaultdict(list)
    for record in records:
        found[record.key].append(record)
    return found


async def test_many_or_few_they_are_on_the_log_in_their_order_and_where_their_keys_belong(private_kafka, log) -> None:
    batches = KafkaBatches(private_kafka.bootstrap, log)
    sent = [each for count in (FEW - 1, FEW, 2_000, 1) for each in outgoing(count, f"{count} ")]
    for count in (FEW - 1, FEW, 2_000, 1):
        await batches.append(outgoing(count, f"{count} "))
    await batches.close()
    found = await asyncio.to_thread(everything, log, OUTPUT)
    assert len(found) == len(sent)
    for key, records in by_key(found).items():
        assert {record.partition for record in records} == {partition_for(key, 4)}
        expected = [(each.value, each.headers, each.timestamp) for each in sent if each.key == key]
        assert [(record.value, record.headers, record.timestamp) for record in records] == expected


async def test_a_record_that_the_broker_refuses_is_told_and_what_it_does_not_answer_can_be_tried_again(private_kafka, log) -> None:
    batches = KafkaBatches(private_kafka.bootstrap, log)
    with pytest.raises(NotAppendedError, match="took no record"):
        await batches.append([Outgoing(OUTPUT, b"k", random.Random(1).randbytes(2_000_000), partition=0)] * FEW)
    await batches.append(outgoing(100, "before "))
    await asyncio.to_thread(private_kafka.kill)
    trying = asyncio.create_task(batches.append(outgoing(100, "while ")))
    await asyncio.sleep(0.5)
    assert not trying.done()
    await asyncio.to_thread(private_kafka.start)
    try:
        await asyncio.wait_for(trying, 40)
    except TransientError:
        await batches.append(outgoing(100, "while "))
    await batches.close()
    texts = {record.value for record in await asyncio.to_thread(everything, log, OUTPUT)}
    assert texts == {record.value for text in ("before ", "while ") for record in outgoing(100, text)}
