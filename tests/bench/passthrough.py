"""What one passthrough stream with one low-latency viewer costs each process: `./chronicast bench passthrough -- [--seconds N] [--json]`.

CPU seconds of each process over the time, by thread where asked: without a stream, then with one. The viewer is a script that asks what
hls.js asks (blocking delta reloads of picture and sound, and every part), so no browser competes for the cores.
"""

import argparse
import asyncio
import contextlib
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import aiohttp

from tests.bench._machine import machine
from tests.glass import publishing
from tests.live import answers
from tests.system import System, running

MEDIA_PATH = ("ingest", "origin", "edge")
TARGET = 0.03
"""Cores of the media path (design, section 7)."""
RENDITIONS = ("source", "audio")
WARM_UP_S = 5


class Viewer:
    """Reloads each playlist as it grows and loads every new part, as hls.js does."""

    def __init__(self, folder: str) -> None:
        """`folder` is the channel's address."""
        self._folder = folder
        self.requests = 0
        self.parts = 0

    async def watch(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(headers={"Accept-Encoding": "gzip, deflate, br"}) as client, asyncio.TaskGroup() as group:
            for rendition in RENDITIONS:
                group.create_task(self._follow(client, f"{self._folder}/{rendition}.m3u8"))

    async def _follow(self, client: aiohttp.ClientSession, playlist: str) -> None:
        seen: set[str] = set()
        query = ""
        async with asyncio.TaskGroup() as loads:
            while True:
                async with client.get(playlist + query) as answer:
                    answer.raise_for_status()
                    text = await answer.text()
                self.requests += 1
                listed = re.findall(r'#EXT-X-PART:.*URI="([^"]+)"', text)
                for part in listed if seen else listed[-3:]:
                    if part not in seen:
                        loads.create_task(self._load(client, urljoin(playlist, part)))
                seen = set(listed)
                sequence, part = _next(text, listed)
                query = f"?_HLS_msn={sequence}&_HLS_part={part}&_HLS_skip=YES"

    async def _load(self, client: aiohttp.ClientSession, address: str) -> None:
        async with client.get(address) as answer:
            answer.raise_for_status()
            await answer.read()
        self.requests += 1
        self.parts += 1


def _next(text: str, listed: list[str]) -> tuple[int, int]:
    """Media sequence number and part to ask for: that after the last one listed."""
    found = re.search(r"/(\d+)\.(\d+)\.m4s$", listed[-1])
    assert found is not None, text
    sequence, part = int(found[1]), int(found[2])
    return (sequence + 1, 0) if f"/{sequence}.m4s" in text else (sequence, part + 1)


def threads(pid: int) -> Counter[str]:
    """CPU nanoseconds of a process and its descendants, by thread name."""
    taken: Counter[str] = Counter()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                taken[(task / "comm").read_text().strip()] += int((task / "schedstat").read_text().split()[0])
                for child in (task / "children").read_text().split():
                    taken += threads(int(child))
    return taken


class Meters:
    """Cores of every process since the last look."""

    def __init__(self, system: System) -> None:
        self._pids = {state.name: state.pid for state in system.run().services}
        self._look()

    def _look(self) -> None:
        self._before, self._since = {name: threads(pid) for name, pid in self._pids.items()}, time.monotonic()

    def cores(self) -> dict[str, dict[str, float]]:
        """Process -> thread name -> cores."""
        before, took = self._before, time.monotonic() - self._since
        self._look()
        return {
            name: {thread: (taken - before[name][thread]) / 1e9 / took for thread, taken in now.most_common()}
            for name, now in self._before.items()
        }


@contextlib.asynccontextmanager
async def watching(system: System, login: str) -> AsyncIterator[Viewer]:
    """A viewer for the block."""
    folder = f"{system.url}/live/{login}"
    await answers(f"{folder}/source.m3u8", "#EXTINF")
    viewer = Viewer(folder)
    task = asyncio.create_task(viewer.watch())
    try:
        yield viewer
        if task.done():
            await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def measure(seconds: float) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]], float]:
    """Cores by process and thread: without a stream, and with one; and the viewer's requests a second."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        async with running(Path(home, "chronicast")) as system:
            account = await system.account("plain")
            await asyncio.sleep(WARM_UP_S)
            meters = Meters(system)
            await asyncio.sleep(seconds)
            idle = meters.cores()
            async with publishing(account.rtmp_url), watching(system, account.login) as viewer:
                await asyncio.sleep(WARM_UP_S)
                meters, viewer.requests = Meters(system), 0
                await asyncio.sleep(seconds)
                return idle, meters.cores(), viewer.requests / seconds


def main() -> None:
    """Measures and prints; exits 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--threads", action="store_true", help="tell the cores of each thread too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    idle, live, rate = asyncio.run(measure(options.seconds))
    total = sum(sum(live[name].values()) for name in MEDIA_PATH)
    if options.json:
        print(json.dumps({"machine": machine(), "requests_per_second": rate, "idle": idle, "live": live, "media_path": total}, indent=1))
    else:
        print(f"{'cores':12} {'idle':>8} {'stream':>8}    viewer: {rate:.1f} requests/s, on {machine()}")
        for name in live:
            print(f"{name:12} {sum(idle[name].values()):8.4f} {sum(live[name].values()):8.4f}")
            if options.threads:
                for thread, cores in live[name].items():
                    print(f"    {thread:20} {idle[name].get(thread, 0):8.4f} {cores:8.4f}")
        print(f"{'media path':12} {sum(sum(idle[name].values()) for name in MEDIA_PATH):8.4f} {total:8.4f}    target {TARGET}")
    raise SystemExit(total > TARGET)


if __name__ == "__main__":
    main()
