"""From the topic into Redis: the vectors that the job sends, and a count of what came too late for one."""

import asyncio
from contextlib import suppress

import structlog
from prometheus_client import Counter
from redis.exceptions import RedisError

from schemas.event import Event
from schemas.events import FeatureInputLate, StreamFeatures
from schemas.wire import Codec
from sinks.features.store import TTL_US, FeatureStore
from streams.clock import now_us
from streams.fold import At, Clock
from streams.follower import Follower
from streams.log import Log
from streams.topics import OF_EVENT

logger = structlog.get_logger()
VECTORS = Counter("features_vectors_total", "Vectors of streams that were read from their topic.")
LATE = Counter("features_late_inputs_total", "Events that came too late for features.", ["kind"])
TOPICS = (OF_EVENT[StreamFeatures].name, OF_EVENT[FeatureInputLate].name)
RETRY_S = 1.0
"""Between two tries while Redis does not answer; vectors come every 10 s."""


class FeatureSink:
    """Follows both topics from what may still live on."""

    def __init__(self, log: Log, codec: Codec, store: FeatureStore, clock: Clock = now_us) -> None:
        self._store = store
        self._follower = Follower(log, codec, TOPICS, self._apply, since_ms=(clock() - TTL_US) // 1_000)
        self._due: dict[str, StreamFeatures] = {}
        """The newest of each stream that is not written yet."""
        self._wake = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns once what was on the log has been read."""
        await self._follower.start()
        self._writing = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Stops."""
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
        await self._follower.close()

    def _apply(self, event: Event, _: At) -> None:
        if isinstance(event, StreamFeatures):
            VECTORS.inc()
            before = self._due.get(event.channel_id)
            if before is None or before.window_end < event.window_end:
                self._due[event.channel_id] = event
                self._wake.set()
        elif isinstance(event, FeatureInputLate):
            LATE.labels(event.kind).inc()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            due, self._due = self._due, {}
            try:
                await self._store.put(list(due.values()))
            except RedisError as cause:
                logger.warning("Redis does not answer", cause=str(cause))
                await asyncio.sleep(RETRY_S)
                self._due = {**due, **self._due}
                self._wake.set()
