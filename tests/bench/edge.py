"""What the origin is asked as an audience grows, behind a real edge: `./chronicast bench edge -- [--viewers 1,99] [--seconds N] [--json]`.

The edge is nginx with the product's configuration, on another port and without the store's folder: every object is fetched from the
origin once and cached, as at a point of presence. Each viewer has a session and a connection of its own, waits for the playlist with the
next segment and then asks for that, as the page's player does by default; with `--classic` it asks for the playlist of HLS version 3 and
the newest segment every four seconds (the capacity model's d), over fewer connections. Of a segment it takes one byte, which the edge
cuts from the cached whole, so that the machine's own network is not what is measured. With `--latency low` it waits for each part, and
loads none: measured is how long after the origin's answer it has its own, by the clock of one more that waits at the origin itself.
Audiences watch one stream, one after the other, and are counted once all have come.
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

import uvloop

from infra import nginx, ports
from processors.routing.egress import hit_rate
from tests.bench import _parts
from tests.bench._machine import machine
from tests.bench._reloading import watch
from tests.glass import percentile, publishing
from tests.live import answers
from tests.system import System, running

PERIOD_S = 4.0
"""Between two asks of a viewer (capacity model, section 4: d)."""
CONNECTIONS = 48
FLUSH_S = 2.5
"""The edge writes its log every two seconds."""
CACHED = {"HIT", "STALE", "UPDATING"}
"""Answers for which the origin is not asked."""
MEDIA = re.compile(r"/(?:ts|source)\.m3u8$")
PLAYLIST, SEGMENT, CHECK = "playlist", "segment", "check"
CHECKS = """            proxy_pass http://origin/access-check;
            log_subrequest on;
            access_log @home@/checks.log checks;
"""
FORMAT = """    log_format checks '{"cache": "$upstream_cache_status"}';
    server_tokens off;
"""
"""In the place of their first and last line: whether a channel is open is asked without a request of a viewer's, and not logged else."""
COMING = 1_000
"""Viewers that come in a second, and an audience takes four at least."""


class Edge(NamedTuple):
    """A point of presence."""

    port: int
    log: Path
    checks: Path

    def asked(self) -> Counter[tuple[str, bool]]:
        """(kind, whether the origin was asked) -> media requests so far."""
        found: Counter[tuple[str, bool]] = Counter()
        for line in self.log.read_text().splitlines():
            entry = json.loads(line)
            kind = PLAYLIST if MEDIA.search(entry["path"]) else SEGMENT if entry["path"].endswith((".ts", ".m4s")) else ""
            if kind:
                found[kind, entry["cache"] not in CACHED] += 1
        for line in self.checks.read_text().splitlines():
            found[CHECK, json.loads(line)["cache"] not in CACHED] += 1
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
    text = text.replace("            proxy_pass http://origin/access-check;\n", CHECKS.replace("@home@", str(folder)))
    text = text.replace("    server_tokens off;\n", FORMAT)
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
        yield Edge(port, log, folder / "checks.log")
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
        self.asked: Counter[tuple[str, bool]] = Counter()
        """What the edge was asked while all watched."""
        self.failures = 0
        self.delays: list[float] = []
        """Seconds from the origin's answer to each viewer's, in low latency."""
        self.late = 0.0
        """Seconds by which an ask began late at most: beyond a period the machine is too small for the audience."""

    async def watch(self, seconds: float) -> None:
        """Joins, then asks for so many seconds."""
        clients = [Client(self._edge.port) for _ in range(min(CONNECTIONS, self._viewers))]
        try:
            playlists = [await self._join(clients[n % len(clients)]) for n in range(self._viewers)]
            phases = sorted((random.random() * PERIOD_S, playlist) for playlist in playlists)
            asks = [(turn * PERIOD_S + phase, playlist) for turn in range(round(seconds / PERIOD_S)) for phase, playlist in phases]
            before = await self._counted()
            began = time.monotonic()
            pending = iter(asks)
            await asyncio.gather(*(self._work(client, pending, began) for client in clients))
            await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
            self.asked = await self._counted() - before
        finally:
            for client in clients:
                client.close()

    async def reload(self, seconds: float) -> None:
        """The same, as players that wait for each segment."""
        playlists = await self._joined("master.m3u8?latency=normal")
        spread = max(4.0, self._viewers / COMING)
        watching = asyncio.create_task(watch(self._edge.port, playlists, spread + FLUSH_S + seconds + FLUSH_S, spread))
        await asyncio.sleep(spread)
        before = await self._counted()
        await asyncio.sleep(seconds - FLUSH_S)
        self.asked = await self._counted() - before
        _, self.failures = await watching

    async def wait(self, seconds: float, origin: int) -> None:
        """The same, as players that wait for each part; the origin's port is given."""
        players = await _parts.watch(self._edge.port, await self._joined("master.m3u8"), max(4.0, self._viewers / COMING))
        [clock] = await _parts.watch(origin, [f"/live/{self._login}/source.m3u8"], 0.0)
        before = await self._counted()
        since = time.perf_counter()
        await asyncio.sleep(seconds - FLUSH_S)
        self.asked = await self._counted() - before
        for player in (clock, *players):
            player.stop()
        self.failures = sum(player.failures for player in players)
        answered = {place: at for place, at in clock.answers.items() if at > since}
        self.delays = [at - answered[place] for player in players for place, at in player.answers.items() if place in answered]

    async def _joined(self, master_playlist: str) -> list[str]:
        """Everybody's media playlist, without directives."""
        clients = [Client(self._edge.port) for _ in range(min(CONNECTIONS, self._viewers))]
        joined = [await self._join(clients[n % len(clients)], master_playlist) for n in range(self._viewers)]
        for client in clients:
            client.close()
        return [each.partition("?")[0] for each in joined]

    async def _counted(self) -> Counter[tuple[str, bool]]:
        await asyncio.sleep(FLUSH_S)
        return self._edge.asked()

    async def _join(self, client: Client, master_playlist: str = "classic.m3u8") -> str:
        """A session of its own; the path of its media playlist."""
        master = (await client.get(f"/live/{self._login}/{master_playlist}")).decode()
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


async def measure(audiences: list[int], seconds: float, *, classic: bool, low: bool) -> list[dict[str, float]]:
    """A line for each audience."""
    found = []
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        async with running(Path(home, "chronicast")) as system:
            account = await system.account("popular")
            async with publishing(account.rtmp_url), edge_of(system, Path(home, "pop")) as edge:
                await answers(f"{system.url}/live/popular/source/ts.m3u8", "#EXTINF")
                for viewers in audiences:
                    audience = Audience(edge, "popular", viewers)
                    if low:
                        await audience.wait(seconds, system.settings.ports.origin)
                    else:
                        await (audience.watch(seconds) if classic else audience.reload(seconds))
                    found.append(told(viewers, audience, seconds))
                    print(f"{viewers} viewers watched", file=sys.stderr)
    return found


def told(viewers: int, audience: Audience, seconds: float) -> dict[str, float]:
    """One audience's figures; what the edge asks to know who may watch is no viewer's request, and told apart."""
    asked, delays = audience.asked, audience.delays
    total = sum(count for (kind, _), count in asked.items() if kind != CHECK)
    missed = asked[PLAYLIST, True] + asked[SEGMENT, True]
    return {
        "viewers": viewers,
        "requests_per_s": round(total / seconds, 1),
        "origin_playlists_per_s": round(asked[PLAYLIST, True] / seconds, 2),
        "origin_segments_per_s": round(asked[SEGMENT, True] / seconds, 2),
        "origin_checks_per_s": round(asked[CHECK, True] / seconds, 2),
        "hit_percent": round(100 * (1 - missed / total), 2),
        "model_percent": round(100 * hit_rate(viewers), 2),
        "late_s": round(audience.late, 2),
        "failures": audience.failures,
        **({f"p{percent}_ms": round(percentile(delays, percent) * 1_000, 1) for percent in (50, 99)} if delays else {}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", default="1,10,100,1000,10000")
    parser.add_argument("--seconds", type=float, default=24)
    parser.add_argument("--classic", action="store_true")
    parser.add_argument("--latency", choices=("normal", "low"), default="normal")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    low = options.latency == "low"
    found = uvloop.run(measure([int(n) for n in options.viewers.split(",")], options.seconds, classic=options.classic, low=low))
    if options.json:
        print(json.dumps({"machine": machine(), "audiences": found}))
        return
    if low:
        print("| viewers | requests/s | origin playlists/s | origin checks/s | after the origin, p50 | p99 | failures |")
        print("|---|---|---|---|---|---|---|")
        for line in found:
            print(
                f"| {line['viewers']:,} | {line['requests_per_s']:,} | {line['origin_playlists_per_s']} | {line['origin_checks_per_s']} "
                f"| {line['p50_ms']} ms | {line['p99_ms']} ms | {line['failures']} |"
            )
        print(f"\nMeasured by `./chronicast bench edge -- --latency low` on {machine()}.")
        return
    print(
        "| viewers | requests/s | origin playlists/s | origin segments/s | origin checks/s | hits | model |\n|---|---|---|---|---|---|---|"
    )
    for line in found:
        print(
            f"| {line['viewers']:,} | {line['requests_per_s']:,} | {line['origin_playlists_per_s']} | {line['origin_segments_per_s']} "
            f"| {line['origin_checks_per_s']} | {line['hit_percent']} % | {line['model_percent']} % |"
        )
    print(f"\nMeasured by `./chronicast bench edge` on {machine()}.")


if __name__ == "__main__":
    main()
