"""Keys lie where librdkafka puts them."""

import random
from uuid import uuid4

import pytest

from streams.keys import partition_for
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.topics import Topic


@pytest.mark.broker
def test_a_thousand_keys_lie_where_our_producer_puts_them(kafka) -> None:
    topic = f"keys.of{uuid4().hex}.events.v1"
    ensure_topics(kafka.bootstrap, [Topic(topic, "key", (), "tests", 12)])
    log = KafkaLog(kafka.bootstrap)
    random.seed(8)
    keys = [random.randbytes(random.randint(1, 40)) for _ in range(1_000)]
    positions = [log.append(topic, key, b"") for key in keys]
    assert [p.result(20).partition for p in positions] == [partition_for(key, 12) for key in keys]
    log.close()
