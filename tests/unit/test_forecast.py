"""Workers are asked for before they are needed, from what was and from what is planned."""

from math import pi, sin

import pytest

from processors.forecast.fold import FORECASTS, MARGIN, ForecastFold
from processors.forecast.schedule import ENTRIES, PLACES
from processors.forecast.season import DAY, WEEK
from processors.transcode.placement import THROTTLE_ON
from processors.transcode.scheduler import QUARTER_US
from schemas.events import DemandForecast, DemandMeasured, ScaleOutAsked, StreamScheduled, StreamUnscheduled, Tick
from streams.fold import At
from tests.folding import memory_rows

MINUTE_US = 60_000_000
LADDERS = {"partner": 75.84, "affiliate": 67.5648}
"""Megapixels a second of what is made of a 1080p60 source."""
MONDAY = 1_000 * WEEK
"""A quarter of an hour with which the calendar begins."""


class Region:
    """A region's forecast with its rows and a clock."""

    def __init__(self):
        self.fold, self.rows, self.now = ForecastFold(), memory_rows(), MONDAY * QUARTER_US

    def apply(self, event):
        return list(self.fold.apply(self.rows, event, At("media.demand.events.v1", 0, 0, self.now)))

    def tick(self, minutes=1):
        self.now += minutes * MINUTE_US
        return self.apply(Tick())

    def measure(self, load, capacity=10_000.0):
        """A quarter passes; its forecast and what is asked for."""
        self.now = (self.now // QUARTER_US + 1) * QUARTER_US
        found = self.apply(DemandMeasured(region="r", began_at=self.now - QUARTER_US, load=load, capacity=capacity))
        assert isinstance(found[0], DemandForecast)
        return found

    def plan(self, name, in_minutes, minutes=60, tier="partner", **more):
        starts_at = self.now + in_minutes * MINUTE_US
        ends_at = starts_at + minutes * MINUTE_US
        return self.apply(
            StreamScheduled(region="r", channel_id="1", schedule_id=name, tier=tier, starts_at=starts_at, ends_at=ends_at, **more)
        )


@pytest.fixture
def region():
    return Region()


@pytest.mark.row("T17")
def test_an_event_planned_for_in_15_minutes_is_scaled_out_for_at_once(region):
    region.measure(0.0, capacity=100.0)
    [asked] = region.plan("final", 15, streams=20)
    assert isinstance(asked, ScaleOutAsked)
    assert (asked.region, asked.reason, asked.capacity, asked.margin) == ("r", "schedule", 100.0, MARGIN)
    assert asked.expected == asked.scheduled == pytest.approx(20 * LADDERS["partner"])
    assert asked.wanted == pytest.approx(20 * LADDERS["partner"] * (1 + MARGIN) / THROTTLE_ON)
    assert region.now < asked.by == region.now + 15 * MINUTE_US


@pytest.mark.row("T17")
def test_an_event_planned_long_before_is_scaled_out_for_30_minutes_ahead_and_once(region):
    region.measure(0.0, capacity=100.0)
    assert region.plan("final", 120, streams=20) == []
    asked = {minute: found for minute in range(1, 150) if (found := region.tick())}
    assert list(asked) == [90, 135], "again when it has begun and the workers are still not there"
    assert asked[90][0].by == MONDAY * QUARTER_US + (15 + 120) * MINUTE_US


def test_who_has_enough_is_not_asked(region):
    region.measure(0.0, capacity=75.9 * (1 + MARGIN) / THROTTLE_ON)
    assert region.plan("stream", 15) == []


def test_a_region_that_nobody_measured_is_scaled_out_for_its_schedule(region):
    [asked] = region.plan("first", 20, tier="affiliate")
    assert (asked.region, asked.capacity, asked.scheduled) == ("r", 0.0, pytest.approx(LADDERS["affiliate"]))


def test_what_is_changed_or_taken_out_of_the_schedule_counts_as_it_is_now(region):
    region.measure(0.0)
    region.plan("a", 60, streams=5)
    region.plan("a", 60, streams=2)
    region.plan("b", 60)
    region.apply(StreamUnscheduled(region="r", schedule_id="b"))
    region.apply(StreamUnscheduled(region="r", schedule_id="nobody's"))
    region.plan("backwards", 60, minutes=-30)
    region.plan("regular", 60, tier="regular")
    region.measure(0.0)
    forecast, *_ = region.measure(0.0)
    assert forecast.begins_at == region.now + 30 * MINUTE_US
    assert forecast.scheduled == forecast.expected == pytest.approx(2 * LADDERS["partner"])


def test_the_past_is_taken_out_of_the_schedule(region):
    region.measure(0.0)
    region.plan("short", 15, minutes=15)
    region.plan("long", 15, minutes=120)
    for _ in range(2):
        region.measure(0.0)
    assert [entry.schedule_id for entry in region.rows[ENTRIES].values()] == ["long"] == list(region.rows[PLACES])


@pytest.mark.row("T17")
def test_without_history_what_was_measured_last_is_expected(region):
    forecast, *_ = region.measure(120.0)
    assert (forecast.expected, forecast.usual, forecast.drift, forecast.weeks, forecast.error) == (120.0, 120.0, 0.0, 0, None)
    assert forecast.upper == pytest.approx(120.0 * (1 + MARGIN))


def day(quarter):
    """A load with its peak in the evening."""
    return 500 + 400 * sin(2 * pi * (quarter / DAY - 0.6))


@pytest.mark.row("T17")
def test_a_day_like_those_before_is_forecast_exactly(region):
    for n in range(DAY + 3):
        region.measure(day(n))
    for n in range(DAY + 3, 4 * DAY):
        forecast, *_ = region.measure(day(n))
    assert forecast.error == pytest.approx(0.0, abs=1e-9)
    assert forecast.upper == pytest.approx(forecast.expected)
    assert list(region.rows[FORECASTS]) == [f"{MONDAY + n:012d}" for n in range(4 * DAY, 4 * DAY + 3)]


@pytest.mark.row("T17")
def test_the_evening_is_asked_for_before_it_comes(region):
    """On the second day, with workers for the afternoon."""
    for n in range(DAY):
        region.measure(day(n))
    capacity, asked = 1_000.0, []
    for n in range(DAY, 2 * DAY):
        for event in region.measure(day(n), capacity)[1:]:
            assert event.reason == "history"
            assert event.by > region.now - QUARTER_US
            capacity = max(capacity, event.wanted)
            asked.append(event)
        assert day(n + 1) / THROTTLE_ON <= capacity, "there before it is needed"
    assert asked


def test_a_busier_day_than_usual_is_followed(region):
    for n in range(2 * DAY):
        region.measure(day(n))
    for n in range(2 * DAY, 3 * DAY - 3):
        forecast, *_ = region.measure(day(n) + 300)
    assert forecast.drift == pytest.approx(300)
    assert forecast.expected == pytest.approx(day(3 * DAY - 1) + 300)


def test_an_evening_that_came_once_is_forgotten_and_a_planned_one_is_not_learnt(region):
    for week in range(4):
        for n in range(WEEK):
            once = 5_000 if week == 2 and n % DAY == 50 else 0
            region.measure(100.0 + once, capacity=1e6)
    forecast, *_ = region.measure(100.0)
    assert (forecast.usual, forecast.weeks) == (100.0, 4)
    region.plan("weekly", 15, minutes=15, streams=10)
    region.measure(100.0)
    region.measure(100.0 + 10 * LADDERS["partner"])
    for _ in range(WEEK - 4):
        forecast, *_ = region.measure(100.0)
        assert forecast.expected == pytest.approx(100.0)


def test_the_margin_is_what_would_have_covered_the_last_day(region):
    for n in range(WEEK + 2 * DAY):
        forecast, *_ = region.measure(100.0 if n % 10 else 130.0)
    assert 0 < forecast.upper / forecast.expected - 1 < 0.5
    assert 0 < forecast.error < 0.3


def test_what_is_measured_twice_or_late_counts_once(region):
    region.measure(100.0)
    region.measure(200.0)
    again = DemandMeasured(region="r", began_at=region.now - QUARTER_US, load=900.0, capacity=1.0)
    before = dict(region.rows)
    assert region.apply(again) == []
    assert dict(region.rows) == before
    assert region.apply(DemandMeasured(region="r", began_at=region.now - 5 * QUARTER_US, load=900.0, capacity=1.0)) == []


def test_after_a_silence_forecasts_of_missed_quarters_are_gone(region):
    for _ in range(3):
        region.measure(100.0)
    region.tick(minutes=1_000)
    region.measure(100.0)
    assert len(region.rows[FORECASTS]) == 1


def test_the_same_events_give_the_same_forecasts():
    def play():
        found, region = [], Region()
        for n in range(3 * DAY):
            found += region.measure(day(n) * (1 + (n * 7919 % 13) / 100), capacity=700.0)
        return found

    assert play() == play()
