"""What follows the log and works on what it tells: its tasks, and how often it tries."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

import structlog

from streams.follower import Follower

logger = structlog.get_logger()
T = TypeVar("T")
RETRY_S = 5.0
"""After a failure of the store or the broker."""


class Work:
    """Tasks that begin once a follower has caught up."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._tasks: list[asyncio.Task[None]] = []
        self.begun = False
        """Whether it has caught up."""

    async def start(self, plan: Callable[[], None], *works: Callable[[], Coroutine[None, None, None]]) -> None:
        """Returns once it knows what is to be done, by `plan`; it is done meanwhile."""
        await self._follower.start()
        self.begun = True
        plan()
        self._tasks = [asyncio.create_task(work()) for work in works]

    async def close(self) -> None:
        """Stops; what is under way is done anew at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._follower.close()

    def lacks(self) -> str:
        """Why it is not ready; empty where it is."""
        if any(task.done() for task in self._tasks):
            return "a part of it has failed; its log says why"
        return "" if self.begun else "reading the log"


async def until_done(work: Callable[[], Awaitable[None]], **what: str) -> None:
    """Does something until it has been done: a store or a broker that is away comes back."""
    while True:
        try:
            return await work()
        except Exception:
            logger.exception("tried again", **what)
            await asyncio.sleep(RETRY_S)


async def in_turn(queue: asyncio.Queue[T], work: Callable[[T], Awaitable[None]], name: Callable[[T], str]) -> None:
    """Does what comes, one after another, without end. What fails goes behind the others, so that one that always fails holds up none.

    `name`: what the log calls it.
    """
    while True:
        task = await queue.get()
        try:
            await work(task)
        except Exception:
            logger.exception("tried again", of=name(task))
            asyncio.get_running_loop().call_later(RETRY_S, queue.put_nowait, task)
