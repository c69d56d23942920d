"""How an asyncio process reads topics that it only shows: every event applied on its event loop, in order per partition."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import Event as Flag
from typing import NamedTuple

import structlog
from prometheus_client import Counter

from schemas.errors import RegistryUnavailableError, SchemaError
from schemas.event import Event
from schemas.wire import Codec
from streams.fold import At
from streams.letters.letter import place, position, replayed_from
from streams.log import Log, Position, Record, Tail

logger = structlog.get_logger()
SKIPPED = Counter("follower_skipped_records_total", "Records that a follower could not decode or apply.", ["topic", "reason"])
RETRY_S = 0.5
"""Between two questions to a registry that does not answer."""

FEW = 100
"""Records at once of which an unhurried follower takes a rest; more of them say that it is behind."""


class Found(NamedTuple):
    """What a record says."""

    at: At
    event: Event | None
    """None is a tombstone."""
    key: str
    """Of the record."""
    repeats: str | None
    """The place of the record that it repeats, as dead letters that are replayed do."""


class Follower:
    """Reads whole topics from the log, or from a time on, without a group.

    What cannot be decoded or applied is logged, counted and passed over: one bad record must not take a view away that
    shows all others. Replays of records that were applied are passed over too.
    """

    def __init__(
        self,
        log: Log,
        codec: Codec,
        topics: Iterable[str],
        apply: Callable[[Event, At], None],
        since_ms: int | Mapping[str, int] | None = None,
        *,
        deleted: Callable[[str, At], None] | None = None,
        rest_s: float = 0,
        partitions: Mapping[str, Collection[int]] | None = None,
        newest: int | None = None,
        wanted: Callable[[Record], bool] | None = None,
    ) -> None:
        """Args:
        log: what is read; one reading for all topics, for each costs threads that wake even while nothing comes.
        codec: decodes it.
        topics: their names.
        apply: takes an event, on the event loop.
        since_ms: records older than this (milliseconds since 1970) are left out; a mapping says so by topic; None reads everything.
        deleted: hears of the keys of tombstones; without it they are passed over.
        rest_s: seconds between two looks once caught up. For views in no hurry: a look costs the same for one record and for fifty.
        partitions: of a topic those that are read; of the others all are.
        newest: records of a partition of the topics in `partitions` that are read at start, at most.
        wanted: says on the tail's thread, in order per partition, whether a record is to be decoded at all.
        """
        self._log = log
        self._codec = codec
        self._topics = tuple(topics)
        self._apply = apply
        self._since_ms = since_ms if isinstance(since_ms, Mapping) else dict.fromkeys(self._topics, since_ms)
        self._deleted = deleted
        self._rest_s = rest_s
        self._partitions = partitions or {}
        self._newest = newest
        self._wanted = wanted
        self._caught_up = False
        self._applied = Flag()
        self._applied.set()
        self._under_way = 0
        self._closing = Flag()
        self._tail: Tail | None = None
        self._starts: dict[tuple[str, int], int] = {}
        self._owed: set[str] = set()
        """Places of the records that were passed over."""

    async def start(self) -> None:
        """Returns once everything that was on the log at the call has been applied."""
        self._loop = asyncio.get_running_loop()
        caught_up = asyncio.Event()

        def come() -> None:
            self._caught_up = True
            self._call(caught_up.set)

        self._starts = await asyncio.to_thread(self._beginnings)
        self._tail = self._log.tail(self._starts, self._deliver, come)
        await caught_up.wait()

    async def close(self) -> None:
        """Stops reading; nothing is applied after the return."""
        self._closing.set()
        if self._tail is not None:
            await asyncio.to_thread(self._tail.close)

    @property
    def starts(self) -> Mapping[tuple[str, int], int]:
        """Per (topic, partition) the offset from which it reads; known once it has started."""
        return self._starts

    def lag(self) -> int:
        """Records known to lie on the log that have not been applied."""
        return self._tail.lag() + self._under_way if self._tail else 0

    def _beginnings(self) -> dict[tuple[str, int], int]:
        starts = {}
        for topic in self._topics:
            only = self._partitions.get(topic)
            ends = self._log.ends(topic) if only is not None and self._newest is not None else {}
            for partition, offset in self._log.starts_at(topic, self._since_ms.get(topic)).items():
                if only is None or partition in only:
                    starts[topic, partition] = max(offset, ends[partition] - (self._newest or 0)) if ends else offset
        return starts

    def _deliver(self, records: Sequence[Record]) -> None:
        """On the tail's thread: decodes, and waits until the loop has applied what came before, so that a slow loop is not buried."""
        wanted = self._wanted
        batch = [found for record in records if wanted is None or wanted(record) for found in self._decode(record)]
        while not self._applied.wait(RETRY_S) and not self._closing.is_set():
            pass
        self._applied.clear()
        self._under_way = len(records)
        self._call(lambda: self._apply_all(batch))
        if self._caught_up and len(records) < FEW:
            self._closing.wait(self._rest_s)

    def _decode(self, record: Record) -> list[Found]:
        """What a record says, or nothing."""
        topic, partition, offset, key = record.topic, record.partition, record.offset, record.key.decode(errors="replace")
        if record.value is None:
            return [Found(At(topic, partition, offset, record.timestamp * 1_000), None, key, None)]
        while not self._closing.is_set():
            try:
                event = self._codec.decode(record.value)
            except RegistryUnavailableError as cause:
                logger.warning("waiting for the registry", cause=str(cause))
                self._closing.wait(RETRY_S)
            except SchemaError as cause:
                self._skip(Position(topic, partition, offset), "undecodable", cause)
                break
            else:
                return [Found(At(topic, partition, offset, event.occurred_at), event, key, replayed_from(record.headers))]
        return []

    def _apply_all(self, batch: Sequence[Found]) -> None:
        for at, event, key, repeats in batch:
            if self._closing.is_set():
                break
            if repeats is not None and not self._lacks(repeats):
                continue
            try:
                if event is not None:
                    self._apply(event, at)
                elif self._deleted is not None:
                    self._deleted(key, at)
            except Exception as cause:
                self._skip(Position(at.topic, at.partition, at.offset), "not applied", cause)
        self._under_way = 0
        self._applied.set()

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
