"""Moderation worker, chat gateway and broker are killed in turn under load: `python -m tests.bench.chat_kill`.

Accounts write in three channels without pause and viewers watch them; all come back by themselves. A verifier that shares no code with
what is killed recomputes from the log what each of them should have been told and shown.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from tests.bench._budget import budgets
from tests.bench._machine import machine
from tests.broker.chat_faults import SERVICES, Run, suffer
from tests.chat_system import chatting

CHAOS_S = 600
"""The requirement kills one of them each ten minutes; here they die far more often, and what a kill costs is set against so long."""


async def measure(gateways: int, rounds: int, senders: int, watchers: int, calm_s: float, seed: int, home: Path) -> Run:
    os.environ["CHRONICAST_CHAT_GATEWAYS"] = str(gateways)
    plan = [name for name in SERVICES for _ in range(rounds)]
    random.Random(seed).shuffle(plan)
    async with chatting(home) as chat:
        return await suffer(chat, senders, watchers, plan, calm_s)


def summary(run: Run, seed: int) -> dict[str, object]:
    times = defaultdict(list)
    for fault in run.faults:
        times[fault.name].append(fault.recovery_s)
    per_fault = len(run.failed) / len(run.faults)
    rate = len(run.attempts) / run.seconds
    slowest = max(attempt.answered - attempt.sent for attempt in run.attempts if attempt.outcome == "accepted")
    return {
        "machine": machine(),
        "seed": seed,
        "seconds": round(run.seconds),
        "seconds_a_kill": round(run.seconds / len(run.faults)),
        "messages": len(run.attempts),
        "messages_a_second": round(rate, 1),
        "outcomes": dict(Counter(attempt.outcome for attempt in run.attempts)),
        "verdict": run.verdict._asdict(),
        "resumed": run.resumed,
        "not_resumed": run.not_resumed,
        "faults": {
            name: {"count": len(found), "recovery_s": {"p50": round(statistics.median(found), 2), "max": round(max(found), 2)}}
            for name, found in sorted(times.items())
        },
        "budget": {aim: found._asdict() for aim, found in budgets([fault.recovery_s for fault in run.faults], run.seconds).items()},
        "longest_answer_s": round(slowest, 2),
        "success_here": round(1 - len(run.failed) / len(run.attempts), 5),
        "success_at_a_kill_each_ten_minutes": round(1 - per_fault / (rate * CHAOS_S), 6),
    }


def table(result: dict) -> str:
    verdict = result["verdict"]
    lines = ["| killed | times | accepted again after, p50 | at most |", "|---|---|---|---|"]
    for name, found in result["faults"].items():
        lines.append(f"| {name} | {found['count']} | {found['recovery_s']['p50']} s | {found['recovery_s']['max']} s |")
    return "\n".join(
        (
            *lines,
            "",
            (
                f"{result['messages']:,} messages in {result['seconds']} s ({result['messages_a_second']}/s): {verdict['lost']} lost after "
                f"they were acknowledged, {verdict['duplicates_seen']} seen twice, {verdict['out_of_order']} channels out of order, "
                f"{verdict['watchers_wrong']} viewers who did not see exactly their channel; {result['resumed']} resumes, "
                f"{result['not_resumed']} refused; {verdict['repeats']} repeats on the log, dropped by readers."
            ),
            (
                f"Outcomes {result['outcomes']}, {verdict['unknown_posted']} of the unknown were posted; the longest answer took "
                f"{result['longest_answer_s']} s. Success {result['success_here']:.3%} at a kill each {result['seconds_a_kill']} s, "
                f"{result['success_at_a_kill_each_ten_minutes']:.3%} at one each ten minutes."
            ),
            (
                f"Until a message was accepted again nothing counts as served: 99.9 % a year allows "
                f"{result['budget']['99.9 %']['such_faults_a_year']:,} such kills (here the budget burnt "
                f"{result['budget']['99.9 %']['burn_rate']:,} times too fast)."
            ),
            f"{result['gateways']} gateways, seed {result['seed']}, on {result['machine']}.",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateways", type=int, default=2, help="of which one is killed: a fleet has no fewer")
    parser.add_argument("--rounds", type=int, default=10, help="kills of each")
    parser.add_argument("--senders", type=int, default=60)
    parser.add_argument("--watchers", type=int, default=5, help="of each channel")
    parser.add_argument("--calm", type=float, default=5.0, help="seconds between a recovery and the next kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="chronicast-chat-kill-")) / "home"  # stays where the run fails, with the logs
    run = asyncio.run(measure(asked.gateways, asked.rounds, asked.senders, asked.watchers, asked.calm, asked.seed, home))
    home.parent.rmdir()
    result = {"gateways": asked.gateways, **summary(run, asked.seed)}
    print(json.dumps(result, indent=2) if asked.json else table(result))
    if not run.verdict.exact or run.not_resumed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
