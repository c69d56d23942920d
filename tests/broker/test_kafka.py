"""The broker that the system and the tests run on."""

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.conftest import Broker

pytestmark = pytest.mark.broker


def test_records_are_there_after_a_kill_and_after_a_stop(private_kafka: Broker) -> None:
    admin = AdminClient({"bootstrap.servers": private_kafka.bootstrap})
    admin.create_topics([NewTopic("kept.by.restart.v1", 1, 1)])["kept.by.restart.v1"].result(10)
    for end in (private_kafka.kill, private_kafka.stop):
        producer = Producer({"bootstrap.servers": private_kafka.bootstrap, "acks": "all"})
        producer.produce("kept.by.restart.v1", b"written")
        assert producer.flush(10) == 0
        end()
        private_kafka.start()
    consumer = Consumer({"bootstrap.servers": private_kafka.bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition("kept.by.restart.v1", 0, 0)])
    values = [message.value() for message in consumer.consume(2, timeout=20)]
    consumer.close()
    assert values == [b"written", b"written"]


def test_an_undeclared_topic_is_not_made_by_using_it(kafka: Broker) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "message.timeout.ms": 3000, "log_level": 2})
    producer.produce("misspelt.topic", b"lost")
    producer.flush(10)
    assert "misspelt.topic" not in AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=5).topics
