"""The forecast beside a day: how far off it is, whether workers are asked for in time, and what a fleet that follows it costs."""

from collections import defaultdict
from statistics import fmean
from typing import Any, NamedTuple

from processors.forecast import FORECAST
from processors.forecast.fold import LEAD
from processors.forecast.season import WEEK
from processors.transcode.placement import THROTTLE_ON
from processors.transcode.scheduler import QUARTER_US
from schemas.event import Event
from schemas.events import DemandForecast, DemandMeasured, ScaleOutAsked, StreamScheduled, Tick
from streams.fold import At
from tests.bench._day import BEGIN_US, MINUTE_US, REGIONS, T4, history
from tests.folding import MemoryRows, memory_rows

GPU = T4.pixels / 1_000
"""Megapixels a second."""


class Quarter(NamedTuple):
    """A quarter of the day in a region, all in megapixels a second."""

    load: float
    expected: float
    last: float
    """What had been measured when the forecast was made: the forecast that nothing changes."""
    week_before: float
    """What the same quarter had a week before: the forecast that all weeks are the same."""
    capacity: float
    """Of the fleet that follows the forecast."""


class Outlook:
    """The forecast fold with a month behind it, and fleets that do what it says."""

    def __init__(self, streams: int, seed: int) -> None:
        self.asked: list[tuple[int, ScaleOutAsked]] = []
        """With the time at which it was."""
        self.planned: list[tuple[int, StreamScheduled]] = []
        self._rows: dict[str, MemoryRows] = {region: memory_rows() for region in REGIONS}
        self._fleet = dict.fromkeys(REGIONS, 0.0)
        self._needs: dict[str, dict[int, float]] = defaultdict(dict)
        self._expected: dict[tuple[str, int], float] = {}
        self._loads: dict[tuple[str, int], float] = {}
        self._there: dict[tuple[str, int], float] = {}
        for region, loads in history(streams, seed).items():
            for n, load in enumerate(loads):
                self.measured(region, BEGIN_US + (n - len(loads)) * QUARTER_US, load)
        self.asked.clear()

    def measured(self, region: str, began_at: int, load: float) -> None:
        """A quarter is over; the fleet is made smaller where less is needed."""
        quarter, now = began_at // QUARTER_US, began_at + QUARTER_US
        self._loads[region, quarter] = load
        self._there.setdefault((region, quarter), self._fleet[region])
        self._apply(region, DemandMeasured(region=region, began_at=began_at, load=load, capacity=self._fleet[region]), now)
        needs = self._needs[region] = {at: need for at, need in self._needs[region].items() if at > quarter}
        self._fleet[region] = min(self._fleet[region], max(needs.values()))
        self._there[region, quarter + 1] = self._fleet[region]

    def plan(self, event: StreamScheduled, now: int) -> None:
        """Something is planned."""
        self.planned.append((now, event))
        self._apply(event.region, event, now)

    def tick(self, now: int) -> None:
        """A minute is over."""
        for region in REGIONS:
            self._apply(region, Tick(), now)

    def quarters(self) -> list[Quarter]:
        """The day's."""
        return [
            Quarter(
                load,
                self._expected[region, at],
                self._loads[region, at - LEAD - 1],
                self._loads[region, at - WEEK],
                self._there[region, at],
            )
            for (region, at), load in self._loads.items()
            if at >= BEGIN_US // QUARTER_US
        ]

    def leads(self) -> list[float]:
        """For each event of the schedule, the minutes from when its workers were asked for to its begin."""
        return [
            max(
                (
                    (event.starts_at - at) / MINUTE_US
                    for at, asked in self.asked
                    if asked.region == event.region and planned <= at and asked.scheduled > 0
                ),
                default=0.0,
            )
            for planned, event in self.planned
        ]

    def figures(self) -> dict[str, Any]:
        """What is reported."""
        quarters = self.quarters()
        most = {
            region: max(load for (of, at), load in self._loads.items() if of == region and at >= BEGIN_US // QUARTER_US)
            for region in REGIONS
        }
        return {
            "quarters": len(quarters),
            "mape": fmean(abs(each.expected - each.load) / each.load for each in quarters),
            "mape_last": fmean(abs(each.last - each.load) / each.load for each in quarters),
            "mape_week_before": fmean(abs(each.week_before - each.load) / each.load for each in quarters),
            "asked": len(self.asked),
            "lead_minutes": self.leads(),
            "quarters_throttled": sum(each.load > each.capacity * THROTTLE_ON for each in quarters),
            "quarters_short": sum(each.load > each.capacity for each in quarters),
            "gpu_hours": round(sum(each.capacity for each in quarters) / GPU / 4),
            "gpu_hours_fixed": round(sum(most.values()) / THROTTLE_ON / GPU * len(quarters) / len(REGIONS) / 4),
        }

    def _apply(self, region: str, event: Event, now: int) -> None:
        for made in FORECAST.apply(self._rows[region], event, At("media.demand.events.v1", 0, 0, now)):
            if isinstance(made, DemandForecast):
                quarter = made.begins_at // QUARTER_US
                self._expected[region, quarter] = made.expected
                self._needs[region][quarter] = made.upper / THROTTLE_ON
            elif isinstance(made, ScaleOutAsked):
                self._fleet[region] = max(self._fleet[region], made.wanted)
                self._there[region, now // QUARTER_US] = self._fleet[region]
                self.asked.append((now, made))
