"""Virtual time: an event loop that jumps to its next timer, so that a minute of waiting costs nothing and every run is the same."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.simulation.simulator.process import Killed


class StuckError(Exception):
    """Nothing is ready and no timer is set: the program would wait for ever."""


class VirtualLoop(asyncio.BaseEventLoop):
    """One thread, no sockets, no sleep. What others do in a thread is done here, after the virtual seconds that `blocking` says."""

    def __init__(self, blocking: Callable[[], float]) -> None:
        super().__init__()
        self._now = 0.0
        self._blocking = blocking
        self._selector = self
        self._clock_resolution = 1e-9
        self.set_exception_handler(self._broken)
        self.faults: list[dict[str, Any]] = []
        """What went wrong in the simulator itself."""

    def _broken(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), Killed):
            self.faults.append(context)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """What asyncio waits by: nothing ever happens but time."""
        if timeout is None:
            raise StuckError
        self._now += timeout
        return []

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """A call that blocks."""
        future = self.create_future()

        def call() -> None:
            result, failure = None, None
            try:
                result = func(*args)
            except BaseException as cause:
                failure = cause
            if future.done():  # whoever asked is gone, maybe by this very call
                return
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

        self.call_later(self._blocking(), call)
        return future

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nothing waits that had to be woken."""


class Alarm:
    """Waits for a ring, or until time is up."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None
        self._rung = False

    def ring(self) -> None:
        """Ends the wait, or the next one."""
        self._rung = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self, seconds: float | None = None) -> None:
        """Waits."""
        if not self._rung:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            timer = None if seconds is None else loop.call_later(max(0.0, seconds), self.ring)
            try:
                await self._waiting
            finally:
                if timer is not None:
                    timer.cancel()
        self._rung = False
