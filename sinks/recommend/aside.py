"""Recommending beside everything else: an event loop on a thread of its own, for a page takes milliseconds of computing."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from threading import Thread
from typing import TypeVar

from sinks.helix.errors import HelixError
from sinks.recommend.view import Recommendations

T = TypeVar("T")


class Aside:
    """The view, which nothing but its thread touches."""

    def __init__(self, view: Recommendations) -> None:
        self._view = view
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="recommending", daemon=True)
        self._started: Future[None] | None = None

    def start(self) -> None:
        """Begins to read the log, and returns at once."""
        self._thread.start()
        self._started = asyncio.run_coroutine_threadsafe(self._view.start(), self._loop)

    async def started(self) -> None:
        """Returns once all that was on the log is known; raises what was in the way."""
        assert self._started is not None
        await asyncio.wrap_future(self._started)

    def lacks(self) -> str:
        """Why there are no pages yet; empty where there are."""
        if self._started is None or not self._started.done() or self._started.cancelled():
            return "reading the log"
        cause = self._started.exception()
        return "" if cause is None else f"the log could not be read: {cause!r}"

    async def call(self, work: Callable[[Recommendations], T]) -> T:
        """Does something with the view, on its thread.

        Raises:
            HelixError: 503, it is not ready.
        """
        if why := self.lacks():
            raise HelixError(HTTPStatus.SERVICE_UNAVAILABLE, f"No recommendations yet: {why}", {"Retry-After": "2"})

        async def done() -> T:
            return work(self._view)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(done(), self._loop))

    async def close(self) -> None:
        """Stops."""
        if self._started is None:
            return
        self._started.cancel()
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._end(), self._loop))
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    async def _end(self) -> None:
        await self._view.close()
        await self._loop.shutdown_default_executor()
