"""Features of live streams in Redis: batch reads, writes, and memory: `./chronicast bench features`.

A real Redis on loopback that holds 100,000 vectors; one asyncio client reads, as the ranker does. `-- --write` keeps the table in
docs/why/features.md.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
from redis.asyncio import Redis

from schemas.events import StreamFeatures
from sinks.features.store import BATCH, FeatureStore
from sinks.recommend.featured import Featured
from streams.clock import now_us
from tests.bench._machine import machine
from tests.redis_server import redis_server

PAGE = Path(__file__).parents[2] / "docs" / "why" / "features.md"
BEGIN, END = "<!-- bench:features -->\n", "<!-- /bench:features -->\n"
STREAMS, READS = 100_000, 500
LASTS_US = 600_000_000
"""Past a vector's life, so that none is gone before the end."""


class Timed:
    """Repeats something; on a shared machine processor time says more than the clock."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def row(self, name: str, times: int, what: Callable[[], Awaitable[object]]) -> str:
        """A row of the table: percentiles by the clock, the client's in processor time, and Redis' mean; milliseconds."""
        clock, own = [], []
        before = await self._spent()
        for _ in range(times):
            began, used = time.perf_counter(), time.process_time()
            await what()
            clock.append((time.perf_counter() - began) * 1_000)
            own.append((time.process_time() - used) * 1_000)
        redis = (await self._spent() - before) / times * 1_000
        told = " | ".join(" / ".join(f"{value:.1f}" for value in np.percentile(each, (50, 95))) for each in (clock, own))
        return f"| {name} | {told} | {redis:.1f} |"

    async def _spent(self) -> float:
        """Seconds of processor time that Redis has used."""
        used = await self._redis.info("cpu")
        return float(used["used_cpu_user"] + used["used_cpu_sys"])


def vector(channel_id: str, moment: int, rng: Random) -> StreamFeatures:
    """One of a stream of some size."""
    viewers = int(rng.paretovariate(0.9))
    return StreamFeatures(
        channel_id=channel_id,
        window_end=moment,
        viewer_count=viewers,
        viewer_trend=rng.randrange(-viewers, viewers + 1),
        join_count=viewers // 10,
        chat_rate=viewers // 5,
        chatter_count=viewers // 8,
        follow_count=viewers // 100,
        subscription_count=viewers // 500,
        raid_viewers=0,
    )


async def measured(url: str) -> list[str]:
    """The table's lines."""
    rng, store, redis = Random(1), FeatureStore(url), Redis.from_url(url)
    names = [str(number) for number in range(STREAMS)]
    empty = (await redis.info("memory"))["used_memory"]
    moment = now_us() + LASTS_US
    await store.put([vector(name, moment, rng) for name in names])
    used = (await redis.info("memory"))["used_memory"] - empty

    def write() -> Awaitable[None]:
        nonlocal moment
        moment += 1
        return store.put([vector(name, moment, rng) for name in rng.sample(names, BATCH)])

    timed, ranker = Timed(redis), Featured(store)
    lines = [
        "| ms | by the clock, p50 / p95 | processor time of the client, p50 / p95 | of Redis, mean |",
        "|---|---|---|---|",
        await timed.row(f"{BATCH:,} streams read in one batch", READS, lambda: store.get(rng.sample(names, BATCH))),
        await timed.row(f"{BATCH:,} vectors written in one batch", 50, write),
        await timed.row(f"all {STREAMS:,}, as the ranker takes them in every 5 s", 5, lambda: ranker.observed(names, 0)),
        "",
        f"{READS} reads of random streams out of {STREAMS:,}, which take {used / 1e6:.0f} MB of Redis.",
    ]
    await store.close()
    await redis.aclose()
    return lines


def main() -> None:
    with TemporaryDirectory() as folder, redis_server(Path(folder)) as port:
        lines = asyncio.run(measured(f"redis://127.0.0.1:{port}"))
    text = "\n".join([*lines, "", f"Measured by `./chronicast bench features` on {machine()}.", ""])
    print(text)
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(before + BEGIN + text + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
