"""The log in memory: for tests, simulations and examples. Same port, same contract test as Kafka's adapter."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from threading import Condition, Thread, current_thread

from streams.errors import UnknownTopicError
from streams.keys import partition_for
from streams.log import Headers, Outgoing, Position, Record
from streams.topics import PARTITIONS

BATCH = 500
"""Records delivered at once at most, as Kafka's adapter has it."""


class MemoryLog:
    """Topics of a process, by default those of the catalogue."""

    def __init__(self, partitions: Mapping[str, int] = PARTITIONS) -> None:
        self._topics: dict[str, list[list[Record]]] = {name: [[] for _ in range(count)] for name, count in partitions.items()}
        self._changed = Condition()
        self._tails: list[MemoryTail] = []

    def append(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        *,
        headers: Headers = (),
        timestamp: int | None = None,
        partition: int | None = None,
    ) -> Future[Position]:
        """Appends at once; the future is done at the return."""
        if partition is None:
            if not key:
                raise ValueError(f"a record without key for {topic} needs a partition")
            partition = partition_for(key, len(self._partitions(topic)))
        records = self._partitions(topic)[partition]
        future: Future[Position] = Future()
        with self._changed:
            offset = len(records)
            records.append(
                Record(
                    topic, partition, offset, key, value, tuple(headers), time.time_ns() // 1_000_000 if timestamp is None else timestamp
                )
            )
            self._changed.notify_all()
        future.set_result(Position(topic, partition, offset))
        return future

    def append_all(self, records: Sequence[Outgoing]) -> Future[None]:
        """Appends at once; the future is done at the return."""
        future: Future[None] = Future()
        for topic, key, value, headers, timestamp, partition in records:
            self.append(topic, key, value, headers=headers, timestamp=timestamp, partition=partition)
        future.set_result(None)
        return future

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The records from `start` up to `end`."""
        for at in range(start, end, BATCH):
            yield self._partitions(topic)[partition][at : min(at + BATCH, end)]

    def tail(
        self,
        starts: Mapping[tuple[str, int], int],
        deliver: Callable[[Sequence[Record]], None],
        caught_up: Callable[[], None] | None = None,
    ) -> "MemoryTail":
        """Reads on its own thread until closed."""
        sources = {at: (self._partitions(at[0])[at[1]], offset) for at, offset in starts.items()}
        tail = MemoryTail(sources, self._changed, deliver, caught_up)
        self._tails.append(tail)
        return tail

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        """Per partition the first offset at or past a timestamp in ms."""
        return {
            number: 0 if timestamp is None else next((r.offset for r in records if r.timestamp >= timestamp), len(records))
            for number, records in enumerate(self._partitions(topic))
        }

    def ends(self, topic: str) -> dict[int, int]:
        """Per partition the offset that the next record will get."""
        return {number: len(records) for number, records in enumerate(self._partitions(topic))}

    def flush(self, timeout: float) -> bool:
        """Always True."""
        return True

    def close(self) -> None:
        """Ends all tails."""
        for tail in self._tails:
            tail.close()

    def _partitions(self, topic: str) -> list[list[Record]]:
        if topic not in self._topics:
            raise UnknownTopicError(f"no topic {topic} on this log; it holds {', '.join(sorted(self._topics))}")
        return self._topics[topic]


class MemoryTail:
    """A thread that delivers what is appended."""

    def __init__(
        self,
        sources: dict[tuple[str, int], tuple[list[Record], int]],
        changed: Condition,
        deliver: Callable[[Sequence[Record]], None],
        caught_up: Callable[[], None] | None,
    ) -> None:
        self._records = {at: records for at, (records, _) in sources.items()}
        self._next = {at: offset for at, (_, offset) in sources.items()}
        self._ends = {at: len(records) for at, records in self._records.items()}
        self._changed = changed
        self._deliver = deliver
        self._caught_up = caught_up
        self._closed = False
        self._thread = Thread(target=self._run, name="memory-tail", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops it; nothing is delivered after the return."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not current_thread():
            self._thread.join()

    def lag(self) -> int:
        """Records not delivered yet."""
        return sum(max(0, len(records) - self._next[at]) for at, records in self._records.items())

    def _run(self) -> None:
        while not self._closed:
            for at, records in self._records.items():
                batch = records[self._next[at] : self._next[at] + BATCH]
                if batch:
                    self._deliver(batch)
                    self._next[at] += len(batch)
            if self._caught_up is not None and all(self._next[at] >= end for at, end in self._ends.items()):
                self._caught_up()
                self._caught_up = None
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self.lag() > 0)
