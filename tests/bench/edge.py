"""What the origin is asked as an audience grows, behind a real edge: `./chronicast bench edge -- [--viewers 1,99] [--seconds N] [--json]`.

The edge is nginx with the product's configuration, on another port and without the store's folder: every object is fetched from the
origin once and cached, as at a point of presence. Each viewer asks for its session's media playlist and for the newest segment every
four seconds (the capacity model's d); of a segment one byte, which the edge cuts from the cached whole, so that the machine's
own network is not what is measured. All audiences watch one stream for equally long.
"""

import argparse
import asyncio
import contextlib
import json
import random
import re
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

from infra import nginx, ports
from processors.routing.egress import hit_rate
from tests.bench._machine import machine
from tests.glass import publishing
from tests.live import answers
from tests.system import System, running

PERIOD_S = 4.0
"""Between two asks of a viewer (capacity model, section 4: d)."""
CONNECTIONS = 48
FLUSH_S = 2.5
"""The edge writes its log every two seconds."""
CACHED = {"HIT", "STALE", "UPDATING"}
"""Answers for which the origin is not asked."""
PLAYLIST, SEGMENT = "playlist", "segment"


class Edge(NamedTuple):
    """A point of presence."""

    port: int
    log: Path

    def asked(self) -> Counter[tuple[str, bool]]:
        """(kind, whether the origin was asked) -> media requests so far."""
        found: Counter[tuple[str, bool]] = Counter()
        for line in self.log.read_text().splitlines():
            entry = json.loads(line)
            kind = PLAYLIST if entry["path"].endswith("ts.m3u8") else SEGMENT if entry["path"].endswith(".ts") else ""
            if kind:
                found[kind, entry["cache"] not in CACHED] += 1
        return found


@contextlib.asynccontextmanager
async def edge_of(system: System, folder: Path) -> AsyncIterator[Edge]:
    """An edge of the system for the block."""
    settings = system.settings
    nginx.command(settings)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = (settings.folder / "edge" / "nginx.conf").read_text()
    text = text.replace(str(settings.folder), str(folder)).replace(f":{settings.ports.edge} ", f":{port} ")
    for name in ("edge", "run"):
        (folder / name).mkdir(parents=True)
    path = folder / "edge" / "nginx.conf"
    path.write_text(text)
    log = folder / "access.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            nginx.nginx(), "-e", "stderr", "-p", str(folder), "-c", str(path), stdout=output, stderr=asyncio.subprocess.DEVNULL
        )
    try:
        while not ports.taken(port):
            assert process.returncode is None, "nginx did not start"
            await asyncio.sleep(0.05)
        yield Edge(port, log)
    finally:
        process.terminate()
        await process.wait()


class Client:
    """One connection to the edge, kept alive."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, path: str, header: str = "") -> bytes:
        """The body of an answer.

        Raises:
            ValueError: it is no success.
        """
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: edge\r\n{header}\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await self._reader.readexactly(int(length[1])) if length else await self._chunks(self._reader)
        if status not in {200, 206}:
            raise ValueError(f"{path}: {status}")
        return body

    async def _chunks(self, reader: asyncio.StreamReader) -> bytes:
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return body

    def close(self) -> None:
        """Closes it."""
        if self._writer is not None:
            self._writer.close()


class Audience:
    """So many viewers of one channel."""

    def __init__(self, edge: Edge, login: str, viewers: int) -> None:
        self._edge, self._login, self._viewers = edge, login, viewers
        self._due: asyncio.Queue[str] = asyncio.Queue()
        self.late = 0.0
        """Seconds by which an ask began late at most: beyond a period the machine is too small for the audience."""

    async def watch(self, seconds: float) -> None:
        """Joins, then asks for so many seconds."""
        clients = [Client(self._edge.port) for _ in range(min(CONNECTIONS, self._viewers))]
        try:
            playlists = [await self._join(clients[n % len(clients)]) for n in range(self._viewers)]
            phases = sorted((random.random() * PERIOD_S, playlist) for playlist in playlists)
            asks = [(turn * PERIOD_S + phase, playlist) for turn in range(round(seconds / PERIOD_S)) for phase, playlist in phases]
            began = time.monotonic()
            pending = iter(asks)
            await asyncio.gather(*(self._work(client, pending, began) for client in clients))
            await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
        finally:
            for client in clients:
                client.close()

    async def _join(self, client: Client) -> str:
        """A session of its own; the path of its media playlist."""
        master = (await client.get(f"/live/{self._login}/classic.m3u8")).decode()
        variant = next(line for line in master.splitlines() if not line.startswith("#"))
        return f"/live/{self._login}/{variant}"

    async def _work(self, client: Client, pending: Iterator[tuple[float, str]], began: float) -> None:
        for at, playlist in pending:
            wait = began + at - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self.late = max(self.late, -wait)
            text = (await client.get(playlist)).decode()
            newest = [line for line in text.splitlines() if not line.startswith("#")][-1]
            await client.get(newest if newest.startswith("/") else f"{playlist.rpartition('/')[0]}/{newest}", "Range: bytes=0-0\r\n")


async def measure(audiences: list[int], seconds: float) -> list[dict[str, float]]:
    """A line for each audience."""
    found = []
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        async with running(Path(home, "chronicast")) as system:
            account = await system.account("popular")
            async with publishing(account.rtmp_url), edge_of(system, Path(home, "pop")) as edge:
                await answers(f"{system.url}/live/popular/source/ts.m3u8", "#EXTINF")
                for viewers in audiences:
                    before = edge.asked()
                    audience = Audience(edge, "popular", viewers)
                    await audience.watch(seconds)
                    await asyncio.sleep(FLUSH_S)
                    found.append(told(viewers, edge.asked() - before, seconds, audience.late))
                    print(f"{viewers} viewers watched", file=sys.stderr)
    return found


def told(viewers: int, asked: Counter[tuple[str, bool]], seconds: float, late: float) -> dict[str, float]:
    """One audience's figures."""
    total, missed = asked.total(), sum(count for (_, origin), count in asked.items() if origin)
    return {
        "viewers": viewers,
        "requests_per_s": round(total / seconds, 1),
        "origin_playlists_per_s": round(asked[PLAYLIST, True] / seconds, 2),
        "origin_segments_per_s": round(asked[SEGMENT, True] / seconds, 2),
        "hit_percent": round(100 * (1 - missed / total), 2),
        "model_percent": round(100 * hit_rate(viewers), 2),
        "late_s": round(late, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", default="1,10,100,1000,10000")
    parser.add_argument("--seconds", type=float, default=24)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(measure([int(n) for n in options.viewers.split(",")], options.seconds))
    if options.json:
        print(json.dumps({"machine": machine(), "audiences": found}))
        return
    print("| viewers | requests/s | origin playlists/s | origin segments/s | hits | model |\n|---|---|---|---|---|---|")
    for line in found:
        print(
            f"| {line['viewers']:,} | {line['requests_per_s']:,} | {line['origin_playlists_per_s']} | {line['origin_segments_per_s']} "
            f"| {line['hit_percent']} % | {line['model_percent']} % |"
        )
    print(f"\nMeasured by `./chronicast bench edge` on {machine()}.")


if __name__ == "__main__":
    main()
