"""An object store that is away for a moment: a job waits for it and keeps its encoder."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import structlog
from prometheus_client import Counter

from streams.backoff import backoff
from streams.objects import Objects, StoreUnavailableError

logger = structlog.get_logger()
T = TypeVar("T")
FIRST_S, MOST_S = 0.05, 1.0
"""Pauses between tries, as the ingest's."""
PATIENCE_S = 30.0
"""A store that fails for longer fails here alone, maybe: the job is given back, and another worker may reach it."""
RETRIES = Counter("transcoder_store_retries_total", "Requests to the object store that failed and were made again.")


class PatientStore:
    """What a job asks of the store.

    Meanwhile nothing more is asked, and the encoder waits with what it has made. A job that is too far behind by then skips to the newest
    segment, as after any other delay.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def get(self, address: str) -> bytes:
        """The whole object.

        Raises:
            ObjectMissingError: there is none.
            StoreUnavailableError, OSError: the store has failed for `PATIENCE_S`.
        """
        return await self._tried(address, lambda: self._objects.get(address))

    async def put(self, address: str, data: bytes) -> None:
        """Stores it whole.

        Raises:
            StoreUnavailableError, OSError: the store has failed for `PATIENCE_S`.
        """
        await self._tried(address, lambda: self._objects.put(address, data))

    async def _tried(self, address: str, request: Callable[[], Awaitable[T]]) -> T:
        pauses, until = backoff(FIRST_S, MOST_S), monotonic() + PATIENCE_S
        while True:
            try:
                return await request()
            except (StoreUnavailableError, OSError) as cause:
                if monotonic() > until:
                    raise
                RETRIES.inc()
                logger.warning("the store failed, trying again", address=address, cause=repr(cause))
            await asyncio.sleep(next(pauses))
