"""The catalogue's topics on a broker."""

from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from streams.errors import TopicMismatchError, UnknownTopicError
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.topics import CATALOGUE, HOUR_MS, Topic, dead_letters

pytestmark = pytest.mark.broker


def config(bootstrap: str, topic: str) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    [answer] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in answer.result().items()}


def test_the_whole_catalogue_is_made_and_making_it_again_changes_nothing(kafka) -> None:
    ensure_topics(kafka.bootstrap)
    ensure_topics(kafka.bootstrap)
    found = AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=20).topics
    for topic in CATALOGUE:
        assert len(found[topic.name].partitions) == topic.partitions
        assert len(found[dead_letters(topic.name)].partitions) == topic.partitions
    assert len(found["_schemas"].partitions) == 1
    assert config(kafka.bootstrap, "_schemas")["cleanup.policy"] == "compact"
    assert config(kafka.bootstrap, "channel.profile.state.v1")["cleanup.policy"] == "compact"


def test_a_changed_retention_reaches_a_topic_that_is_there(kafka) -> None:
    name = f"admin.t{uuid4().hex}.events.v1"
    ensure_topics(kafka.bootstrap, [Topic(name, "key", (), "tests", 2)])
    ensure_topics(kafka.bootstrap, [Topic(name, "key", (), "tests", 2, retention_ms=HOUR_MS)])
    assert config(kafka.bootstrap, name)["retention.ms"] == str(HOUR_MS)


def test_another_partition_count_is_refused(kafka) -> None:
    name = f"admin.t{uuid4().hex}.events.v1"
    ensure_topics(kafka.bootstrap, [Topic(name, "key", (), "tests", 2)])
    with pytest.raises(TopicMismatchError, match="has 2 partitions on the broker and 3 in the catalogue"):
        ensure_topics(kafka.bootstrap, [Topic(name, "key", (), "tests", 3)])


def test_a_topic_that_is_not_there_is_named(kafka) -> None:
    log = KafkaLog(kafka.bootstrap)
    with pytest.raises(UnknownTopicError, match="nowhere"):
        log.ends("nowhere")
    log.close()
