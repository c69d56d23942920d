"""The whole system as users start it, in a folder and on ports of its own, and the CPU that its processes take."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from infra import ports
from infra.run import Run, noted
from infra.settings import Ports, Settings

CHECKOUT = Path(__file__).resolve().parent.parent
UP_S = 90.0
"""Kafka's start takes most of it, on a machine where other tests run too."""
DOWN_S = 40.0
OFFSETS = range(10_000, ports.LISTENED.stop - max(Ports()))
"""Above what other servers use, and so that every port of ours stays below those that outgoing connections take."""
PLAYBACK_S = 10
"""Of a signed playback URL, so that a test sees one renewed."""
TICKS = os.sysconf("SC_CLK_TCK")


class Account(NamedTuple):
    """A channel and what its owner publishes to."""

    login: str
    rtmp_url: str
    """With the stream key."""
    id: str
    access_token: str


class System:
    """A running system."""

    def __init__(self, settings: Settings, environment: dict[str, str]) -> None:
        self.settings = settings
        self._environment = environment
        self.url = f"http://127.0.0.1:{settings.ports.edge}"

    async def account(self, login: str, tier: str = "regular") -> Account:
        """Makes an account by the command that users have."""
        made = await self.answer("account", "create", login, "--tier", tier)
        return Account(login, f"rtmp://127.0.0.1:{self.settings.ports.rtmp}/app/{made['stream_key']}", made["id"], made["access_token"])

    async def command(self, *words: str) -> bytes:
        """Runs a command of ours: what it prints."""
        command = [sys.executable, "-m", "infra.cli", *words]
        process = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, env=self._environment, stdout=asyncio.subprocess.PIPE)
        printed, _ = await process.communicate()
        return printed

    async def answer(self, *words: str) -> Any:
        """The same of a command that answers in JSON."""
        return json.loads(await self.command(*words, "--json"))

    def pids(self, *services: str) -> list[int]:
        """Process ids of services; of all without a name."""
        run = self.run()
        return [state.pid for state in run.services if state.pid and (not services or state.name in services)]

    def run(self) -> Run:
        """What the supervisor notes."""
        run = noted(self.settings.folder)
        assert run is not None, "the system does not run"
        return run

    def log(self, service: str) -> str:
        """What a service has logged."""
        return (self.settings.folder / "logs" / f"{service}.log").read_text(errors="replace")


@contextlib.asynccontextmanager
async def running(home: Path) -> AsyncIterator[System]:
    """The system for the block, without demo stream. Its folder is removed at the end, unless the block fails."""
    environment = {**os.environ, "CHRONICAST_HOME": str(home), "CHRONICAST_PORT_OFFSET": str(free_offset()), "CHRONICAST_FEATURES": "false"}
    environment["CHRONICAST_PLAYBACK_SECONDS"] = str(PLAYBACK_S)
    settings = Settings.read({name: value for name, value in environment.items() if name.startswith("CHRONICAST_")})
    home.mkdir(parents=True, exist_ok=True)
    output = home / "up.log"
    with output.open("wb") as log:
        command = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "infra.cli", "up", "--no-demo"]
        process = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + UP_S
        while "Chronicast is up" not in output.read_text():
            if process.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the system did not come up:\n{output.read_text()}")
            await asyncio.sleep(0.1)
        yield System(settings, environment)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), DOWN_S)
    shutil.rmtree(home, ignore_errors=True)


def free_offset() -> int:
    """A port offset at which nothing listens."""
    for offset in random.sample(OFFSETS, 50):
        if not any(ports.taken(port) for port in Ports().moved(offset)):
            return offset
    raise RuntimeError("no free range of ports")


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time that processes and their living descendants have taken."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
            ticks[int(folder.name)] = int(fields[11]) + int(fields[12])
    wanted = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in wanted} - wanted:
        wanted |= more
    return sum(ticks.get(pid, 0) for pid in wanted) / TICKS


class CpuMeter:
    """Cores that processes take from its making until `cores` is asked."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = list(pids)
        self._since = time.monotonic()
        self._before = cpu_seconds(self._pids)

    def cores(self) -> float:
        """Cores, on average."""
        return (cpu_seconds(self._pids) - self._before) / (time.monotonic() - self._since)
