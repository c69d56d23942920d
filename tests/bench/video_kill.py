"""Whatever carries a live stream is killed in turn while a viewer watches: `./chronicast bench video_kill [-- --rounds N] [--write]`.

The whole system, an encoder that connects again as OBS does, and a viewer who fetches each segment as soon as a playlist has it. What
counts is by how much a segment comes later than it is due. `--write` puts the table into docs/why/video.md.
"""

import argparse
import asyncio
import json
import random
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from infra.settings import CHECKOUT
from tests.bench._budget import budgets
from tests.bench._document import put
from tests.bench._machine import machine
from tests.system import running
from tests.video_faults import AHEAD_S, SERVICES, Run, suffer

DOCUMENT = CHECKOUT / "docs" / "why" / "video.md"
MARK = "bench:video_kill"
AIM = "99.99 %"
"""Of the time, a year (L1)."""


async def measure(plan: list[str], home: Path) -> Run:
    """Kills what the plan says, in a system of its own."""
    async with running(home) as system:
        return await suffer(system, plan)


def summary(run: Run, seed: int) -> dict[str, Any]:
    """What the table tells."""
    late, stalls = defaultdict(list), defaultdict(list)
    for fault in run.faults:
        late[fault.service].append(fault.late_s)
        stalls[fault.service].append(fault.stall_s)
    services = {
        name: {"count": len(late[name]), "late_s": round(max(late[name]), 2), "stall_s": round(max(stalls[name]), 2)}
        for name in SERVICES
        if late[name]
    }
    unserved = [fault.stall_s for fault in run.faults]
    return {
        "machine": machine(),
        "seed": seed,
        "kills": len(run.faults),
        "seconds": round(run.seconds),
        "segments": run.segments,
        "missed": run.missed,
        "backwards": run.backwards,
        "calm_late_s": round(run.calm_late_s, 2),
        "services": services,
        "budget": budgets(unserved, run.seconds)[AIM]._asdict() if any(unserved) else None,
    }


def table(result: dict[str, Any]) -> str:
    """For the document."""
    lines = [f"| killed | times | a segment late by, at most | stall of a player that has {AHEAD_S:.0f} s ahead |", "|---|---|---|---|"]
    for name, found in result["services"].items():
        lines.append(f"| {name} | {found['count']} | {found['late_s']:.2f} s | {found['stall_s']:.2f} s |")
    budget = result["budget"]
    spent = (
        f"{AIM} a year, 52.6 minutes, pays for {budget['such_faults_a_year']:,} such kills (here, with one each "
        f"{result['seconds'] / result['kills']:.0f} s, the budget burnt {budget['burn_rate']:,} times too fast)."
        if budget
        else f"No player stalled: {AIM} a year pays for any number of such kills."
    )
    text = (
        f"{result['kills']} SIGKILLs in {result['seconds']} s, {result['segments']} segments: {result['missed']} that could never be had, "
        f"{result['backwards']} playlists that went back. Before the first kill one is late by {result['calm_late_s']:.2f} s at most. "
        f"{spent}"
    )
    where = f"Measured by `./chronicast bench video_kill`, seed {result['seed']}, on {result['machine']}."
    return "\n".join((*lines, "", text, where))


def main() -> None:
    """Measures and prints; exits 1 where a playlist went back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="kills of each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT.name}")
    asked = parser.parse_args()
    plan = [name for name in SERVICES for _ in range(asked.rounds)]
    random.Random(asked.seed).shuffle(plan)
    home = Path(tempfile.mkdtemp(prefix="chronicast-video-kill-")) / "home"  # stays where the run fails, with the logs
    result = summary(asyncio.run(measure(plan, home)), asked.seed)
    home.parent.rmdir()
    print(json.dumps(result, indent=2) if asked.json else table(result))
    if asked.write:
        put(DOCUMENT, MARK, table(result))
    raise SystemExit(bool(result["backwards"]))


if __name__ == "__main__":
    main()
