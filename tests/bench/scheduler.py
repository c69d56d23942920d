"""A day of 100,000 streams at once through the scheduler: `python -m tests.bench.scheduler [--streams N] [--minutes N] [--json]`.

Rows lie in RocksDB as they do live. Workers say once a minute that they live, not once a second, and the scheduler is as much more patient:
that changes no decision about streams. Sessions last three hours on average; how many are live follows the hour, with its peak at 21:00.
Regions share the streams unevenly, and together have workers for 85 % of the peak, so that the tiers' rules are at work.
"""

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec

from processors.transcode.cluster import SESSIONS, WORKERS, Amount
from processors.transcode.scheduler import SchedulerFold
from schemas.event import Event
from schemas.events import (
    JobPreempted,
    RegionConfigured,
    RegionReported,
    Tick,
    TranscodeCancelled,
    TranscodeRequested,
    WorkerHeartbeat,
)
from streams.fold import At
from streams.rows import Batch
from streams.store import Progress
from streams.store_rocksdict import RocksStores
from tests.bench._machine import machine

MINUTE_US = 60_000_000
SHARES = {"partner": 0.02, "affiliate": 0.20, "regular": 0.78}
"""Requirements, section 4: assumed."""
REGIONS = {"iad": 0.4, "fra": 0.3, "sin": 0.2, "gru": 0.1}
MEAN_MINUTES = 180
T4 = Amount(360_000, 12)
"""An NVIDIA T4: 8 to 12 encodes at once (T8), here 12 of which each may be a mean output of 30 megapixels a second."""
PRICE = {"own": 0.0, "overflow": 0.526}
"""Dollars an hour: g4dn.xlarge on demand (one T4)."""
BATCH = 200
"""Records folded between two commits."""
LADDER = {"partner": 4, "affiliate": 2, "regular": 0}
LOAD = {"partner": 75.9, "affiliate": 67.6}
"""Megapixels a second of a 1080p60 source's ladder."""


class Day:
    """The events of a day, minute by minute."""

    def __init__(self, streams: int, seed: int) -> None:
        self._rng = random.Random(seed)
        self._streams = streams
        self._live: dict[str, list[tuple[str, str]]] = {region: [] for region in REGIONS}
        self._number = 0
        coding = sum(LOAD.get(tier, 0.0) * share for tier, share in SHARES.items()) * streams * 0.85
        self.workers = {region: math.ceil(coding * share * 1_000 / T4.pixels) for region, share in REGIONS.items()}

    def begin(self) -> list[Event]:
        """What is there before the first minute."""
        return [RegionConfigured(region=region, peers=tuple(each for each in REGIONS if each != region)) for region in REGIONS]

    def minute(self, minute: int) -> list[Event]:
        """The events of a minute, by time."""
        wave = 0.6 + 0.4 * math.cos((minute / 60 - 21) / 24 * 2 * math.pi)
        events: list[Event] = []
        for region, share in REGIONS.items():
            events += [self._beat(region, n) for n in range(self.workers[region])]
            events += [self._beat(region, n, overflow=True) for n in range(max(1, self.workers[region] // 20))]
            live = self._live[region]
            target = round(self._streams * share * wave)
            for _ in range(sum(self._rng.random() < 1 / MEAN_MINUTES for _ in live)):
                events.append(self._end(region, live.pop(self._rng.randrange(len(live)))))
            while len(live) > target:
                events.append(self._end(region, live.pop(self._rng.randrange(len(live)))))
            while len(live) < target:
                events.append(self._start(region))
        self._rng.shuffle(events)
        return [*events, Tick()]

    @property
    def live(self) -> int:
        """Streams that are live now."""
        return sum(map(len, self._live.values()))

    def tiers(self) -> Counter[str]:
        """How many of each tier are live."""
        return Counter(tier for live in self._live.values() for _, tier in live)

    def _beat(self, region: str, n: int, *, overflow: bool = False) -> Event:
        name = f"{region}-{'rented' if overflow else 'own'}-{n:05d}"
        return WorkerHeartbeat(
            region=region, worker_id=name, capacity=T4.pixels / 1_000, sessions=(), outputs=T4.outputs, overflow=overflow
        )

    def _start(self, region: str) -> Event:
        self._number += 1
        tier = self._rng.choices(list(SHARES), list(SHARES.values()))[0]
        session_id = f"s{self._number}"
        self._live[region].append((session_id, tier))
        return TranscodeRequested(
            region=region,
            channel_id=str(self._number),
            session_id=session_id,
            tier=tier,
            width=1920,
            height=1080,
            frame_rate=60.0,  # type: ignore[arg-type]
        )

    def _end(self, region: str, session: tuple[str, str]) -> Event:
        return TranscodeCancelled(region=region, channel_id="0", session_id=session[0], reason="unpublished")


class Replay:
    """The fold over rows in RocksDB, with the time of each decision."""

    def __init__(self, folder: Path) -> None:
        self.fold = SchedulerFold(timeout_us=3 * MINUTE_US)
        self._decoders = {table.name: msgspec.msgpack.Decoder(table.row) for table in self.fold.tables}
        self._store = RocksStores(folder).open("scheduler", 0)
        self._batch = Batch(self._store, self._decoders)
        self.offset = 0
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.made: Counter[str] = Counter()
        self.partners_preempted = 0
        self._tiers: dict[str, str] = {}

    def run(self, events: list[Event], now: int) -> None:
        """Folds events; those that a region has for another follow at the end."""
        later: list[Event] = []
        for event in events:
            if isinstance(event, TranscodeRequested):
                self._tiers[event.session_id] = event.tier
            for region in REGIONS if isinstance(event, Tick) else (event.region,):  # type: ignore[attr-defined]
                began = time.perf_counter()
                made = list(
                    self.fold.apply(self._batch.rows(region.encode()), event, At("media.capacity.commands.v1", 0, self.offset, now))
                )
                self.seconds[type(event).__name__].append(time.perf_counter() - began)
                self.offset += 1
                for each in made:
                    self.made[type(each).__name__] += 1
                    if isinstance(each, JobPreempted):
                        self.partners_preempted += self._tiers[each.session_id] == "partner"
                    elif isinstance(each, TranscodeRequested | TranscodeCancelled | RegionReported):
                        later.append(each)
            self._batch.keep()
            if self.offset % BATCH == 0:
                self._commit()
        if later:
            self.run(later, now)

    def loads(self) -> dict[str, Any]:
        """What the regions carry now."""
        encodes: Counter[str] = Counter()
        lacking = own = rented = 0
        over = False
        for region in REGIONS:
            rows = self._batch.rows(region.encode())
            for session in rows[SESSIONS].values():
                encodes[session.tier] += len(session.renditions)
                lacking += session.tier == "partner" and not session.peer and len(session.renditions) < len(session.ladder)
            for worker in rows[WORKERS].values():
                busy = bool(worker.share.used.outputs)
                own, rented = own + (busy and not worker.overflow), rented + (busy and worker.overflow)
                over = over or not worker.share.used.within(worker.capacity)
        return {"encodes": dict(encodes), "partners_waiting": lacking, "gpus": own, "rented": rented, "over": over}

    def _commit(self) -> None:
        changes, _ = self._batch.changes(0)
        self._store.commit(changes, Progress(self.offset, 0))
        self._batch = Batch(self._store, self._decoders)


def percentile(times: list[float], share: float) -> float:
    """Milliseconds."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1_000


def main() -> None:
    """Replays and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=100_000)
    parser.add_argument("--minutes", type=int, default=1_440)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    day, peak, rented_hours, over = Day(asked.streams, asked.seed), {}, 0.0, False
    most = 0
    with tempfile.TemporaryDirectory() as folder:
        replay = Replay(Path(folder))
        replay.run(day.begin(), 1)
        began = time.monotonic()
        for minute in range(asked.minutes):
            replay.run(day.minute(minute), (minute + 1) * MINUTE_US)
            if minute % 10 == 9 or minute == asked.minutes - 1:
                found = replay.loads()
                over = over or found["over"]
                rented_hours += found["rented"] / 6
                if day.live > most:
                    most = day.live
                    tiers = day.tiers()
                    peak = {
                        **found,
                        "streams": day.live,
                        "encodes_all_5": 5 * day.live,
                        "asked": sum(LADDER[t] * n for t, n in tiers.items()),
                    }
                left = (time.monotonic() - began) / (minute + 1) * (asked.minutes - minute - 1)
                sys.stderr.write(f"\r{minute + 1}/{asked.minutes} min, {day.live:,} live, {left:.0f} s left   ")
    seconds = time.monotonic() - began
    times = {
        kind: {"count": len(all_of), "p50_ms": percentile(all_of, 0.5), "p99_ms": percentile(all_of, 0.99), "max_ms": percentile(all_of, 1)}
        for kind, all_of in replay.seconds.items()
    }
    result = {
        "machine": machine(),
        "streams": asked.streams,
        "workers": sum(day.workers.values()),
        "events": replay.offset,
        "events_per_s": round(replay.offset / seconds),
        "decisions": times,
        "made": dict(replay.made),
        "partners_preempted": replay.partners_preempted,
        "capacity_exceeded": over,
        "peak": peak,
        "rented_gpu_hours": round(rented_hours),
        "rented_dollars": round(rented_hours * PRICE["overflow"]),
    }
    print(json.dumps(result, indent=2) if asked.json else told(result))


def told(result: dict[str, Any]) -> str:
    """The result in words."""
    peak = result["peak"]
    folded = f"{result['events']:,} commands: {result['events_per_s']:,}/s"
    lines = [f"{result['streams']:,} streams at the peak, {result['workers']:,} GPUs, {folded}"]
    lines += [
        f"  {kind:<20} {found['count']:>10,}  p50 {found['p50_ms']:.3f}  p99 {found['p99_ms']:.3f}  max {found['max_ms']:.1f} ms"
        for kind, found in result["decisions"].items()
    ]
    lines += [
        "made: " + ", ".join(f"{count:,} {kind}" for kind, count in result["made"].items()),
        f"partners preempted {result['partners_preempted']}, capacity exceeded: {result['capacity_exceeded']}",
        f"peak: {peak['streams']:,} streams, {peak['gpus']:,} GPUs in use, {peak['rented']:,} rented",
        f"encodes: {peak['encodes']} of {peak['asked']:,} asked; {peak['encodes_all_5']:,} if all streams had five",
        f"partners without all of their ladder: {peak['partners_waiting']}",
        f"rented: {result['rented_gpu_hours']:,} GPU hours, ${result['rented_dollars']:,}",
        result["machine"],
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
