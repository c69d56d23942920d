"""Compaction on demand: after a tombstone the older value of its key lies on the broker's disk until its segment is compacted."""

from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import NamedTuple, Protocol

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType  # type: ignore[attr-defined]

from streams.topics import BY_NAME

HASTY = {"max.compaction.lag.ms": "100", "min.cleanable.dirty.ratio": "0"}
"""While an erasure waits: the cleaner, which looks around every 15 s by default, takes the topic whatever its share of old records."""
ROLL_S = 0.5
"""Past the lag above a record begins a new segment, and the one with the old value becomes cleanable."""
POLL_S = 0.5
ADMIN_S = 10.0


class Compaction(NamedTuple):
    """How a compaction went."""

    done: bool
    seconds: float
    refused: str = ""
    """The broker's answer where it did not let the topic be changed."""


class Compactor(Protocol):
    """Has a topic compacted."""

    def compact(self, topic: str, nudge: Callable[[], None], gone: Callable[[], bool], timeout: float) -> Compaction:
        """Returns once `gone` holds or the seconds ran out. `nudge` appends a record to the topic, so that it begins a new segment."""


class KafkaCompactor:
    """On a broker, by the topic's settings, which are as before at the end."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})

    def compact(self, topic: str, nudge: Callable[[], None], gone: Callable[[], bool], timeout: float) -> Compaction:
        """Has the topic compacted, and waits."""
        began = monotonic()
        # 1. Let the cleaner take the topic at once.
        try:
            self._set(topic, HASTY)
        except KafkaException as refused:
            return Compaction(gone(), monotonic() - began, str(refused))
        try:
            # 2. Begin a new segment: the active one is never compacted.
            sleep(ROLL_S)
            nudge()
            # 3. Wait until the old values cannot be read any more.
            while not (done := gone()) and monotonic() - began < timeout:
                sleep(POLL_S)
            return Compaction(done, monotonic() - began)
        finally:
            # 4. As before. Should this not be reached, the next `up` sets the catalogue's settings again.
            kept = dict(BY_NAME[topic].settings)
            self._set(topic, {name: kept.get(name) for name in HASTY})

    def _set(self, topic: str, settings: Mapping[str, str | None]) -> None:
        """Changes settings of a topic; None is the broker's default."""
        entries = [
            ConfigEntry(name, value or "", incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET)
            for name, value in settings.items()
        ]
        asked = [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)]
        for answer in self._admin.incremental_alter_configs(asked, request_timeout=ADMIN_S).values():
            answer.result()
