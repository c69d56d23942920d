"""The system on several machines, each with a home, a node and ports of its own, and each process started by `run`."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator

from infra import ports
from infra.process import Process
from infra.settings import CHECKOUT, Ports, Settings
from tests.system import free_offset

CLI = [sys.executable, "-m", "infra.cli"]


class Machine:
    """One of them: a home, an offset of ports, and the processes that were asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._processes: list[Process] = []

    async def run(self, *names: str) -> list[Process]:
        log = self.settings.folder / "logs"
        started = [await Process.start([*CLI, "run", name], log / f"{name}.log", self.settings.environment()) for name in names]
        self._processes += started
        return started

    async def command(self, *words: str) -> bytes:
        environment = {**os.environ, **self.settings.environment()}
        process = await asyncio.create_subprocess_exec(*CLI, *words, cwd=CHECKOUT, env=environment, stdout=asyncio.subprocess.PIPE)
        printed, _ = await process.communicate()
        assert process.returncode == 0
        return printed

    async def stop(self) -> None:
        if self._processes:
            first, *others = self._processes
            await asyncio.gather(*(process.stop() for process in others))
            await first.stop()


@contextlib.asynccontextmanager
async def machines(*settings: Settings) -> AsyncIterator[list[Machine]]:
    """They run for the block. The first process of the first, the log, is stopped last."""
    made = [Machine(each) for each in settings]
    try:
        yield made
    finally:
        for machine in reversed(made):
            await machine.stop()


async def listens(*numbers: int) -> None:
    """Waits until somebody listens on each."""
    async with asyncio.timeout(90):
        while not all(map(ports.taken, numbers)):
            await asyncio.sleep(0.1)


def offsets(taken: int) -> Iterator[int]:
    """For further machines: no port of one is another's."""
    used = set(Ports().moved(taken))
    while True:
        offset = free_offset()
        if used.isdisjoint(Ports().moved(offset)):
            used |= set(Ports().moved(offset))
            yield offset
