"""The three phases' loads of chat on the running system: `./chronicast bench chat_phases [--share 0.25] [--seconds 15]`.

Sends and deliveries are stated apart: a message that one person sends is delivered to each viewer. A delay that grows from one time to
the next is a lag that grows. The third phase is a fleet's: one machine takes a share of it.
"""

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench._machine import machine
from tests.bench.chat_fleet import LOGIN, carried, known
from tests.chat_system import chatting, make


class Phase(NamedTuple):
    """A load."""

    name: str
    viewers: int
    rate: float
    """Messages a second."""
    deliveries: int
    """A minute: what the phase asks for."""


PHASES = (
    Phase("1", 100, 17, 100_000),
    Phase("2", 1_000, 168, 10_000_000),
    Phase("3", 1_000, 1_672, 100_000_000),
)
TIMES = 4
"""In each of which the delay is told."""


async def measured(share: float, seconds: float, wanted: list[str], home: Path) -> dict[str, Any]:
    """Each phase, one after another on one system."""
    async with chatting(home) as chat:
        [ana] = await asyncio.to_thread(make, chat.parts, LOGIN)
        await known(chat)
        rows = []
        for phase in (phase for phase in PHASES if phase.name in wanted):
            part = share if phase is PHASES[-1] else 1.0
            found = await carried(chat, ana.access_token, phase.viewers, phase.rate * part, seconds, TIMES)
            rows.append({"phase": phase.name, "asked_a_minute": phase.deliveries, "share": part, **found, **told(found, seconds * TIMES)})
        return {"phases": rows, "machine": machine()}


def told(found: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Rates, and how the delay went."""
    return {
        "sends_a_minute": round(found["sent"] / seconds * 60),
        "deliveries_a_minute": round(found["deliveries"] / seconds * 60),
        "p50_ms": [row["p50_ms"] for row in found["times"]],
        "p99_ms": [row["p99_ms"] for row in found["times"]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=0.25, help="of the third phase's load")
    parser.add_argument("--phases", nargs="+", default=["1", "2", "3"])
    parser.add_argument("--seconds", type=float, default=5, help="each of four times")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    os.environ["CHRONICAST_CHAT_ADDRESS_RATE"] = "10000"  # all of it comes from one address
    home = Path(tempfile.mkdtemp(prefix="chronicast-chat-phases-")) / "home"  # stays where the run fails, with the logs
    result = asyncio.run(measured(asked.share, asked.seconds, asked.phases, home))
    home.parent.rmdir()
    if asked.json:
        print(json.dumps(result, indent=2))
        return
    print(
        "| phase | share | sends a minute | deliveries a minute | refused | missing | p50 of each quarter, ms | p99, ms |\n"
        + "|---" * 8
        + "|"
    )
    for row in result["phases"]:
        delays = " | ".join(", ".join(str(round(value)) for value in row[name]) for name in ("p50_ms", "p99_ms"))
        rates = f"{row['sends_a_minute']:,} | {row['deliveries_a_minute']:,}"
        print(f"| {row['phase']} | {row['share']:g} | {rates} | {row['refused']} | {row['missing']} | {delays} |")
    print(f"\n{result['machine']}")


if __name__ == "__main__":
    main()
