"""The lake's writer: reads every topic and lands it, a range when it is large or old enough."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from threading import Event, Lock
from time import monotonic
from typing import NamedTuple, TypeVar

import structlog
from prometheus_client import Counter, Gauge

from schemas.errors import RegistryUnavailableError
from schemas.registry import Registry
from sinks.lake.landing import PartitionLander
from sinks.lake.tables import Tabulator
from streams.errors import TransientError
from streams.lake.ranges import Commit
from streams.lake.shelf import Shelf
from streams.log import Log, Record, Tail
from streams.topics import BY_NAME, CATALOGUE, dead_letters

logger = structlog.get_logger()
ROWS = Counter("lake_rows_total", "Records landed.", ["topic"])
BYTES = Counter("lake_bytes_total", "Bytes of the files landed.", ["topic"])
FILES = Counter("lake_files_total", "Files landed.", ["topic"])
LOST = Counter("lake_lost_offsets_total", "Offsets that had gone from the log before they could be landed.", ["topic"])
WAITING = Gauge("lake_waiting_records", "Records that are on the log and not in the lake.")
OLDEST = Gauge("lake_oldest_waiting_seconds", "Age of the oldest record held in memory.")

TOPICS: dict[str, int] = {
    name: topic.partitions for topic in CATALOGUE if not topic.secret for name in (topic.name, dead_letters(topic.name))
}
"""Partition counts of what is landed: everything but keys, no copy of which may outlive their shredding."""
R = TypeVar("R")
RETRY_S = 0.5
"""Between two tries where store or registry do not answer."""


class Limits(NamedTuple):
    """When a range is landed, whichever is met first."""

    age_s: float = 60.0
    """Of its oldest record, since it was read: what a query may lag behind."""
    rows: int = 50_000
    size: int = 32 << 20
    """Bytes that they take in memory: some 20,000 media events, a file of 4 MB."""
    total: int = 96 << 20
    """The same for all partitions together: while a backlog is read, the largest is landed to make room."""


LIMITS = Limits()
OBJECTS = 1_100
"""Bytes that Python takes for a record and its six headers, beside key and value (measured by tracemalloc)."""
TICK_S = 1.0
"""How often ages are looked at."""


class Waiting:
    """The records of a partition that wait to be landed."""

    def __init__(self, lander: PartitionLander) -> None:
        self.lander = lander
        self.records: list[Record] = []
        self.size = 0
        self.since = 0.0

    @property
    def expected(self) -> int:
        """The offset that should come next."""
        return self.records[-1].offset + 1 if self.records else self.lander.next

    def add(self, records: Sequence[Record]) -> None:
        """Holds more."""
        self.since = self.since if self.records else monotonic()
        self.records.extend(records)
        self.size += sum(map(weight, records))

    def landed(self, last: int) -> None:
        """Lets those up to an offset go."""
        self.records = [record for record in self.records if record.offset > last]
        self.size = sum(map(weight, self.records))
        self.since = monotonic()


def weight(record: Record) -> int:
    """Bytes that a record takes in memory."""
    return len(record.key) + len(record.value or b"") + OBJECTS


class Lake:
    """Lands topics until closed."""

    def __init__(self, log: Log, registry: Registry, shelf: Shelf, topics: Mapping[str, int] = TOPICS, limits: Limits = LIMITS) -> None:
        self._log = log
        self._shelf = shelf
        self._limits = limits
        tabulator = Tabulator(registry)
        self._waiting = {
            (topic, partition): Waiting(PartitionLander(topic, partition, log, shelf, tabulator))
            for topic, count in topics.items()
            for partition in range(count)
        }
        self._lock = Lock()
        self._closing = Event()
        self._tail: Tail | None = None
        self._trouble = "opening"
        self.failure: Exception | None = None
        """Why it gave up, if it did."""

    def run(self) -> None:
        """Lands until closed. Blocks; while store or registry are away it waits for them.

        Raises:
            OtherLogError: the log is not the one that the lake was made of.
        """
        self.open()
        while not self._closing.wait(TICK_S):
            self.land_due()
            if self.failure is not None:
                raise self.failure

    def open(self) -> None:
        """Finds where the lake is, finishes what a stopped writer began, and reads on from there."""
        starts = {}
        if self._until_it_goes(self._shelf.exclusive) is False:
            logger.warning("the object store makes an object twice: see that no second lake writes to it")
        for topic in {topic for topic, _ in self._waiting}:
            begins, ends = self._log.starts_at(topic, None), self._log.ends(topic)
            for at, waiting in self._waiting.items():
                if at[0] == topic:
                    starts[at] = self._open(waiting.lander, begins[at[1]], ends[at[1]])
        if not self._closing.is_set():
            self._tail = self._log.tail(starts, self._deliver)
        self._trouble = ""

    def land_due(self) -> None:
        """Lands what has become old."""
        with self._lock:
            now = monotonic()
            held = [waiting for waiting in self._waiting.values() if waiting.records]
            for waiting in held:
                if now - waiting.since >= self._limits.age_s and not self._closing.is_set():
                    self._land(waiting)
            OLDEST.set(max((now - waiting.since for waiting in held if waiting.records), default=0))
            WAITING.set(self.lag())

    def close(self) -> None:
        """Stops reading and lands what has been read, if store and registry answer at once."""
        self._closing.set()
        if self._tail is not None:
            self._tail.close()
        with self._lock:
            for waiting in self._waiting.values():
                if self.failure is None and waiting.records:
                    self._land(waiting)

    def lag(self) -> int:
        """Records known to lie on the log that are not in the lake."""
        return sum(len(waiting.records) for waiting in self._waiting.values()) + (self._tail.lag() if self._tail else 0)

    def lacks(self) -> str:
        """Why nothing is landed; empty where all is well."""
        return f"{self.failure}" if self.failure else self._trouble

    def _open(self, lander: PartitionLander, start: int, end: int) -> int:
        opened = self._until_it_goes(lambda: lander.open(start, end))
        self._count_lost(lander)
        return start if opened is None else opened

    def _until_it_goes(self, work: Callable[[], R]) -> R | None:
        """What a piece of work gives, tried again while store or registry do not answer; None where the process ends meanwhile."""
        while not self._closing.is_set():
            try:
                return work()
            except (TransientError, RegistryUnavailableError) as cause:
                self._wait(cause)
        return None

    def _deliver(self, records: Sequence[Record]) -> None:
        """On the tail's thread: a slow store holds the reading back."""
        if self.failure is not None:
            return
        try:
            with self._lock:
                for at, some in groupby(records, lambda record: (record.topic, record.partition)):
                    self._take(self._waiting[at], list(some))
        except Exception as cause:  # told to the process, which ends by it: an exception here would end the tail's thread in silence
            self.failure = cause

    def _take(self, waiting: Waiting, records: list[Record]) -> None:
        """Holds records and lands what has become too much."""
        # Another writer, there by mistake, may have landed further than this one has read.
        records = [record for record in records if record.offset >= waiting.expected]
        if not records:
            return
        gap = self._gap(waiting, records)
        waiting.add(records[:gap])
        if gap < len(records):
            self._land_all(waiting)
            waiting.lander.lose(records[gap].offset)
            self._count_lost(waiting.lander)
            waiting.add(records[gap:])
        if len(waiting.records) >= self._limits.rows or waiting.size >= self._limits.size:
            self._land(waiting)
        while sum(each.size for each in self._waiting.values()) >= self._limits.total and not self._closing.is_set():
            self._land(max(self._waiting.values(), key=lambda each: each.size))

    def _gap(self, waiting: Waiting, records: Sequence[Record]) -> int:
        """Where the log's retention has cut records away before they were read: an index, the length where it has not.

        Compaction and transactions leave gaps too: those are no loss, and the log's start has not passed them.
        """
        expected = waiting.expected
        if records[-1].offset == expected + len(records) - 1:
            return len(records)
        topic = BY_NAME.get(records[0].topic)
        if topic is not None and topic.retention_ms == -1:
            return len(records)
        gap = next(index for index, record in enumerate(records) if record.offset != expected + index)
        start = self._log.starts_at(records[0].topic, None)[records[0].partition]
        return gap if start > expected + gap else len(records)

    def _land_all(self, waiting: Waiting) -> None:
        while waiting.records and not self._closing.is_set():
            self._land(waiting)

    def _land(self, waiting: Waiting) -> None:
        """Lands a range; tried again until it goes well, or once where the process ends."""
        while True:
            try:
                commit = waiting.lander.land(waiting.records)
            except (TransientError, RegistryUnavailableError) as cause:
                if self._closing.is_set():
                    return
                self._wait(cause)
            else:
                self._trouble = ""
                waiting.landed(commit.last)
                self._count(commit)
                return

    def _wait(self, cause: Exception) -> None:
        self._trouble = str(cause)
        logger.warning("waiting to land", cause=str(cause))
        self._closing.wait(RETRY_S)

    def _count(self, commit: Commit) -> None:
        ROWS.labels(commit.topic).inc(sum(file.rows for file in commit.files))
        BYTES.labels(commit.topic).inc(sum(file.size for file in commit.files))
        FILES.labels(commit.topic).inc(len(commit.files))

    def _count_lost(self, lander: PartitionLander) -> None:
        LOST.labels(lander.topic).inc(lander.lost)
        lander.lost = 0
