"""What the origin is asked as a VOD grows popular, behind a real edge: `./chronicast bench vod -- [--viewers 1,99] [--seconds N] [--json]`.

The edge is that of `bench edge`: nginx with the product's configuration, which has nothing of the VOD at first. Each viewer loads the
manifest, the source's and the sound's playlists, and plays in real time as the page does: ten segments ahead at once, then another each
time one has been played. Viewers come within ten seconds; one of five begins at a moment amid it. Of a segment one byte is asked for, which
the edge cuts from the cached whole.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench._machine import machine
from tests.bench.edge import CACHED, FLUSH_S, Client, Edge, edge_of
from tests.glass import publishing
from tests.live import answers
from tests.system import System, running

AHEAD = 10
"""As sinks/page/assets/js/recorded.js."""
COME_S = 10.0
AMID = 5
"""Each so manieth viewer begins at a moment amid it."""
WAIT_S = 60.0


async def recorded(system: System, seconds: float) -> str:
    """The path of a VOD of so many seconds."""
    account = await system.account("popular")
    async with publishing(account.rtmp_url):
        await answers(f"{system.url}/live/popular/source/ts.m3u8", "#EXTINF")
        await asyncio.sleep(seconds)
    deadline = time.monotonic() + WAIT_S
    async with aiohttp.ClientSession(system.url) as client:
        while time.monotonic() < deadline:
            async with client.get("/api/vods?channel=popular") as answer:
                found = (await answer.json())["vods"]
            if found:
                return str(found[0]["playlist"]).rpartition("/")[0]
            await asyncio.sleep(0.5)
    raise TimeoutError("the stream has no VOD: see the library's log")


class Viewer:
    """Plays the source and its sound."""

    def __init__(self, edge: Edge, vod: str, number: int) -> None:
        self._vod = vod
        self._amid = number % AMID == 0
        self._client = Client(edge.port)

    async def play(self) -> None:
        """From its beginning or a moment amid it to its end, in real time."""
        await asyncio.sleep(random.random() * COME_S)
        manifest = (await self._client.get(f"{self._vod}/master.m3u8")).decode()
        video = next(line for line in manifest.splitlines() if line and not line.startswith("#"))
        audio = re.search(r'URI="(audio/[^"]+)"', manifest)
        tracks = [await self._track(path) for path in (video, audio[1] if audio else "") if path]
        lengths, _ = tracks[0]
        first = random.randrange(len(lengths)) if self._amid else 0
        asked = first
        for at in range(first, len(lengths)):
            while asked < min(at + 1 + AHEAD, len(lengths)):
                for _, names in tracks:
                    await self._client.get(names[asked], "Range: bytes=0-0\r\n")
                asked += 1
            await asyncio.sleep(lengths[at])
        self._client.close()

    async def _track(self, path: str) -> tuple[list[float], list[str]]:
        """The lengths and addresses of a rendition's segments, after its initialisation segment."""
        text = (await self._client.get(f"{self._vod}/{path}")).decode()
        folder = f"{self._vod}/{path.rpartition('/')[0]}"
        for name in re.findall(r'#EXT-X-MAP:URI="([^"]+)"', text):
            await self._client.get(f"{folder}/{name}")
        names = [f"{folder}/{line}" for line in text.splitlines() if line and not line.startswith("#")]
        return [float(length) for length in re.findall(r"#EXTINF:([\d.]+)", text)], names


def asked(edge: Edge) -> Counter[tuple[str, bool]]:
    """(path, whether the origin was asked) -> requests."""
    lines = [json.loads(line) for line in edge.log.read_text().splitlines()]
    return Counter((line["path"], line["cache"] not in CACHED) for line in lines if line["path"].startswith("/vod/"))


async def measure(audiences: list[int], seconds: float) -> list[dict[str, Any]]:
    """A line for each audience, each at an edge that has nothing yet."""
    found = []
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        async with running(Path(home, "chronicast")) as system:
            vod = await recorded(system, seconds)
            for viewers in audiences:
                async with edge_of(system, Path(home, f"pop-{viewers}")) as edge:
                    await asyncio.gather(*(Viewer(edge, vod, number).play() for number in range(1, viewers + 1)))
                    await asyncio.sleep(FLUSH_S)
                    found.append(told(viewers, asked(edge)))
                    print(f"{viewers} viewers watched", file=sys.stderr)
    return found


def told(viewers: int, requests: Counter[tuple[str, bool]]) -> dict[str, Any]:
    """One audience's figures."""
    media = Counter({key: count for key, count in requests.items() if key[0].endswith((".m4s", ".mp4"))})
    missed = sum(count for (_, origin), count in media.items() if origin)
    objects = len({path for path, _ in media})
    return {
        "viewers": viewers,
        "requests": requests.total(),
        "media_requests": media.total(),
        "media_objects": objects,
        "origin_media_requests": missed,
        "hit_percent": round(100 * (1 - missed / media.total()), 2),
        "best_percent": round(100 * (1 - objects / media.total()), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", default="1,10,100")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(measure([int(number) for number in options.viewers.split(",")], options.seconds))
    if options.json:
        print(json.dumps({"machine": machine(), "audiences": found}))
        return
    print("| viewers | media requests | objects | asked of the origin | hits | were each asked for once |\n|---|---|---|---|---|---|")
    for line in found:
        print(
            f"| {line['viewers']:,} | {line['media_requests']:,} | {line['media_objects']} | {line['origin_media_requests']} "
            f"| {line['hit_percent']} % | {line['best_percent']} % |"
        )
    print(f"\nMeasured by `./chronicast bench vod` on {machine()}.")


if __name__ == "__main__":
    main()
