"""Reading Kafka without writing: bounded ranges and offsets, with no producer and no group."""

from collections.abc import Iterator, Sequence
from time import monotonic, sleep

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from streams.errors import StreamingError, UnknownTopicError
from streams.kafka_reading import POLL_S, PartitionReader
from streams.log import Record

ADMIN_S = 30.0
"""Offsets and metadata are answered in milliseconds; a broker that restarts is back within this."""
LEADERLESS = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
}
"""What a broker answers while a partition's leader is being chosen, and for a moment after its restart."""
EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class KafkaSource:
    """The topics behind bootstrap servers, for reading alone."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The records from `start` up to `end`; a reader of its own for each call."""
        at = (topic, partition)
        reader = PartitionReader(self._bootstrap, {at: start})
        try:
            while reader.next[at] < end:
                batch = reader.poll()
                if batch and batch[-1].offset >= end:
                    batch = [record for record in batch if record.offset < end]
                if batch:
                    yield batch
        finally:
            reader.close()

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        """Per partition the first offset at or past a timestamp in ms."""
        if timestamp is None:
            return self._offsets(topic, EARLIEST)
        found = self._offsets(topic, OffsetSpec.for_timestamp(timestamp))
        if min(found.values()) >= 0:
            return found
        ends = self.ends(topic)
        return {partition: ends[partition] if offset < 0 else offset for partition, offset in found.items()}

    def ends(self, topic: str) -> dict[int, int]:
        """Per partition the offset that the next record will get."""
        return self._offsets(topic, LATEST)

    def _offsets(self, topic: str, spec: OffsetSpec) -> dict[int, int]:
        """Per partition what a question about offsets is answered with; asked again while a partition has no leader.

        A topic that was just made has none for some milliseconds.
        """
        deadline = monotonic() + ADMIN_S
        while True:
            try:
                return self._ask(topic, spec)
            except KafkaException as cause:
                if cause.args[0].code() not in LEADERLESS or monotonic() > deadline:
                    raise StreamingError(
                        f"the broker at {self._bootstrap} did not tell the offsets of {topic}: {cause}. Is it up?"
                    ) from cause
                sleep(POLL_S)

    def _ask(self, topic: str, spec: OffsetSpec) -> dict[int, int]:
        """One question about offsets."""
        metadata = self._admin.list_topics(topic, timeout=ADMIN_S).topics[topic]
        if metadata.error is not None or not metadata.partitions:
            raise UnknownTopicError(f"no topic {topic} on the broker at {self._bootstrap}: run `ensure_topics` before")
        asked = self._admin.list_offsets({TopicPartition(topic, p): spec for p in metadata.partitions}, request_timeout=ADMIN_S)
        return {at.partition: future.result().offset for at, future in asked.items()}
