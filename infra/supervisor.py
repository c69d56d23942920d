"""Starts processes in order, each once those before it are ready; restarts what ends by itself; stops all in reverse order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from infra.process import Process

POLL = 0.1
"""Seconds between two looks at whether a starting process is ready."""
READY_WITHIN = 90.0
"""Seconds that a first start may take: ten times the slowest (Kafka) on an idle machine of two cores."""
UNWAITED_WITHIN = 600.0
"""The same where the start does not wait for it: all others have the machine meanwhile."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds before a restart: doubled from the first to the longest, so that a process that cannot start does not eat the machine."""
STEADY = 60.0
"""Seconds after which a process counts as steady and its next restart is quick again."""
STARTS = 3
"""Tries of a first start, before the whole start is given up."""


class Service(NamedTuple):
    """A process to run."""

    name: str
    command: Callable[[], Sequence[str]]
    """Makes its command line, before each start; may prepare files and take a second."""
    lacks: Callable[[], Awaitable[str]]
    """What it still waits for; empty once it is ready."""
    ports: tuple[int, ...] = ()
    """Ports that it will listen on."""
    environment: Mapping[str, str] = {}
    once_ready: Callable[[], Awaitable[None]] | None = None
    """Done after its first start, before anything that depends on it."""
    waited: bool = True
    """Whether the start waits for it, and fails with it."""


class State(msgspec.Struct):
    """How a service is."""

    name: str
    phase: Literal["waiting", "starting", "ready", "restarting", "stopping", "stopped"] = "waiting"
    pid: int = 0
    since: float = 0.0
    """Seconds since 1970 at which the phase began."""
    restarts: int = 0
    lacks: str = ""
    """What a starting one waits for."""


class StartError(RuntimeError):
    """A process did not get ready. Operator action: read the log that the message names."""


class Supervisor:
    """Runs stages of services: those of one stage start together, after those of the stage before.

    To be used from an event loop in the main thread.
    """

    def __init__(self, stages: Sequence[Sequence[Service]], logs: Path, changed: Callable[[], None]) -> None:
        self.states = {service.name: State(service.name) for stage in stages for service in stage}
        self._stages = stages
        self._logs = logs
        self._changed = changed
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._launches: dict[str, asyncio.Task[Process]] = {}

    async def start(self) -> None:
        """Returns once all are ready.

        Raises:
            StartError: one did not get ready; those that run go on until `stop`.
        """
        for stage in self._stages:
            ready = {service.name: asyncio.get_running_loop().create_future() for service in stage}
            for service in stage:
                if not service.waited:
                    ready[service.name].set_result(None)
                self._keepers[service.name] = asyncio.create_task(self._keep(service, ready[service.name]))
            await asyncio.gather(*ready.values())

    async def stop(self) -> None:
        """Stops all, last stage first. Returns once every process is gone."""
        for stage in reversed(self._stages):
            await asyncio.gather(*(self._stop(service.name) for service in stage))

    async def _stop(self, name: str) -> None:
        """Stops one and its keeper."""
        keeper = self._keepers.pop(name, None)
        if keeper is None:
            return
        self._enter(name, "stopping")
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        if launch := self._launches.pop(name, None):
            (process,) = await asyncio.gather(launch, return_exceptions=True)
            if isinstance(process, Process):
                await process.stop()
        self._enter(name, "stopped", pid=0)

    async def _keep(self, service: Service, ready: "asyncio.Future[None]") -> None:
        """Keeps a service running; `ready` is resolved at its first readiness, or with the reason why there is none."""
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            why = await self._run(service, ready)
            state = self.states[service.name]
            state.restarts, state.lacks = state.restarts + 1, why
            if not ready.done() and state.restarts >= STARTS:
                ready.set_exception(StartError(f"{service.name} did not start: {why}. {self._tail(service.name)}"))
                return
            pause = FIRST_PAUSE if time.monotonic() - began > STEADY else min(2 * pause, LONGEST_PAUSE)
            self._enter(service.name, "restarting", pid=0)
            await asyncio.sleep(pause)

    async def _run(self, service: Service, ready: "asyncio.Future[None]") -> str:
        """One life of a service, from launch to end; why it ended."""
        launch = self._launches[service.name] = asyncio.create_task(self._launch(service))
        try:
            process = await asyncio.shield(launch)  # a stop in between waits for it, so that no process is left behind
        except Exception as cause:  # Java gone, disk full: the next try may do better, and the status says why
            return str(cause)
        again = ready.done() and self.states[service.name].restarts
        self._enter(service.name, "restarting" if again else "starting", pid=process.pid)
        end = asyncio.create_task(process.ended())
        lacks = await self._until_ready(service, end)
        if lacks:
            await process.stop()
            return f"not ready after {_within(service):.0f} s: {lacks}"
        if not end.done():
            if not ready.done() and service.once_ready is not None:
                await service.once_ready()
            self._enter(service.name, "ready")
            if not ready.done():
                ready.set_result(None)
        return f"ended with code {await end}"

    async def _launch(self, service: Service) -> Process:
        """Starts its process; the command is made in a thread, for it may take a second."""
        command = await asyncio.to_thread(service.command)
        return await Process.start(command, self._logs / f"{service.name}.log", service.environment)

    async def _until_ready(self, service: Service, end: "asyncio.Task[int]") -> str:
        """Returns once it is ready or has ended, or with what it lacks after the time that it has."""
        state = self.states[service.name]
        deadline = time.monotonic() + _within(service)
        while not end.done() and (lacks := await service.lacks()):
            if lacks != state.lacks:
                state.lacks = lacks
                self._changed()
            if time.monotonic() > deadline:
                return lacks
            await asyncio.wait([end], timeout=POLL)
        state.lacks = ""
        return ""

    def _enter(self, name: str, phase: Literal["starting", "ready", "restarting", "stopping", "stopped"], pid: int | None = None) -> None:
        """Notes a change."""
        state = self.states[name]
        state.phase, state.since = phase, time.time()
        if pid is not None:
            state.pid = pid
        self._changed()

    def _tail(self, name: str) -> str:
        """Where its log is, and its last lines."""
        path = self._logs / f"{name}.log"
        last = path.read_text(errors="replace").splitlines()[-5:] if path.exists() else []
        return "\n".join((f"Its log: {path}, which ends:", *last))


def _within(service: Service) -> float:
    """Seconds that its first start may take."""
    return READY_WITHIN if service.waited else UNWAITED_WITHIN
