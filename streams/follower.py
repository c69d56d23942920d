"""How an asyncio process reads topics that it only shows: every event applied on its event loop, in order per partition."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from threading import Event as Flag

import structlog
from prometheus_client import Counter

from schemas.errors import RegistryUnavailableError, SchemaError
from schemas.event import Event
from schemas.wire import Codec
from streams.dead_letters import place, position, replayed_from
from streams.fold import At
from streams.log import Log, Position, Record, Tail

logger = structlog.get_logger()
SKIPPED = Counter("follower_skipped_records_total", "Records that a follower could not decode or apply.", ["topic", "reason"])
RETRY_S = 0.5
"""Between two questions to a registry that does not answer."""

Batch = list[tuple[Event, At, str | None]]
"""Events with their places; the last is the place of the record that one repeats, as dead letters that are replayed do."""


class Follower:
    """Reads whole topics from the log, or from a time on, without a group.

    What cannot be decoded or applied is logged, counted and passed over: one bad record must not take a view away that
    shows all others. Tombstones are passed over too, and so are replays of records that were applied.
    """

    def __init__(
        self,
        log: Log,
        codec: Codec,
        topics: Iterable[str],
        apply: Callable[[Event, At], None],
        since_ms: int | None = None,
    ) -> None:
        """`since_ms`: records older than this (milliseconds since 1970) are left out; None reads everything."""
        self._log = log
        self._codec = codec
        self._topics = tuple(topics)
        self._apply = apply
        self._since_ms = since_ms
        self._closing = Flag()
        self._tail: Tail | None = None
        self._starts: dict[tuple[str, int], int] = {}
        self._owed: set[str] = set()
        """Places of the records that were passed over."""

    async def start(self) -> None:
        """Returns once everything that was on the log at the call has been applied."""
        self._loop = asyncio.get_running_loop()
        caught_up = asyncio.Event()
        self._starts = await asyncio.to_thread(self._beginnings)
        self._tail = self._log.tail(self._starts, self._deliver, lambda: self._call(caught_up.set))
        await caught_up.wait()

    async def close(self) -> None:
        """Stops reading; nothing is applied after the return."""
        self._closing.set()
        if self._tail is not None:
            await asyncio.to_thread(self._tail.close)

    def lag(self) -> int:
        """Records known to lie on the log that have not been applied."""
        return self._tail.lag() if self._tail else 0

    def _beginnings(self) -> dict[tuple[str, int], int]:
        return {
            (topic, partition): offset for topic in self._topics for partition, offset in self._log.starts_at(topic, self._since_ms).items()
        }

    def _deliver(self, records: Sequence[Record]) -> None:
        """On the tail's thread: decodes, and waits until the loop has applied, so that a slow loop is not buried."""
        batch = [found for record in records if record.value is not None for found in self._decode(record)]
        applied = Flag()
        self._call(lambda: self._apply_all(batch, applied))
        while not applied.wait(RETRY_S) and not self._closing.is_set():
            pass

    def _decode(self, record: Record) -> Batch:
        """The event of a record, or nothing."""
        while not self._closing.is_set():
            try:
                event = self._codec.decode(record.value or b"")
            except RegistryUnavailableError as cause:
                logger.warning("waiting for the registry", cause=str(cause))
                self._closing.wait(RETRY_S)
            except SchemaError as cause:
                self._skip(Position(record.topic, record.partition, record.offset), "undecodable", cause)
                break
            else:
                at = At(record.topic, record.partition, record.offset, event.occurred_at)
                return [(event, at, replayed_from(record.headers))]
        return []

    def _apply_all(self, batch: Batch, applied: Flag) -> None:
        for event, at, repeats in batch:
            if self._closing.is_set():
                break
            if repeats is not None and not self._lacks(repeats):
                continue
            try:
                self._apply(event, at)
            except Exception as cause:
                self._skip(Position(at.topic, at.partition, at.offset), "not applied", cause)
        applied.set()

    def _lacks(self, repeated: str) -> bool:
        """Whether a record that is replayed has not been applied: it was passed over, or lies before what is read."""
        if repeated in self._owed:
            self._owed.discard(repeated)
            return True
        at = position(repeated)
        return at is not None and at.offset < self._starts.get((at.topic, at.partition), 0)

    def _call(self, function: Callable[[], object]) -> None:
        """Runs a function on the loop; a loop that is closed takes no more."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    def _skip(self, at: Position, reason: str, cause: Exception) -> None:
        self._owed.add(place(at))
        SKIPPED.labels(at.topic, reason).inc()
        logger.error("record passed over", reason=reason, **at._asdict(), cause=repr(cause))
