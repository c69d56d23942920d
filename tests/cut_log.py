"""Logs of which retention has taken the beginning."""

from collections.abc import Mapping

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from streams.log_memory import MemoryLog
from streams.topics import PARTITIONS


class CutLog(MemoryLog):
    """In memory: what lies before offset `kept` of any partition is gone."""

    def __init__(self, partitions: Mapping[str, int] = PARTITIONS, kept: int = 0) -> None:
        super().__init__(partitions)
        self.kept = kept

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        return {partition: max(offset, self.kept) for partition, offset in super().starts_at(topic, timestamp).items()}

    def read(self, topic: str, partition: int, start: int, end: int):
        return super().read(topic, partition, max(start, self.kept), end)

    def tail(self, starts, deliver, caught_up=None):
        return super().tail({at: max(start, self.kept) for at, start in starts.items()}, deliver, caught_up)


def cut_kafka(bootstrap: str, topic: str, before: int, partitions: int = PARTITIONS["media.stream.events.v1"]) -> None:
    """What retention does on a broker: takes what lies before an offset of each partition, which must be there."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.delete_records([TopicPartition(topic, partition, before) for partition in range(partitions)]).values():
        future.result(30)
