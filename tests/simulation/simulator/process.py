"""A worker's process: it can be killed at any step, and stopped for a while as by SIGSTOP."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tests.simulation.simulator.trace import Trace


class Killed(BaseException):
    """The process ended here. Raised by every port of a dead process, so that nothing it still tries has an effect."""


class Injected(Exception):  # noqa: N818 - marks what a fault raised, wherever it surfaces
    """Raised by a fault: that a process ends by it is right."""


class Process:
    """Tasks that live and die together."""

    def __init__(self, name: str, trace: Trace, doomed: Callable[[], bool]) -> None:
        """`doomed` is asked at every step whether this is the last one."""
        self.name = name
        self.trace = trace
        self.alive = True
        self.stopped_until = 0.0
        self.on_death: list[Callable[[], None]] = []
        self.failures: list[Exception] = []
        self._doomed = doomed
        self._tasks: list[asyncio.Task[None]] = []

    def spawn(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> "asyncio.Task[None]":
        """Runs a task until the process ends; a task that fails ends it."""
        task = asyncio.get_running_loop().create_task(self._guarded(work, *args))
        self._tasks.append(task)
        return task

    async def _guarded(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        try:
            await work(*args)
        except (Killed, asyncio.CancelledError):
            pass
        except Exception as cause:
            self.fail(cause)

    def fail(self, cause: Exception) -> None:
        """Ends by a failure of its own."""
        if self.alive:
            self.failures.append(cause)
            self.trace(self.name, "fails", repr(cause))
            self.kill("failed")

    def step(self, what: str) -> None:
        """A point between two steps of the protocol, where the process may die.

        Raises:
            Killed: it died here, or was dead.
        """
        if self.alive and self._doomed():
            self.kill(f"at {what}")
        self.check()

    def check(self) -> None:
        """Raises Killed where the process is dead."""
        if not self.alive:
            raise Killed

    def kill(self, why: str) -> None:
        """SIGKILL: no task runs on, no port has any effect."""
        if not self.alive:
            return
        self.alive = False
        self.trace(self.name, "dies", why)
        here = asyncio.current_task()
        for task in self._tasks:
            if task is not here:
                task.cancel()
        for call in self.on_death:
            call()

    def stop(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after some seconds."""
        self.stopped_until = max(self.stopped_until, asyncio.get_running_loop().time() + seconds)

    async def awake(self) -> None:
        """Returns once the process runs."""
        while (wait := self.stopped_until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(wait)
        self.check()

    async def sleep(self, seconds: float) -> None:
        """Sleeps, longer where the process is stopped meanwhile."""
        await asyncio.sleep(seconds)
        await self.awake()
