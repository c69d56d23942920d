"""What is killed while a stream is live, and how late a viewer then has new media."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from urllib.parse import urljoin

import aiohttp

from tests.glass import Publisher
from tests.system import Account, System

SERVICES = ("origin", "edge", "ingest", "folds", "transcoder", "api", "registry", "kafka")
"""All that carries a live stream: each comes back by the supervisor."""
SEGMENT_S = 2.0
AHEAD_S = 4.0
"""Media that a player has ahead of the picture where latency is normal (README: 4.2 s at the median)."""
POLL_S = 0.1
ANSWER_S = 2.0
"""A player tries again then."""
RECONNECT_S = 1.0
"""Until an encoder whose ingest is gone tries again; OBS takes two seconds by default."""
HEALTHY_S = 60.0
FIRST = re.compile(r"#EXT-X-MEDIA-SEQUENCE:(\d+)")
SEGMENT = re.compile(r"#EXTINF:([\d.]+),.*\n(?:#.*\n)*([^#\n]+)")


class Had(NamedTuple):
    """A segment that the viewer has."""

    at: float
    """By the monotonic clock."""
    number: int
    """Its media sequence."""
    seconds: float
    """Of media in it."""


class Viewer:
    """Fetches each new segment of a channel's source as soon as a playlist has it, and notes when it had it."""

    def __init__(self, system: System, account: Account) -> None:
        self._master = f"{system.url}/live/{account.login}/master.m3u8?latency=normal"
        self._new = asyncio.Event()
        self.had: list[Had] = []
        """In the order in which they came."""
        self.backwards = 0
        """Times that a playlist ended before what was there already."""

    async def watch(self) -> None:
        """Until it is cancelled. What fails is asked for again."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as client:
            playlist = ""
            while True:
                try:
                    playlist = playlist or await self._joined(client)
                    await self._look(client, playlist)
                except (aiohttp.ClientError, TimeoutError):
                    playlist = ""
                await asyncio.sleep(POLL_S)

    async def _joined(self, client: aiohttp.ClientSession) -> str:
        async with client.get(self._master) as answer:
            lines = (await answer.text()).splitlines()
        return urljoin(self._master, next(line for line in lines if line and not line.startswith("#")))

    async def _look(self, client: aiohttp.ClientSession, playlist: str) -> None:
        async with client.get(playlist) as answer:
            text = await answer.text()
        first, segments = FIRST.search(text), SEGMENT.findall(text)
        if first is None or not segments:
            return
        begin = int(first[1])
        newest = begin + len(segments) - 1
        last = self.had[-1].number if self.had else newest - 1
        self.backwards += newest < last
        for number in range(max(last + 1, begin), newest + 1):
            seconds, name = segments[number - begin]
            async with client.get(urljoin(playlist, name)) as answer:
                await answer.read()
            self.had.append(Had(time.monotonic(), number, float(seconds)))
            self._new.set()
            self._new = asyncio.Event()

    async def sees(self, count: int) -> None:
        """Waits for so many further segments."""
        wanted = len(self.had) + count
        async with asyncio.timeout(HEALTHY_S):
            while len(self.had) < wanted:
                await self._new.wait()

    def late(self, since: float) -> float:
        """By how many seconds media was late at most, since a moment: what had passed by then, without what there was to play."""
        before = [had for had in self.had if had.at <= since][-1]
        worst = played = 0.0
        for had in self.had:
            if had.at > since:
                worst = max(worst, had.at - before.at - played - SEGMENT_S)
                played += had.seconds
        return worst


class Fault(NamedTuple):
    """One kill."""

    service: str
    late_s: float
    """By which media came later than it was due, at most; what was never made, since nobody took it in, is late for ever."""

    @property
    def stall_s(self) -> float:
        """What a player of normal latency shows of it: it has media ahead."""
        return max(0.0, self.late_s - AHEAD_S)


class Run(NamedTuple):
    """What came of it."""

    faults: list[Fault]
    calm_late_s: float
    """By which media was late before anything was killed: what the machine makes of it."""
    seconds: float
    segments: int
    missed: int
    """Segments of the line that the viewer never could have."""
    backwards: int


@contextlib.asynccontextmanager
async def publishing(account: Account) -> AsyncIterator[None]:
    """An encoder that connects again when its connection is gone, for the block."""

    async def publish() -> None:
        while True:
            publisher = await Publisher.start(account.rtmp_url)
            try:
                await publisher.ended()
            finally:
                await publisher.vanish()
            await asyncio.sleep(RECONNECT_S)

    task = asyncio.create_task(publish())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def suffer(system: System, plan: Sequence[str]) -> Run:
    """Kills one service after another while a viewer watches."""
    account = await system.account("killed", "affiliate")
    viewer = Viewer(system, account)
    async with publishing(account):
        watching = asyncio.create_task(viewer.watch())
        try:
            await viewer.sees(2)
            began = time.monotonic()
            await viewer.sees(4)
            calm = viewer.late(began)
            faults = [await kill(system, viewer, service) for service in plan]
            seconds = time.monotonic() - began
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    numbers = [had.number for had in viewer.had]
    missed = numbers[-1] - numbers[0] + 1 - len(numbers)
    return Run(faults, calm, seconds, len(numbers), missed, viewer.backwards)


async def kill(system: System, viewer: Viewer, service: str) -> Fault:
    """SIGKILL, and the wait until the service is ready and the viewer has had three more segments since."""
    [pid] = system.pids(service)
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while not any(state.name == service and state.phase == "ready" and state.pid != pid for state in system.run().services):
        assert time.monotonic() < began + HEALTHY_S, f"{service} is not ready again: {system.log(service)[-2000:]}"
        await asyncio.sleep(POLL_S)
    await viewer.sees(3)
    return Fault(service, viewer.late(began))
