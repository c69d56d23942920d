"""The forecast: what a region's sessions asked for and what is planned in, what they will ask for and more workers out.

A quarter of an hour is expected to have what it had in past weeks, plus how far the last quarters were from what was usual then, plus what
the schedule brings. What the schedule brought is left out of what becomes usual, so that it does not count twice a week later.
"""

from collections.abc import Iterable, Iterator
from math import ceil
from statistics import fmean
from typing import Any, NamedTuple

import msgspec

from processors.forecast.schedule import ENTRIES, PLACES, Schedule
from processors.forecast.season import DAY, Quarter, Usual, learn, usual
from processors.transcode.placement import THROTTLE_ON
from processors.transcode.scheduler import QUARTER_US
from schemas.event import Event
from schemas.events import DemandForecast, DemandMeasured, ScaleOutAsked, StreamScheduled, StreamUnscheduled
from streams.fold import At, Rows, Table

LEAD = 2
"""Quarters ahead: a forecast is made 30 minutes before its quarter begins. A rented GPU machine takes 5 to 10 to start and to load its
driver, and who acts on the event takes some."""
FOLLOW = 0.5
"""How much of the newest quarter's difference from the usual goes into the drift: a raid's hour counts for an hour, not for a day."""
COVERED = 0.95
"""Share of the last day's quarters that the margin would have covered: a conformal quantile, so that no shape of the errors is assumed."""
LEAST_SCORED = 20
"""Forecasts whose errors give that quantile: the 19th of 20 is the first that leaves one above it."""
MARGIN = 0.15
"""Before there are so many; it is the reserve that partners have (T12: 10-15 %)."""
MOST_MARGIN = 1.0
"""Of what is expected: relative errors of a region with next to no load have no bound."""
STEP = 0.02
"""Share by which what is wanted must grow to be asked for again."""


class Region(msgspec.Struct, frozen=True):
    """The region's own row."""

    name: str = ""
    now: int = 0
    """Latest event time."""
    measured: int = -1
    """Newest quarter that was measured, counted since 1970."""
    load: float = 0.0
    """What it had without the schedule, megapixels a second."""
    capacity: float = 0.0
    """At its end, of the region's own workers."""
    drift: float = 0.0
    """How far the last quarters were from what was usual then."""
    ratios: tuple[float, ...] = ()
    """Measured over expected, of the last day's forecasts."""
    asked: float = 0.0
    """What was asked for last."""
    asked_until: int = -1
    """Last quarter that it was asked for."""


class Forecast(msgspec.Struct, frozen=True):
    """What a quarter to come was expected to have, megapixels a second."""

    expected: float


class Expected(NamedTuple):
    """What a quarter is expected to have."""

    load: float
    """All of it, megapixels a second."""
    scheduled: float
    usual: float
    weeks: int


REGION = Table("region", Region)
HISTORY = Table("history", Quarter)
FORECASTS = Table("forecasts", Forecast)
_SELF = "self"


class ForecastFold:
    """Says what the quarter of an hour that begins in 30 minutes will need, and asks for workers before it does (T17).

    It asks for as many as keep the load below where affiliates are throttled, once; again when more are needed, or when the quarters
    that it asked for are over and there are too few still. It never asks for fewer: who runs the workers sees from the forecasts when
    they may go, and no stream waits for that.
    """

    name = "forecast"
    version = 1
    inputs = ("media.demand.events.v1",)
    outputs: tuple[type[Event], ...] = (DemandForecast, ScaleOutAsked)
    tables = (REGION, HISTORY, FORECASTS, ENTRIES, PLACES)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one measurement, plan or Tick in."""
        before = rows[REGION].get(_SELF) or Region()
        name = before.name or getattr(event, "region", "")
        outlook = _Outlook(rows, msgspec.structs.replace(before, name=name, now=max(before.now, at.time)))
        match event:
            case DemandMeasured():
                yield from outlook.measured(event)
            case StreamScheduled():
                outlook.schedule.put(event)
            case StreamUnscheduled():
                outlook.schedule.drop(event.schedule_id)
            case _:
                pass
        yield from outlook.ask()
        rows[REGION][_SELF] = outlook.region


class _Outlook:
    """A region's rows, for one event."""

    def __init__(self, rows: Rows, region: Region) -> None:
        self._history = rows[HISTORY]
        self._forecasts = rows[FORECASTS]
        self.schedule = Schedule(rows)
        self.region = region

    def measured(self, event: DemandMeasured) -> Iterator[Event]:
        """Learns from a quarter that is over, and forecasts the one that begins in LEAD quarters; what is told again changes nothing."""
        quarter = event.began_at // QUARTER_US
        if quarter <= self.region.measured:
            return
        load = max(0.0, event.load - self.schedule.load(quarter))
        known = usual(self._history, quarter)
        drift = FOLLOW * (load - known.load) + (1 - FOLLOW) * self.region.drift if known else 0.0
        learn(self._history, quarter, load)
        self.schedule.over((quarter + 1) * QUARTER_US)
        ratios = self._scored(quarter, event.load)
        self._note(measured=quarter, load=load, capacity=event.capacity, drift=drift, ratios=ratios)
        ahead = quarter + 1 + LEAD
        expected = self._expected(ahead)
        self._forecasts[_key(ahead)] = Forecast(expected.load)
        yield DemandForecast(
            region=self.region.name,
            begins_at=ahead * QUARTER_US,
            expected=expected.load,
            scheduled=expected.scheduled,
            upper=expected.load * (1 + self._margin()),
            usual=expected.usual,
            drift=drift,
            weeks=expected.weeks,
            error=fmean(abs(1 - 1 / ratio) for ratio in ratios) if ratios else None,
        )

    def ask(self) -> Iterator[Event]:
        """Asks for workers where a quarter up to LEAD ahead needs more than there are, and more than was asked for."""
        now = self.region.now // QUARTER_US
        if now > self.region.asked_until:
            self._note(asked=0.0)
        enough = max(self.region.capacity, self.region.asked * (1 + STEP))
        share = (1 + self._margin()) / THROTTLE_ON
        wants = {quarter: self._expected(quarter) for quarter in range(now, now + LEAD + 1)}
        short = [quarter for quarter, expected in wants.items() if expected.load * share > enough]
        if not short:
            return
        most = max((wants[quarter] for quarter in short), key=lambda each: each.load)
        self._note(asked=most.load * share, asked_until=now + LEAD)
        yield ScaleOutAsked(
            region=self.region.name,
            by=short[0] * QUARTER_US,
            wanted=most.load * share,
            capacity=self.region.capacity,
            expected=most.load,
            scheduled=most.scheduled,
            margin=self._margin(),
            reason="history" if (most.load - most.scheduled) * share > enough else "schedule",
        )

    def _expected(self, quarter: int) -> Expected:
        known = usual(self._history, quarter) or Usual(self.region.load, 0)
        scheduled = self.schedule.load(quarter)
        return Expected(max(0.0, known.load + self.region.drift) + scheduled, scheduled, known.load, known.weeks)

    def _scored(self, quarter: int, load: float) -> tuple[float, ...]:
        """The ratios with that of a quarter's forecast, where there was one and it has any; forecasts of former quarters go."""
        ratios = self.region.ratios
        for key in [key for key in self._forecasts if int(key) <= quarter]:
            expected = self._forecasts.pop(key).expected
            if int(key) == quarter and expected > 0 and load > 0:
                ratios = (*ratios, load / expected)[-DAY:]
        return ratios

    def _margin(self) -> float:
        """What to add for the error, as a share of what is expected."""
        ratios = sorted(self.region.ratios)
        if len(ratios) < LEAST_SCORED:
            return MARGIN
        return min(MOST_MARGIN, max(0.0, ratios[min(len(ratios), ceil(COVERED * (len(ratios) + 1))) - 1] - 1))

    def _note(self, **changes: Any) -> None:
        self.region = msgspec.structs.replace(self.region, **changes)


def _key(quarter: int) -> str:
    return f"{quarter:012d}"
