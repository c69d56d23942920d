"""Stage times as the origin sees them: histograms of all channels, and each channel's recent ones."""

import statistics
from collections import OrderedDict, defaultdict, deque
from functools import cache
from typing import Any, TypeVar

from prometheus_client import Counter, Histogram

from processors.latency.stages import STAGES, Mode, Produced, origin_stages, player_stage
from schemas.events import PartProduced, SegmentProduced, WatchQuality
from streams.clock import now_us
from streams.fold import Clock

SECONDS = Histogram(
    "latency_stage_seconds",
    "Time by stage on the way from camera to screen.",
    ["stage", "mode"],
    buckets=(0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8, 16),
)
BREACHES = Counter("latency_budget_breaches_total", "Parts and segments for which a stage took more than its budget.", ["stage", "mode"])
RECENT = 600
"""Samples a stage and channel: two minutes of 200 ms parts."""
REMEMBERED = 4096
"""Events whose stamps are kept for those that refer to them: two minutes of a full ladder."""
BUDGETS = {(stage.name, mode): us for stage in STAGES for mode, us in (("low", stage.low_us), ("normal", stage.normal_us))}
T = TypeVar("T")


@cache
def _seconds(stage: str, mode: Mode) -> Histogram:
    """A stage's histogram; finding it by labels costs more than observing."""
    return SECONDS.labels(stage, mode)


class Stages:
    """What each stage took."""

    def __init__(self, clock: Clock = now_us) -> None:
        self._clock = clock
        self._events: OrderedDict[str, Produced] = OrderedDict()
        self._listed: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._recent: defaultdict[str, dict[tuple[Mode, str], deque[int]]] = defaultdict(dict)

    def applied(self, event: Produced) -> None:
        """A part or segment was listed just now."""
        mode: Mode = "low" if isinstance(event, PartProduced) else "normal"
        _keep(self._events, event.event_id, event)
        source = self._events.get(event.causation_id or "")
        found = origin_stages(event, source, self._clock())
        if isinstance(event, SegmentProduced):
            _keep(self._listed, f"normal/{event.event_id}", found)
        elif event.part == 0:
            _keep(self._listed, f"low/{event.channel_id}/{event.rendition}/{event.media_sequence}", found)
        for stage, us in found.items():
            self._observe(event.channel_id, mode, stage, us)

    def watched(self, report: WatchQuality) -> None:
        """A player told how far behind it is."""
        segment = self._events.get(report.segment_event_id or "")
        if not isinstance(segment, SegmentProduced):
            return
        mode: Mode = "low" if report.low_latency else "normal"
        place = f"low/{segment.channel_id}/{segment.rendition}/{segment.media_sequence}"
        listed = self._listed.get(place if report.low_latency else f"normal/{segment.event_id}")
        if listed is not None and segment.channel_id == report.channel_id:
            self._observe(report.channel_id, mode, "player", player_stage(report.latency_ms * 1_000, listed))

    def table(self, channel_id: str) -> list[dict[str, Any]]:
        """Per mode and stage: samples, median, 95th percentile, budget (ms), and whether the percentile breaches it."""
        recent = self._recent.get(channel_id, {})
        rows = []
        for mode in ("low", "normal"):
            for stage in STAGES:
                samples = recent.get((mode, stage.name))
                if samples:
                    budget = BUDGETS[stage.name, mode]
                    p95 = _percentile(samples, 95)
                    rows.append(
                        {
                            "mode": mode,
                            "stage": stage.name,
                            "meaning": stage.meaning,
                            "samples": len(samples),
                            "p50_ms": round(statistics.median(samples) / 1_000, 1),
                            "p95_ms": round(p95 / 1_000, 1),
                            "budget_ms": budget // 1_000,
                            "breached": p95 > budget,
                        }
                    )
        return rows

    def _observe(self, channel_id: str, mode: Mode, stage: str, us: int) -> None:
        _seconds(stage, mode).observe(max(us, 0) / 1_000_000)
        if us > BUDGETS[stage, mode]:
            BREACHES.labels(stage, mode).inc()
        self._recent[channel_id].setdefault((mode, stage), deque(maxlen=RECENT)).append(us)


def _percentile(samples: deque[int], percent: int) -> int:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _keep(kept: OrderedDict[str, T], key: str, value: T) -> None:
    kept[key] = value
    if len(kept) > REMEMBERED:
        kept.popitem(last=False)
