"""Workers and the broker are killed, paused, sent away and starved of disk under load: `python -m tests.bench.kill`.

Two workers fold the counting fold, each with a disk of its own, while events are published without pause. A verifier that shares no
code with them recomputes every output from the input. `--write` puts the table into docs/why/effectively-once.md.
"""

import argparse
import asyncio
import json
import logging
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from subprocess import CalledProcessError
from threading import Event, Thread

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.settings import CHECKOUT
from tests.bench._budget import budgets
from tests.bench._document import put
from tests.bench._machine import machine
from tests.broker.kill_stage import SESSION_OVER_S, System, Worker
from tests.broker.verifying import verify_outputs, verify_stores
from tests.conftest import Broker
from tests.simulation.counting import INPUT, OUTPUT
from tests.small_disk import SmallDisk, small_disk

DOCUMENT = CHECKOUT / "docs" / "why" / "effectively-once.md"
MARK = "bench:kill"
CALM_S = (0.2, 1.5)
"""Between recovery from a fault and the next one."""
RECOVERY_S = 90
"""More is no recovery: the run fails."""
DISK = "48m"
"""Of the worker whose disk fills: room for its rows and RocksDB's write-ahead logs."""
WEIGHTS = {"worker killed": 32, "worker paused": 8, "worker leaves": 8, "broker killed": 8, "broker restarted": 2, "disk full": 2}
"""Shares of the faults: by far the most are what a machine that dies looks like."""


Fault = tuple[float, Callable[[], object]]
"""What was broken is mended after so many seconds, by this."""


class Silence:
    """How long partitions gave nothing, since a fault."""

    def __init__(self, began: float) -> None:
        self.longest = 0.0
        self._began = began
        self._seen: dict[int, tuple[int, float]] = {}
        """Each partition's end, and when it last moved."""

    def see(self, ends: Mapping[int, int], now: float) -> None:
        """Takes the ends at a moment. The first are what there was at the fault."""
        for partition, end in ends.items():
            before, moved = self._seen.setdefault(partition, (end, self._began))
            if end > before:
                self.longest = max(self.longest, now - moved)
                self._seen[partition] = end, now

    def over(self, since: float) -> bool:
        """Whether every partition has moved since a moment."""
        return bool(self._seen) and all(moved > since for _, moved in self._seen.values())


class Bench:
    """What is broken, and how it is seen to have come back."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.dice = folder, random.Random(seed)
        self.broker = Broker(folder / "kafka")
        self.broker.start()
        self.system = System(self.broker.bootstrap)
        self._mounts = ExitStack()
        self._disk: SmallDisk | None = None
        with suppress(CalledProcessError, FileNotFoundError):  # where that is allowed
            self._disk = self._mounts.enter_context(small_disk(folder / "b" / "stores", DISK))
        self.workers = [Worker(self.broker.bootstrap, folder / name) for name in "ab"]
        self.recovery: dict[str, list[float]] = defaultdict(list)
        self.away: Worker | None = None
        self.faults: dict[str, Callable[[], Fault]] = {
            "worker killed": self.kill_worker,
            "worker paused": self.pause_worker,
            "worker leaves": self.send_away,
            "broker killed": self.kill_broker,
            "broker restarted": self.restart_broker,
            "disk full": self.fill_disk,
        }

    def plan(self, count: int) -> list[str]:
        """The faults of a run, in their order."""
        names = [name for name in WEIGHTS if name != "disk full" or self._disk]
        plan = [name for name in names for _ in range(max(1, round(WEIGHTS[name] * count / sum(WEIGHTS.values()))))]
        self.dice.shuffle(plan)
        return plan

    def suffer(self, name: str) -> None:
        """One fault, until it is mended and every partition gives outputs again: the longest time for which one of them was silent."""
        began = time.monotonic()
        mended, mend = self.faults[name]()
        silence, mended_at = Silence(began), None
        while mended_at is None or not silence.over(mended_at):
            if mended_at is None and time.monotonic() > began + mended:
                mend()
                mended_at = time.monotonic()
            self.keep_alive()
            if mended_at is not None or "broker" not in name:
                silence.see(self.system.log.ends(OUTPUT), time.monotonic())
            if time.monotonic() > began + RECOVERY_S:
                raise SystemExit(f"no recovery from {name!r} within {RECOVERY_S} s; the workers' logs are in {self.folder}")
            time.sleep(0.02)
        self.recovery[name].append(silence.longest)

    def keep_alive(self) -> None:
        """What the supervisor does: a worker that ended by itself is started again."""
        for worker in self.workers:
            if worker is not self.away:
                worker.start_again()

    def kill_worker(self) -> Fault:
        """It is back before or after its partitions have moved."""
        return self._gone(signal.SIGKILL, self.dice.choice((0, 0, SESSION_OVER_S)))

    def send_away(self) -> Fault:
        return self._gone(signal.SIGTERM, self.dice.uniform(0, 2))

    def _gone(self, sign: signal.Signals, seconds: float) -> Fault:
        self.away = victim = self.dice.choice(self.workers)
        victim.end(sign)

        def back() -> None:
            self.away = None
            victim.start()

        return seconds, back

    def pause_worker(self) -> Fault:
        """It wakes up after its partitions have moved, and does not know."""
        victim = self.dice.choice(self.workers)
        victim.send(signal.SIGSTOP)
        return SESSION_OVER_S + 2, lambda: victim.send(signal.SIGCONT)

    def kill_broker(self) -> Fault:
        self.broker.kill()
        return 0, self.broker.start

    def restart_broker(self) -> Fault:
        self.broker.stop()
        return 0, self.broker.start

    def fill_disk(self) -> Fault:
        """For three seconds there is no byte left where the second worker keeps its rows."""
        assert self._disk is not None
        self._disk.fill()
        return 3, self._disk.empty

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        self.system.log.close()
        self.broker.kill()
        self._mounts.close()


def publish(system: System, least: int, rate: float, over: Event) -> None:
    """Publishes without pause at a steady rate, until the faults are over and there were enough events."""
    began, start = time.monotonic(), system.published
    while not over.is_set() or system.published < least:
        system.publish_some(max(0, int((time.monotonic() - began) * rate) + start - system.published))
        time.sleep(0.05)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def run(events: int, faults: int, rate: float, seed: int, folder: Path) -> dict[str, object]:
    bench = Bench(folder, seed)
    over = Event()
    publisher = Thread(target=publish, args=(bench.system, events, rate, over), daemon=True)
    try:
        publisher.start()
        bench.system.wait_for_outputs(1, bench.workers)
        began = time.monotonic()
        plan = bench.plan(faults)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, disable=not sys.stderr.isatty()) as progress:
            for name in progress.track(plan, description="faults"):
                bench.suffer(name)
                time.sleep(bench.dice.uniform(*CALM_S))
        took = time.monotonic() - began
        over.set()
        publisher.join()
        quiesce(bench)
        for worker in bench.workers:
            worker.end(signal.SIGTERM)
        verdict = verify_outputs(bench.system.log)
        found = [asyncio.run(verify_stores(bench.system.log, bench.system.codec, folder / name)) for name in "ab"]
        ends = bench.system.log.ends(INPUT)
        newest = {partition: max(marks.get(partition, -1) for marks in found) for partition in ends}
        all_times = [seconds for times in bench.recovery.values() for seconds in times]
        return {
            "machine": machine(),
            "seed": seed,
            **verdict._asdict(),
            "stores_equal_a_fresh_fold": newest == {partition: end - 1 for partition, end in ends.items()},
            "faults": {
                name: {"count": len(times), "recovery_s": {"p50": round(statistics.median(times), 2), "max": round(max(times), 2)}}
                for name, times in sorted(bench.recovery.items())
            },
            "kills": sum(len(bench.recovery[name]) for name in ("worker killed", "broker killed", "worker paused")),
            "recovery_s": {"p50": round(statistics.median(all_times), 2), "p99": round(quantile(all_times, 0.99), 2)},
            "budget": {aim: found._asdict() for aim, found in budgets(all_times, took).items()},
        }
    finally:
        bench.close()


def quiesce(bench: Bench) -> None:
    """Waits until all is folded and nothing more comes."""
    events = bench.system.published
    before, since = -1, time.monotonic()
    while time.monotonic() - since < 3 or before < events:
        bench.keep_alive()
        now = bench.system.outputs()
        if now != before:
            before, since = now, time.monotonic()
        if time.monotonic() - since > RECOVERY_S:
            raise SystemExit(f"{before} outputs of {events} events, and no more come; the workers' logs are in {bench.folder}")
        time.sleep(0.1)


def table(result: dict) -> str:
    """For the document."""
    lines = ["| fault | times | back after, p50 | at most |", "|---|---|---|---|"]
    for name, found in result["faults"].items():
        lines.append(f"| {name} | {found['count']} | {found['recovery_s']['p50']} s | {found['recovery_s']['max']} s |")
    exact = "equal, byte for byte" if result["stores_equal_a_fresh_fold"] else "DIFFERENT"
    text = (
        f"{result['events']:,} events, {result['kills']} kills and pauses: {result['lost']} lost, "
        f"{result['conflicting']} ids with two contents, {result['strange']} outputs that should not be, "
        f"{result['visible'] - result['events']} visible duplicates ({result['repeats']:,} repeats on the log, dropped by watermark); "
        f"rows against a fresh fold: {exact}. Recovery p50 {result['recovery_s']['p50']} s, p99 {result['recovery_s']['p99']} s."
    )
    budgets = "; ".join(
        f"{aim} a year allows {found['such_faults_a_year']:,} such faults (here the budget burnt {found['burn_rate']:,} times too fast)"
        for aim, found in result["budget"].items()
    )
    where = f"Seed {result['seed']}, on {result['machine']}."
    return "\n".join((*lines, "", text, f"A recovery is the time for which some partition was silent: {budgets}.", where))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="at least; publishing goes on until the last fault")
    parser.add_argument("--faults", type=int, default=78, help="half a hundred of them SIGKILLs and more")
    parser.add_argument("--rate", type=float, default=4_000, help="events published a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT.name}")
    asked = parser.parse_args()
    logging.getLogger("librdkafka").setLevel(logging.CRITICAL)  # that a killed broker does not answer is no news
    folder = Path(tempfile.mkdtemp(prefix="chronicast-kill-"))
    result = run(asked.events, asked.faults, asked.rate, asked.seed, folder)
    print(json.dumps(result, indent=2) if asked.json else table(result))
    if asked.write:
        put(DOCUMENT, MARK, table(result))
    exact = result["stores_equal_a_fresh_fold"] and (result["lost"], result["strange"], result["conflicting"]) == (0, 0, 0)
    if not exact or result["visible"] != result["events"]:
        raise SystemExit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
