"""Reading Kafka partitions by `assign`, without a group: what tails and bounded reads share."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from streams.log import Headers, Record

BATCH = 500
"""Records delivered at once at most: some milliseconds of work for a reader on an event loop."""
POLL_S = 0.1
"""Longest wait for a record at first: how soon a closing is noticed."""
IDLE_POLL_S = 0.5
"""What it is doubled to while nothing comes: each wait's end is a wake."""

READING: dict[str, Any] = {
    "group.id": "unused",  # librdkafka wants one; with `assign` and no commit no group ever exists
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",  # an offset below the log's start begins at its start
    "isolation.level": "read_committed",
    "enable.partition.eof": True,
    "fetch.queue.backoff.ms": 10,  # default 1000: a full local queue would stall a replay for a second
    "reconnect.backoff.max.ms": 1_000,  # default 10 s: a broker that is back is found within one
    "logger": logging.getLogger("librdkafka"),
}


def next_wait(wait: float, *, came: bool) -> float:
    """How long to wait for records after a wait that some came in, or none."""
    return POLL_S if came else min(2 * wait, IDLE_POLL_S)


def record_of(message: Message) -> Record:
    """The port's record."""
    return Record(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        message.key() or b"",
        message.value(),
        cast(Headers, tuple(message.headers() or ())),
        message.timestamp()[1],
    )


class PartitionReader:
    """A consumer on fixed partitions. For one thread."""

    def __init__(self, bootstrap: str, starts: Mapping[tuple[str, int], int]) -> None:
        self._consumer = Consumer({**READING, "bootstrap.servers": bootstrap})
        self._consumer.assign([TopicPartition(topic, partition, offset) for (topic, partition), offset in starts.items()])
        self.next = dict(starts)
        """Per (topic, partition) the offset after the last record read, or the log's end where that has been met."""
        self._targets: dict[tuple[str, int], int] = {}
        """Ends as the first answer of each partition told them."""
        self._highs: dict[tuple[str, int], int] = {}
        """Ends as told when the last records of a partition were read; asking for all at every wake would cost more than reading."""

    def poll(self, timeout: float = POLL_S) -> Sequence[Record]:
        """The next records as soon as there are any; nothing after `timeout` seconds.

        `Consumer.consume(n, timeout)` would wait the whole time-out to fill its batch: one is awaited, the rest is what is there.
        """
        first = self._consumer.poll(timeout)
        if first is None:
            return ()
        records, ahead = [], set()
        for message in (first, *self._consumer.consume(BATCH - 1, 0)):
            error = message.error()
            if error is None:
                record = record_of(message)
                at = (record.topic, record.partition)
                self.next[at] = record.offset + 1
                ahead.add(at)
                records.append(record)
            elif error.code() == KafkaError._PARTITION_EOF:
                at = (message.topic() or "", message.partition() or 0)
                self.next[at] = max(self.next[at], message.offset() or 0)
                self._targets.setdefault(at, self.next[at])
            else:
                logging.getLogger("librdkafka").warning("reading %s/%s: %s", message.topic(), message.partition(), error.str())
        for at in ahead:
            self._highs[at] = self._high(at)
            self._targets.setdefault(at, self._highs[at])
        return records

    def caught_up(self) -> bool:
        """Whether everything has been read that was on the log when this reader was made."""
        return len(self._targets) == len(self.next) and all(self.next[at] >= end for at, end in self._targets.items())

    def lag(self) -> int:
        """Records known to lie beyond what has been read, by the fetch that the last ones came with."""
        return sum(max(0, end - self.next[at]) for at, end in self._highs.items())

    def _high(self, at: tuple[str, int]) -> int:
        """The partition's end as last told, without asking."""
        return int(self._consumer.get_watermark_offsets(TopicPartition(*at), cached=True)[1])

    def close(self) -> None:
        """Closes the consumer."""
        self._consumer.close()
