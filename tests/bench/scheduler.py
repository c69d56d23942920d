"""A day of 100,000 streams at once through the scheduler and the forecast: `./chronicast bench scheduler [-- --streams N --json]`.

Rows lie in RocksDB as they do live. Workers are there for 85 % of what the peak asks for. A worker's heartbeat comes every ten
minutes: that changes no decision about streams. The first minute, whose streams begin at once, is left out of the times.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from infra.apps.deciding import COLLECT_AFTER
from processors.transcode.cluster import NOTHING, SESSIONS, WORKERS, Amount, amount
from processors.transcode.ladder import Tier, ladder
from processors.transcode.scheduler import SchedulerFold
from schemas.event import Event
from schemas.events import (
    DemandMeasured,
    JobAssigned,
    JobPreempted,
    JobReleased,
    JobUpgraded,
    RegionReported,
    Tick,
    TranscodeCancelled,
    TranscodeRequested,
)
from streams.fold import At
from streams.rows import Batch
from streams.runner import ROWS_BYTES
from streams.store import Progress
from streams.store_rocksdict import RocksStores
from tests.bench._day import BEAT_MINUTES, BEGIN_US, LADDERS, MINUTE_US, REGIONS, SOURCE, T4, Day
from tests.bench._machine import machine
from tests.bench._outlook import Outlook

DOLLARS = 0.526
"""An hour of a g4dn.xlarge, which has one T4, on demand in us-east-1. Own GPUs are counted at the same price."""
BATCH = 200
"""Records folded between two commits."""
LOOK_MINUTES = 60
"""Between two looks at all workers."""
RENDITIONS = {rendition.name: amount((rendition,)) for rendition in ladder("partner", SOURCE)}


class Times(NamedTuple):
    """What a kind of command took, each decision, seconds."""

    wall: list[float]
    cpu: list[float]


class Use:
    """What the workers encode, from the scheduler's events alone."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.preempted: Counter[str] = Counter()
        self.encodes: Counter[Tier] = Counter()
        self.amounts: dict[Tier, Amount] = dict.fromkeys(LADDERS, NOTHING)
        self.rented: Counter[str] = Counter()
        """Sessions by rented worker."""
        self._held: dict[str, tuple[str, tuple[str, ...]]] = {}

    def apply(self, event: Event, tier: Tier) -> None:
        """Counts an event about a job."""
        self.made[type(event).__name__] += 1
        match event:
            case JobPreempted():
                self.preempted[tier] += 1
                self._hold(event.session_id, tier, event.worker_id, event.renditions)
            case JobAssigned() | JobUpgraded():
                self._hold(event.session_id, tier, event.worker_id, event.renditions)
            case JobReleased() if self._held.get(event.session_id, ("",))[0] == event.worker_id:
                self._hold(event.session_id, tier, "", ())

    def _hold(self, session_id: str, tier: Tier, worker_id: str, renditions: tuple[str, ...]) -> None:
        former, held = self._held.pop(session_id, ("", ()))
        if worker_id:
            self._held[session_id] = worker_id, renditions
        self.encodes[tier] += len(renditions) - len(held)
        for name in held:
            self.amounts[tier] = self.amounts[tier].minus(RENDITIONS[name])
        for name in renditions:
            self.amounts[tier] = self.amounts[tier].plus(RENDITIONS[name])
        for each, sign in ((former, -1), (worker_id, 1)):
            if "rented" in each:
                self.rented[each] += sign

    def gpus(self) -> dict[str, float]:
        """How many GPUs' worth each tier takes."""
        return {tier: max(used.pixels / T4.pixels, used.outputs / T4.outputs) for tier, used in self.amounts.items()}


class Replay:
    """The fold over rows in RocksDB, with the time of each decision."""

    def __init__(self, folder: Path, outlook: Outlook) -> None:
        self.fold = SchedulerFold(timeout_us=3 * BEAT_MINUTES * MINUTE_US)
        self.offset = 0
        self.times: dict[str, Times] = defaultdict(lambda: Times([], []))
        self.use = Use()
        self._outlook = outlook
        self._decoders = {table.name: msgspec.msgpack.Decoder(table.row) for table in self.fold.tables}
        self._store = RocksStores(folder).open("scheduler", 0)
        self._batch = Batch(self._store, self._decoders)
        self._digest = 0
        self._tiers: dict[str, Tier] = {}

    def run(self, events: list[Event], now: int) -> None:
        """Folds events; those that a region has for another follow at the end."""
        later: list[Event] = []
        for event in events:
            if isinstance(event, TranscodeRequested):
                self._tiers[event.session_id] = event.tier
            for region in REGIONS if isinstance(event, Tick) else (event.region,):  # type: ignore[attr-defined]
                for made in self._decide(region, event, now):
                    if isinstance(made, TranscodeRequested | TranscodeCancelled | RegionReported):
                        self.use.made[type(made).__name__] += 1
                        later.append(made)
                    elif isinstance(made, DemandMeasured):
                        self._outlook.measured(region, made.began_at, made.load)
                    else:
                        self.use.apply(made, self._tiers[made.session_id])  # type: ignore[attr-defined]
        if later:
            self.run(later, now)

    def sessions(self) -> dict[str, int]:
        """Sessions that the scheduler knows, with the renditions that they lack."""
        rows = [self._batch.rows(region.encode())[SESSIONS] for region in REGIONS]
        return {
            session_id: len(session.ladder) - len(session.renditions)
            for table in rows
            for session_id, session in table.items()
            if not session.peer
        }

    def exceeded(self) -> int:
        """Workers that carry more than they can."""
        tables = [self._batch.rows(region.encode())[WORKERS] for region in REGIONS]
        return sum(not worker.share.used.within(worker.capacity) for workers in tables for worker in workers.values())

    def _decide(self, region: str, event: Event, now: int) -> list[Event]:
        rows, at = self._batch.rows(region.encode()), At("media.capacity.commands.v1", 0, self.offset, now)
        wall, cpu = time.perf_counter(), time.thread_time()
        made = list(self.fold.apply(rows, event, at))
        times = self.times[type(event).__name__]
        times.wall.append(time.perf_counter() - wall)
        times.cpu.append(time.thread_time() - cpu)
        self._batch.keep()
        self.offset += 1
        if self.offset % BATCH == 0:
            changes, self._digest = self._batch.changes(self._digest)
            self._store.commit(changes, Progress(self.offset, self._digest))
            if self._batch.size > ROWS_BYTES:
                self._batch = Batch(self._store, self._decoders)
        return made


def percentile(times: list[float], share: float) -> float:
    """Milliseconds."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1_000


def told_times(times: Times) -> dict[str, float]:
    """Of a kind of command."""
    return {
        "count": len(times.wall),
        "p50_ms": percentile(times.wall, 0.5),
        "p99_ms": percentile(times.wall, 0.99),
        "max_ms": percentile(times.wall, 1),
        "cpu_p99_ms": percentile(times.cpu, 0.99),
    }


class Measurement:
    """The day, and what is counted of it."""

    def __init__(self, folder: Path, streams: int, minutes: int, seed: int) -> None:
        self.minutes = minutes
        self.day = Day(streams, seed)
        self.outlook = Outlook(streams, seed)
        self.replay = Replay(folder, self.outlook)
        self.exceeded = 0
        self.gpu_hours: Counter[str] = Counter()
        self.rented_hours = 0.0
        self.peak: dict[str, Any] = {"streams": 0}
        self.first_s = 0.0

    def run(self) -> float:
        """Replays; seconds without the first minute."""
        gc.set_threshold(COLLECT_AFTER)
        self.replay.run(self.day.begin(), BEGIN_US)
        began = time.monotonic()
        for minute in range(self.minutes):
            now = BEGIN_US + minute * MINUTE_US
            for plan in self.day.schedule(minute, now):
                self.outlook.plan(plan, now)
            for second, events in enumerate(self.day.seconds(minute)):
                self.replay.run(events, now + second * 1_000_000)
            self.outlook.tick(now)
            self._count(minute)
            gc.freeze()  # what the bench keeps of 100,000 streams is not the worker's, whose collections would walk it
            if minute == 0:
                self.first_s, began = time.monotonic() - began, time.monotonic()
                self.replay.times.clear()
            if minute % 10 == 9:
                left = (time.monotonic() - began) / minute * (self.minutes - minute - 1)
                sys.stderr.write(f"\r{minute + 1}/{self.minutes} min, {len(self.day.everyone()):,} live, {left:.0f} s left   ")
        sys.stderr.write("\n")
        return time.monotonic() - began

    def result(self, seconds: float) -> dict[str, Any]:
        """All figures."""
        replay, use = self.replay, self.replay.use
        every = Times([s for each in replay.times.values() for s in each.wall], [s for each in replay.times.values() for s in each.cpu])
        known = replay.sessions()
        hours = {tier: round(count) for tier, count in self.gpu_hours.items()}
        return {
            "machine": machine(),
            "load_after": os.getloadavg()[0],
            "workers": sum(self.day.workers.values()),
            "events": len(every.wall),
            "events_per_s": round(len(every.wall) / seconds),
            "first_minute_s": round(self.first_s, 1),
            "decisions": {kind: told_times(times) for kind, times in replay.times.items()} | {"all": told_times(every)},
            "made": dict(use.made),
            "preempted": {tier: use.preempted[tier] for tier in LADDERS},
            "capacity_exceeded": self.exceeded + replay.exceeded(),
            "streams_ended": len(self.day.everyone().keys() - known.keys()),
            "peak": self.peak,
            "gpu_hours": hours,
            "dollars": {tier: round(count * DOLLARS) for tier, count in self.gpu_hours.items()},
            "rented_gpu_hours": round(self.rented_hours),
            "forecast": self.outlook.figures() if self.minutes > 15 else None,  # from when a quarter is over
        }

    def _count(self, minute: int) -> None:
        use = self.replay.use
        gpus = use.gpus()
        rented = sum(count > 0 for count in use.rented.values())
        for tier, count in gpus.items():
            self.gpu_hours[tier] += count / 60
        self.rented_hours += rented / 60
        if minute % LOOK_MINUTES == LOOK_MINUTES - 1:
            self.exceeded += self.replay.exceeded()
        live = sum(map(len, self.day.live.values()))
        if live > self.peak["streams"]:
            tiers = self.day.tiers()
            self.peak = {
                "streams": live,
                "minute": minute,
                "tiers": dict(tiers),
                "encodes_all_5": 5 * live,
                "encodes_asked": {tier: LADDERS[tier].outputs * count for tier, count in tiers.items()},
                "encodes": dict(use.encodes),
                "gpus": {tier: round(count) for tier, count in gpus.items()},
                "rented": rented,
            }


def told(result: dict[str, Any]) -> str:
    """The result as text."""
    peak, preempted = result["peak"], ", ".join(f"{tier} {count}" for tier, count in result["preempted"].items())
    asked, encodes = sum(peak["encodes_asked"].values()), sum(peak["encodes"].values())
    lines = ["decision               count   p50 ms   p99 ms   max ms   p99 of CPU, ms"]
    for kind, found in result["decisions"].items():
        times = f"{found['p50_ms']:>8.3f} {found['p99_ms']:>8.3f} {found['max_ms']:>8.1f} {found['cpu_p99_ms']:>8.3f}"
        lines.append(f"{kind:<18} {found['count']:>9,} {times}")
    lines += [
        f"{result['events_per_s']:,} commands a second with commits; first minute {result['first_minute_s']} s",
        "made: " + ", ".join(f"{count:,} {kind}" for kind, count in result["made"].items()),
        f"preempted: {preempted}; workers over their capacity {result['capacity_exceeded']}, streams ended {result['streams_ended']}",
        f"peak: {peak['streams']:,} streams on {result['workers']:,} own GPUs, {peak['rented']:,} rented",
        f"encodes there: {encodes:,} of {asked:,} that the tiers may have; {peak['encodes_all_5']:,} if all streams had five",
    ]
    for tier in LADDERS:
        at_peak = f"{peak['tiers'].get(tier, 0):>7,} streams {peak['encodes'].get(tier, 0):>7,} encodes {peak['gpus'][tier]:>6,} GPUs"
        lines.append(f"  {tier:<10} {at_peak}; the day {result['gpu_hours'][tier]:>7,} GPU hours, ${result['dollars'][tier]:,}")
    lines.append(f"  rented: {result['rented_gpu_hours']:,} GPU hours of these")
    return "\n".join([*lines, *told_forecast(result["forecast"]), f"{result['machine']}; load {result['load_after']:.1f}"])


def told_forecast(found: dict[str, Any] | None) -> list[str]:
    """The same of the forecast; nothing of a day that was too short for one."""
    if found is None:
        return []
    others = f"that nothing changes {found['mape_last']:.1%}, that it is as a week before {found['mape_week_before']:.1%}"
    leads = ", ".join(f"{lead:.0f}" for lead in found["lead_minutes"])
    short = f"too small in {found['quarters_short']} quarters, above 80 % in {found['quarters_throttled']}"
    return [
        f"forecast 30 minutes ahead, {found['quarters']} quarters: MAPE {found['mape']:.1%}; {others}",
        f"asked for workers {found['asked']} times; minutes before planned events: {leads}",
        f"a fleet that follows: {found['gpu_hours']:,} GPU hours ({found['gpu_hours_fixed']:,} for the peak all day), {short}",
    ]


def main() -> None:
    """Replays and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=100_000, help="live at the peak")
    parser.add_argument("--minutes", type=int, default=1_440, help="of the day, from 09:00")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measurement = Measurement(Path(folder), asked.streams, asked.minutes, asked.seed)
        result = measurement.result(measurement.run())
    print(json.dumps(result, indent=2) if asked.json else told(result))


if __name__ == "__main__":
    main()
