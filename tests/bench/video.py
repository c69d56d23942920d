"""Video from camera to screen, beside nginx-rtmp in the same run: `./chronicast bench video -- [--seconds N] [--json] [--write FILE]`.

Both get the same picture: 720p30, 2 s closed GOP, about 2.5 Mb/s, with a clock burnt in that is read back from painted frames.
"""

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
from playwright.async_api import Browser

from processors.transcode.ladder import Source, ladder
from sinks.page.routes import HLS
from tests import anchor, hls_checker
from tests.anchor import Anchor, nginx_rtmp
from tests.bench._ladder import one_ffmpeg
from tests.bench._machine import machine
from tests.chromium import chromium
from tests.glass import Publisher, Seen, publishing
from tests.system import Account, CpuMeter, System, running
from tests.viewer import Viewer, viewing

STARTS = 3
"""Streams that are started for the time to the first playable playlist; the median is told."""
POLL_S = 0.02
SETTLE_S = 8
"""A player's first seconds, in which it finds its place, are not part of its latency; their stalls are."""
AWAY_S = 4
MEDIA_PATH = ("ingest", "origin", "edge")
MARK = "bench:video"


class Row(NamedTuple):
    """One line of the table."""

    what: str
    target: str
    ours: str
    nginx_rtmp: str = "-"


async def first_playable(url: str, playlist: str) -> tuple[Publisher, float]:
    """Starts publishing; the seconds from the connection to the first playlist of which a media object loads."""
    publisher = await Publisher.start(url)
    async with aiohttp.ClientSession() as client:
        while time.monotonic() < publisher.connecting + 30:
            if await _loads(client, playlist):
                return publisher, time.monotonic() - publisher.connecting
            await asyncio.sleep(POLL_S)
    raise RuntimeError(f"{playlist} did not become playable in 30 s")


async def _loads(client: aiohttp.ClientSession, playlist: str) -> bool:
    """Whether a playlist, or the first one that it names, names a media object that can be had."""
    async with client.get(playlist) as answer:
        if answer.status != 200:
            return False
        lines = (await answer.text()).splitlines()
        base = answer.url
    media = re.findall(r'#EXT-X-PART:.*URI="([^"]+)"', "\n".join(lines)) or [line for line in lines if line and line[0] != "#"]
    if not media:
        return False
    found = str(base.join(aiohttp.client.URL(media[0])))
    if "m3u8" in media[0]:
        return await _loads(client, found)
    async with client.get(found) as answer:
        return answer.status == 200 and len(await answer.read()) > 0


async def median_start(system: System, accounts: list[Account]) -> float:
    """Median over several channels that go live."""
    took = []
    for account in accounts:
        publisher, seconds = await first_playable(account.rtmp_url, f"{system.url}/live/{account.login}/master.m3u8")
        took.append(seconds)
        await publisher.stop()
    return statistics.median(took)


async def settled(viewer: Viewer, seconds: float) -> tuple[Seen, list[float]]:
    """What it saw once it had settled, and every time that its picture stood still, from the first picture on."""
    await viewer.playing()
    early = await viewer.sees(SETTLE_S)
    seen = await viewer.sees(seconds)
    return seen, early.gaps() + seen.gaps()


def latency(seen: Seen, still: list[float]) -> str:
    """As the table tells it."""
    stalls = f"{len(still)} stalls" if len(still) != 1 else f"1 stall of {still[0]:.1f} s"
    return f"{seen.latency(50):.2f} / {seen.latency(95):.2f} s, {stalls}"


async def away_and_back(system: System, account: Account, publisher: Publisher, viewer: Viewer) -> tuple[Publisher, str]:
    """The publisher's connection breaks for some seconds while a viewer watches."""
    playlist = f"{system.url}/live/{account.login}/source.m3u8"
    before = await _segments(playlist)
    await publisher.vanish()
    await asyncio.sleep(AWAY_S)
    publisher = await Publisher.start(account.rtmp_url)
    seen = await viewer.sees(12)
    after = await _segments(playlist)
    same_line = max(after) > max(before) and all(after.get(number, uri) == uri for number, uri in before.items())
    plays = bool(seen.samples) and seen.samples[-1].at_ms - seen.samples[0].at_ms > 5_000 and seen.latency(95) < 60
    verdict = "plays on" if plays else "does not play on"
    line = "same media sequence line" if same_line else "another media sequence line"
    return publisher, f"{verdict}, {len(viewer.fatal)} fatal errors, {line}"


async def _segments(playlist: str) -> dict[int, str]:
    """Media sequence number -> address."""
    async with aiohttp.ClientSession() as client, client.get(playlist) as answer:
        text = await answer.text()
    first = int(re.findall(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)[0])
    return dict(enumerate((line for line in text.splitlines() if line and line[0] != "#"), first))


async def broken(playlist: str) -> list[str]:
    """Names of the checks of RFC 8216bis that a stream does not pass."""
    failed = [result for result in await hls_checker.check(playlist) if result.outcome == "FAIL"]
    for result in failed:
        say(f"{result.check}: {result.detail}")
    return [result.check for result in failed]


def told(failed: list[str]) -> str:
    """As the table tells it."""
    return f"{len(failed)}: {', '.join(failed)}" if failed else "0"


async def ladder_ready(system: System, login: str) -> None:
    """Waits until the master playlist lists transcoded renditions."""
    async with aiohttp.ClientSession() as client:
        for _ in range(600):
            async with client.get(f"{system.url}/live/{login}/master.m3u8") as answer:
                if "160p30.m3u8" in await answer.text():
                    return
            await asyncio.sleep(0.1)
    raise RuntimeError(f"no ladder for {login} in 60 s; see the transcoder's log:\n{system.log('transcoder')[-2000:]}")


async def anchor_rows(nginx: Anchor, browser: Browser, seconds: float) -> dict[str, str]:
    """nginx-rtmp's column, and the one ffmpeg's cores."""
    shutil.copy(HLS / "hls.min.mjs", nginx.folder)
    (nginx.folder / "index.html").write_text(anchor.PAGE)
    publisher, start = await first_playable(nginx.rtmp_url, nginx.playlist)
    try:
        await asyncio.sleep(6)  # its playlist is long enough for a player's usual distance
        async with viewing(browser, f"{nginx.url}/index.html") as viewer:
            await viewer.playing()
            cpu = CpuMeter([nginx.pid])
            seen, still = await settled(viewer, seconds)
            cores = cpu.cores()
        failed = await broken(nginx.playlist)
        async with one_ffmpeg(nginx.rtmp_url, list(ladder("partner", Source(1280, 720, 30)))) as pid:
            await asyncio.sleep(4)
            encoder = CpuMeter([pid])
            await asyncio.sleep(seconds)
            ffmpeg_cores = encoder.cores()
    finally:
        await publisher.stop()
    return {
        "start": f"{start:.2f} s",
        "normal": latency(seen, still),
        "rfc": told(failed),
        "cpu": f"{cores:.3f}",
        "ffmpeg": f"{ffmpeg_cores:.3f}",
    }


@contextlib.asynccontextmanager
async def scene() -> AsyncIterator[tuple[System, Anchor, Browser]]:
    """All that takes part."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder)
        async with running(home / "chronicast") as system, nginx_rtmp(home / "nginx") as nginx, chromium() as browser:
            yield system, nginx, browser


def say(text: str) -> None:
    """Progress, beside the result."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


async def measure(seconds: float) -> list[Row]:
    """The table."""
    async with scene() as (system, nginx, browser):
        say("nginx-rtmp and one ffmpeg")
        theirs = await anchor_rows(nginx, browser, seconds)
        say("first playable playlist")
        starting = [await system.account(f"start{i}") for i in range(STARTS)]
        start = await median_start(system, starting)
        plain, partner = await system.account("plain"), await system.account("partner", "partner")

        say("low latency, passthrough")
        publisher = await Publisher.start(plain.rtmp_url)
        await asyncio.sleep(5)
        async with viewing(browser, f"{system.url}/{plain.login}", lowLatency=True) as viewer:
            cpu, everything = CpuMeter(system.pids(*MEDIA_PATH)), CpuMeter(system.pids())
            each = {service.name: CpuMeter([service.pid]) for service in system.run().services}
            low, low_still = await settled(viewer, seconds)
            cores, all_cores = cpu.cores(), everything.cores()
            say("cores: " + ", ".join(f"{name} {meter.cores():.3f}" for name, meter in each.items()))
            say(f"publisher away for {AWAY_S} s")
            publisher, away = await away_and_back(system, plain, publisher, viewer)
        say("playlists by RFC 8216bis")
        failed = await broken(f"{system.url}/live/{plain.login}/master.m3u8")
        say("normal latency")
        async with viewing(browser, f"{system.url}/{plain.login}") as viewer:
            normal, normal_still = await settled(viewer, seconds)
        await publisher.stop()

        say("low latency, with ladder")
        async with publishing(partner.rtmp_url):
            await ladder_ready(system, partner.login)
            async with viewing(browser, f"{system.url}/{partner.login}", lowLatency=True) as viewer:
                encoder = CpuMeter(system.pids("transcoder"))
                laddered, laddered_still = await settled(viewer, seconds)
                encoder_cores = encoder.cores()
            failed += await broken(f"{system.url}/live/{partner.login}/master.m3u8")
    encoding = f"{encoder_cores:.3f} = {encoder_cores / float(theirs['ffmpeg']):.2f} ×"
    ahead = f"{low.buffered(50):.2f} s / {normal.buffered(50):.2f} s"
    return [
        Row("publish → first playable playlist", "≤ 0.7 s", f"{start:.2f} s", theirs["start"]),
        Row("glass to glass, low latency, passthrough (p50 / p95)", "≤ 0.9 s, 0 stalls", latency(low, low_still)),
        Row("glass to glass, low latency, with ladder", "≤ 1.4 s, 0 stalls", latency(laddered, laddered_still)),
        Row("glass to glass, normal", "≤ 6 s, 0 stalls", latency(normal, normal_still), theirs["normal"]),
        Row("media ahead of the picture, low latency / normal (p50)", "2-3 parts / segments", ahead),
        Row(f"publisher gone {AWAY_S} s and back", "plays on, same line", away),
        Row("RFC 8216bis checks failed", "0", told(sorted(set(failed))), theirs["rfc"]),
        Row("cores, passthrough stream: ingest, origin and edge, one viewer", "≤ 0.03", f"{cores:.3f}", theirs["cpu"]),
        Row("cores, the same with Kafka, folds and an idle transcoder", "-", f"{all_cores:.3f}"),
        Row("cores, ladder 480p + 360p + 160p veryfast", "≤ 1.1 × one ffmpeg", encoding, f"{theirs['ffmpeg']} (one ffmpeg)"),
    ]


def markdown(rows: list[Row]) -> str:
    """The table, for README."""
    lines = ["| 720p30, hls.js in Chromium | target | Chronicast | nginx-rtmp |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join((*lines, "", f"Measured by `./chronicast bench video` on {machine()}."))


def write(path: Path, table: str) -> None:
    """Puts the table between a document's marks."""
    text, begin, end = path.read_text(), f"<!-- {MARK} -->", f"<!-- /{MARK} -->"
    head, mark, rest = text.partition(begin)
    if not mark:
        raise SystemExit(f"{path} has no {begin}: put it where the table belongs")
    tail = rest.partition(end)[2] if end in rest else rest
    path.write_text(f"{head}{begin}\n{table}\n{end}{tail}")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="of each latency measurement")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path, help=f"document to put the table into, between its {MARK} marks")
    options = parser.parse_args()
    rows = asyncio.run(measure(options.seconds))
    table = markdown(rows)
    print(json.dumps({"machine": machine(), "rows": [row._asdict() for row in rows]}, indent=1) if options.json else table)
    if options.write:
        write(options.write, table)


if __name__ == "__main__":
    main()
