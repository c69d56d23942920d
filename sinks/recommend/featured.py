"""What the ranker knows of live streams from their vectors in Redis."""

from collections.abc import Mapping, Sequence

import numpy as np
import structlog
from redis.exceptions import RedisError

from processors.recommend.live import Observed
from sinks.features.store import FeatureStore, Vector

logger = structlog.get_logger()
ABSENT = Vector(0, 0, 0, 0, 0, 0, 0, 0, 0)
"""The defaults of the feature registry."""


class Featured:
    """Reads the vectors of all live streams, in batches."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        self._answers = True
        """Whether Redis did when it was asked last."""

    async def observed(self, channels: Sequence[str], now: int) -> Observed:
        """What is known of channels; the defaults where there is no vector, or no Redis."""
        vectors: Mapping[str, Vector] = {}
        answered = self._answers
        try:
            vectors = await self._store.get(channels)
            self._answers = True
        except RedisError as cause:
            self._answers = False
            if answered:
                logger.warning("Redis does not answer: streams are ranked without features", cause=str(cause))
        found = [vectors.get(channel, ABSENT) for channel in channels]
        return Observed(
            now,
            tuple(channels),
            np.array([vector.viewer_count for vector in found], np.float64),
            np.array([vector.viewer_trend for vector in found], np.float64),
            np.array([vector.chat_rate for vector in found], np.float64),
            np.array([vector.window_end for vector in found], np.int64),
        )

    async def close(self) -> None:
        """Closes the store."""
        await self._store.close()
