"""A media worker is killed again and again while a stream by ffmpeg is live: `./chronicast bench transcode_kill -- [--kills N] [--write]`.

Two workers, the real log, ingest and folds; each kill is a SIGKILL at a random moment of a segment, and comes once the worker that took
over has made whole segments of every rendition and the killed one is back. `--write` puts the table into docs/reference/transcoding.md.
"""

import argparse
import asyncio
import json
import logging
import math
import random
import tempfile
from collections import Counter

from infra.settings import CHECKOUT, Settings
from tests.bench._document import put
from tests.bench._machine import machine
from tests.lost_workers import SEGMENT_S, Recovery, live
from tests.system import free_offset

DOCUMENT = CHECKOUT / "docs" / "reference" / "transcoding.md"
MARK = "bench:transcode_kill"
MOST_LOST = 2
"""Segments that a rendition may lack (T19)."""


async def run(kills: int, seed: int) -> list[Recovery]:
    """Kills so many workers."""
    dice = random.Random(seed)
    found = []
    with tempfile.TemporaryDirectory(prefix="chronicast-transcode-kill-") as home:
        settings = Settings(home=f"{home}/left", port_offset=free_offset(), listen="127.0.0.1", features=False)
        async with live(settings) as workers:
            for number in range(kills):
                await workers.settled()
                await asyncio.sleep(dice.uniform(0, SEGMENT_S))
                found.append(await workers.lose(await workers.settled()))
                print(f"{number + 1} of {kills}: {found[-1]}", flush=True)
    return found


def quantiles(values: list[float]) -> dict[str, float]:
    """Median and 99th percentile, by nearest rank: of fewer than a hundred the latter is the worst."""
    ordered = sorted(values)
    return {name: round(ordered[math.ceil(len(ordered) * share) - 1], 2) for name, share in (("p50", 0.5), ("p99", 0.99))}


def summary(found: list[Recovery], seed: int) -> dict[str, object]:
    """What the table tells."""
    return {
        "machine": machine(),
        "seed": seed,
        "kills": len(found),
        "moved_s": quantiles([one.moved_s for one in found]),
        "back_s": quantiles([one.back_s for one in found]),
        "lost": dict(sorted(Counter(one.lost for one in found).items())),
        "reasons": dict(Counter(one.reason for one in found)),
    }


def table(result: dict) -> str:
    """For the document."""
    rows = (("the job is another worker's (`JobAssigned`)", "moved_s"), ("all renditions have a new part", "back_s"))
    lines = [f"| {result['kills']} workers killed by SIGKILL | p50 | p99 (of fewer than 100: the worst) |", "|---|---|---|"]
    for what, name in rows:
        lines.append("| " + " | ".join((what, *(f"{result[name][each]:.2f} s" for each in ("p50", "p99")))) + " |")
    lost = "; ".join(f"{count} times {number}" for number, count in result["lost"].items())
    reasons = ", ".join(f"`{reason}` {count} times" for reason, count in result["reasons"].items())
    text = f"Whole segments that a rendition lacked: {lost} (at most {MOST_LOST} are allowed). Reason of the assignment: {reasons}."
    measured = "Measured by `./chronicast bench transcode_kill`, 720p30 by ffmpeg with three renditions"
    where = f"{measured}, seed {result['seed']}, on {result['machine']}."
    return "\n".join((*lines, "", text, where))


def main() -> None:
    """Measures and prints; exits 1 where more is lost than allowed, or an assignment does not say why."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT.name}")
    asked = parser.parse_args()
    logging.getLogger("librdkafka").setLevel(logging.CRITICAL)  # that a broker is gone at the end is no news
    result = summary(asyncio.run(run(asked.kills, asked.seed)), asked.seed)
    print(json.dumps(result, indent=1) if asked.json else table(result))
    if asked.write:
        put(DOCUMENT, MARK, table(result))
    raise SystemExit(max(result["lost"]) > MOST_LOST or set(result["reasons"]) != {"worker_lost"})


if __name__ == "__main__":
    main()
