"""The broker: topics of partitions of records, with holes as compaction and transactions leave them, and a start that retention moves."""

from collections.abc import Callable, Sequence

from streams.log import Outgoing, Record

Where = tuple[str, int]
"""Topic and partition."""


class Broker:
    """Never loses a record that it acknowledged. It can be away."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._logs: dict[Where, list[Record | None]] = {}
        """By offset; None is a hole."""
        self._starts: dict[Where, int] = {}
        self.away_until = 0.0
        self.on_append: list[Callable[[], None]] = []

    def append(self, topic: str, partition: int, records: Sequence[Outgoing]) -> int:
        """Appends to a partition in one piece; the first offset."""
        log = self._logs.setdefault((topic, partition), [])
        first = len(log)
        for number, (_, key, value, headers, timestamp, _) in enumerate(records, first):
            log.append(Record(topic, partition, number, key, value, tuple(headers), timestamp or 0))
        return first

    def lay(self, topic: str, partition: int, records: Sequence[Record | None]) -> None:
        """Makes input visible as it is, with its offsets."""
        self._logs.setdefault((topic, partition), []).extend(records)
        for call in self.on_append:
            call()

    def read(self, topic: str, partition: int, start: int, end: int, most: int) -> list[Record]:
        """Up to `most` of the records from `start` up to `end` that are there."""
        log, found = self._logs.get((topic, partition), []), []
        for offset in range(max(start, self.start(topic, partition)), min(end, len(log))):
            record = log[offset]
            if record is not None:
                found.append(record)
                if len(found) == most:
                    break
        return found

    def start(self, topic: str, partition: int) -> int:
        """First offset that retention has left."""
        return self._starts.get((topic, partition), 0)

    def expire(self, topic: str, partition: int, start: int) -> None:
        """Retention removes what is before an offset."""
        self._starts[topic, partition] = max(start, self.start(topic, partition))

    def end(self, topic: str, partition: int) -> int:
        """The offset that the next record gets."""
        return len(self._logs.get((topic, partition), []))

    def partitions(self) -> dict[Where, list[Record | None]]:
        """Everything, for the verdict."""
        return self._logs

    def away(self) -> float:
        """Seconds until it answers; 0 where it does."""
        return max(0.0, self.away_until - self._clock())
