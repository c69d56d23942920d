"""How an edge writes an event: stamped, encoded, and appended where the catalogue says."""

from concurrent.futures import Future
from uuid import uuid4

import msgspec

from schemas.event import Event
from schemas.wire import Codec
from streams.clock import now_us
from streams.envelope import headers
from streams.fold import Clock
from streams.log import Log, Position
from streams.topics import OF_EVENT, key_of


class Publisher:
    """Publishes events of one producer. Safe to use from any thread.

    It never blocks once the codec knows the schemas (`schemas.registry.preload` at start); before, the first event of
    a type waits for the registry.
    """

    def __init__(self, log: Log, codec: Codec, producer: str, clock: Clock = now_us) -> None:
        """`producer` names the edge in every event, such as `ingest-iad-1`."""
        self._log = log
        self._codec = codec
        self._producer = producer
        self._clock = clock

    def publish(self, event: Event, *, partition: int | None = None) -> Future[Position]:
        """Appends an event to its topic; the future holds the position once it is safe.

        Envelope fields that are empty are filled in: a random id, the time now, this producer; an event without
        correlation is its own.

        Raises:
            BacklogFullError: the broker has been away for too long.
            UnencodableError: a value does not fit the schema.
        """
        stamped = self._stamp(event)
        return self._append(OF_EVENT[type(event)].name, key_of(stamped), stamped, partition)

    def tick(self, event: Event, topic: str, partition: int) -> Future[Position]:
        """Appends an event that belongs to no topic of its own (a Tick) to one partition; its key is the partition's number."""
        return self._append(topic, str(partition), self._stamp(event), partition)

    def _stamp(self, event: Event) -> Event:
        event_id = event.event_id or str(uuid4())
        return msgspec.structs.replace(
            event,
            event_id=event_id,
            occurred_at=event.occurred_at or self._clock(),
            producer=event.producer or self._producer,
            correlation_id=event.correlation_id or event_id,
        )

    def _append(self, topic: str, key: str, event: Event, partition: int | None) -> Future[Position]:
        value = self._codec.encode(topic, event)
        return self._log.append(
            topic, key.encode(), value, headers=headers(event), timestamp=event.occurred_at // 1_000, partition=partition
        )
