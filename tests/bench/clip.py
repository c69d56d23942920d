"""Clips on a whole system with one live channel: how soon the id is there, and how soon the clip.

`python -m tests.bench.clip [--clips 20] [--json]`

Each clip is asked for over HTTP at the edge, up to the picture of two seconds ago, with lengths from 5 to 30 s, one after the other.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench._machine import machine
from tests.glass import publishing
from tests.live import answers
from tests.system import System, running

LENGTHS = (5, 10, 20, 30)
WARM_S = 34.0
"""The stream is as long as the longest clip before the first is asked for."""
LOOK_S = 0.05


async def measured(system: System, clips: int) -> dict[str, Any]:
    """Milliseconds until ids, and seconds until clips."""
    account = await system.account("clipped", "partner")
    ids, ready, failed = list[float](), list[float](), 0
    async with publishing(account.rtmp_url), aiohttp.ClientSession(system.url) as client:
        await answers(f"{system.url}/live/{account.login}/master.m3u8", "#EXT-X-STREAM-INF")
        async with client.get("/oauth2/validate", headers={"Authorization": f"OAuth {account.access_token}"}) as answer:
            headers = {"Authorization": f"Bearer {account.access_token}", "Client-Id": (await answer.json())["client_id"]}
        await asyncio.sleep(WARM_S)
        for number in range(clips):
            began = time.perf_counter()
            asked = {"broadcaster_id": account.id, "duration": str(LENGTHS[number % len(LENGTHS)])}
            async with client.post("/helix/clips", params=asked, headers=headers) as answer:
                clip_id = (await answer.json())["data"][0]["id"]
            ids.append((time.perf_counter() - began) * 1_000)
            status = "processing"
            while status == "processing":
                await asyncio.sleep(LOOK_S)
                async with client.get(f"/api/clips/{clip_id}") as answer:
                    status = (await answer.json()).get("status", "processing")
            ready.append(time.perf_counter() - began)
            failed += status != "ready"
    return {
        "clips": clips,
        "failed": failed,
        "id_ms": {"p50": round(statistics.median(ids), 1), "p95": round(_p95(ids), 1), "max": round(max(ids), 1)},
        "ready_s": {"p50": round(statistics.median(ready), 2), "p95": round(_p95(ready), 2), "max": round(max(ready), 2)},
        "machine": machine(),
    }


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, round(len(values) * 0.95))]


async def _run(clips: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder) / "home") as system:
            return await measured(system, clips)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    found = asyncio.run(_run(given.clips))
    if given.as_json:
        json.dump(found, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    sys.stdout.write(f"{found['clips']} clips, {found['failed']} failed\n")
    for name, unit, target in (("id_ms", "ms", "200 ms"), ("ready_s", "s", "10 s (p95)")):
        row = found[name]
        sys.stdout.write(
            f"{name.partition('_')[0]:6} p50 {row['p50']} {unit}, p95 {row['p95']} {unit}, max {row['max']} {unit}; target {target}\n"
        )
    sys.stdout.write(f"{found['machine']}\n")


if __name__ == "__main__":
    main()
