"""The log's port. Adapters: `log_kafka.py` (confluent-kafka) and `log_memory.py`; one contract test runs on both."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol

Headers = tuple[tuple[str, bytes], ...]


class Position(NamedTuple):
    """A place on the log."""

    topic: str
    partition: int
    offset: int


class Record(NamedTuple):
    """A record as it lies on the log."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    """None is a tombstone."""
    headers: Headers
    timestamp: int
    """Milliseconds since 1970, as its producer set it."""


class Outgoing(NamedTuple):
    """A record to append."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers = ()
    timestamp: int | None = None
    """Milliseconds since 1970; None is now."""
    partition: int | None = None
    """None is murmur2 of the key."""


class Source(Protocol):
    """The part of a log that is there to be read again. Kafka's has it, and so has the lake. Safe to use from any thread."""

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The records from offset `start` up to but not including `end` that are still there, in batches, blocking.

        `end` may be at most the partition's end.
        """

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        """Per partition the first offset whose timestamp (ms) is at or past the given one; the log's end where there is
        none; the log's start for None.
        """

    def ends(self, topic: str) -> dict[int, int]:
        """Per partition the offset that the next record will get."""


class Log(Source, Protocol):
    """Topics of partitions of records. Safe to use from any thread."""

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
        """Appends in call order per partition and returns at once; the future holds the position once all replicas have it.

        The partition is murmur2 of the key, as in Java, unless given. Never blocks: while the broker is away records
        wait in memory and keep their order. The future fails with NotAppendedError where the log refuses the record.

        Raises:
            BacklogFullError: more records wait than the adapter may hold.
            ValueError: an empty key and no partition: such a record would land anywhere.
        """

    def append_all(self, records: Sequence[Outgoing]) -> Future[None]:
        """Appends them in their order; one future for all, done once every one is acknowledged, failed where one is refused.

        Cheaper than a future for each. Where it raises, the records before the refused one are on their way.

        Raises:
            BacklogFullError, ValueError: as `append`.
        """

    def tail(
        self,
        starts: Mapping[tuple[str, int], int],
        deliver: Callable[[Sequence[Record]], None],
        caught_up: Callable[[], None] | None = None,
    ) -> "Tail":
        """Reads the given (topic, partition)s from the given offsets onwards, without a group, until closed.

        Batches are delivered from the adapter's own thread, ordered per partition. `caught_up` is called once, after
        everything that was on the log at the call has been delivered. Offsets below the log's start begin at its start.
        """

    def flush(self, timeout: float) -> bool:
        """Waits until nothing waits to be acknowledged; False where seconds ran out first."""

    def close(self) -> None:
        """Ends all tails and the producer, after what was appended has been acknowledged or 10 s have passed."""


class Tail(Protocol):
    """A reading that goes on until closed."""

    def close(self) -> None:
        """Stops it; nothing is delivered after the return."""

    def lag(self) -> int:
        """Records known to lie on the log beyond what was delivered; 0 means caught up."""


async def appended(log: Log, records: Sequence[Outgoing]) -> None:
    """Appends records in their order and returns once every one is acknowledged; raises what refused them, as `Log.append_all`."""
    sent = log.append_all(records)
    if not sent.done():
        await asyncio.wrap_future(sent)
    sent.result()
