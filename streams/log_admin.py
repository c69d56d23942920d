"""Makes the topics of the catalogue on a broker, and refuses one that is there with another partition count."""

from collections.abc import Iterable
from time import monotonic, sleep
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic

from streams.errors import StreamingError, TopicMismatchError
from streams.topics import CATALOGUE, DAY_MS, Topic, dead_letters

TIMEOUT_S = 30.0
"""A topic is made in milliseconds; a broker that has just started needs some seconds."""
SETTLE_S = 0.02
"""A broker tells of a topic some milliseconds after it made it."""
DEAD_LETTERS_MS = 30 * DAY_MS
"""Long enough for somebody to mend the cause and replay."""


def letters_ms(topic: Topic) -> int:
    """How long a topic's dead letters are kept, milliseconds; -1 is for ever.

    A letter has its record's timestamp, which may be as old as the topic's retention when a view is folded anew. Letters of a
    topic that holds secrets are not kept beyond what mending takes.
    """
    if topic.secret:
        return DEAD_LETTERS_MS
    return -1 if topic.retention_ms < 0 else topic.retention_ms + DEAD_LETTERS_MS


class Wanted(NamedTuple):
    """A topic as it should be on the broker."""

    name: str
    partitions: int
    config: dict[str, str]


SCHEMAS = Wanted("_schemas", 1, {"cleanup.policy": "compact", "retention.ms": "-1"})
"""The registry's log, as Confluent's has it: one partition, compacted."""


def wanted(catalogue: Iterable[Topic]) -> list[Wanted]:
    """The catalogue's topics, the dead-letter topic of each, and the registry's."""
    found = [SCHEMAS]
    for topic in catalogue:
        config = {"cleanup.policy": topic.cleanup, "retention.ms": str(topic.retention_ms), **dict(topic.settings)}
        found.append(Wanted(topic.name, topic.partitions, config))
        letters = {"cleanup.policy": "delete", "retention.ms": str(letters_ms(topic))}
        found.append(Wanted(dead_letters(topic.name), topic.partitions, letters))
    return found


def ensure_topics(bootstrap: str, catalogue: Iterable[Topic] = CATALOGUE, replicas: int = -1) -> None:
    """Makes what is missing and sets the configuration of what is there. May be called by several processes at once.

    `replicas`: -1 is the broker's default.replication.factor.

    Raises:
        TopicMismatchError: a topic has another partition count.
        StreamingError: the broker did not answer or refused.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    topics = wanted(catalogue)
    try:
        there = _create(admin, topics, replicas)
        _check(admin, topics)
        _configure(admin, there)
    except KafkaException as cause:
        raise StreamingError(f"the topics could not be made at {bootstrap}: {cause}. Is the broker up?") from cause


def _create(admin: AdminClient, topics: list[Wanted], replicas: int) -> list[Wanted]:
    """Makes what is missing; what was there already."""
    new = [NewTopic(t.name, t.partitions, replicas, config=t.config) for t in topics]
    made = admin.create_topics(new, operation_timeout=TIMEOUT_S, request_timeout=TIMEOUT_S)
    there = []
    for topic in topics:
        try:
            made[topic.name].result()
        except KafkaException as refused:
            if refused.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            there.append(topic)
    return there


def _check(admin: AdminClient, topics: list[Wanted]) -> None:
    """Waits until the broker tells of all topics, those just made too, and compares partition counts."""
    deadline = monotonic() + TIMEOUT_S
    while missing := {topic.name for topic in topics} - (found := admin.list_topics(timeout=TIMEOUT_S).topics).keys():
        if monotonic() > deadline:
            raise StreamingError(f"the broker made {', '.join(sorted(missing))} and does not tell of them: see its log")
        sleep(SETTLE_S)
    for topic in topics:
        count = len(found[topic.name].partitions)
        if count != topic.partitions:
            raise TopicMismatchError(
                f"{topic.name} has {count} partitions on the broker and {topic.partitions} in the catalogue: its keys would lie elsewhere. "
                f"Give streams/topics.py the count {count}, or declare the topic's next major version"
            )


def _configure(admin: AdminClient, topics: list[Wanted]) -> None:
    """Gives the topics that were there the catalogue's configuration."""
    asked = [
        ConfigResource(
            ResourceType.TOPIC,
            topic.name,
            incremental_configs=[ConfigEntry(k, v, incremental_operation=AlterConfigOpType.SET) for k, v in topic.config.items()],
        )
        for topic in topics
    ]
    if asked:
        for answer in admin.incremental_alter_configs(asked, request_timeout=TIMEOUT_S).values():
            answer.result()
