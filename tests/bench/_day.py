"""A synthetic day of streams for the scheduler, and the weeks before it for the forecast.

How many are live follows the hour, with its peak at 21:00 and a fifth of it at 09:00; weekends have more, and each day is a little more
or less than it should be. Sessions last three hours on average. Regions share the streams unevenly. Events in the schedule bring partners
that go live together.
"""

import math
import random
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from processors.transcode.cluster import Amount, amount
from processors.transcode.ladder import Source, Tier, ladder
from processors.transcode.scheduler import QUARTER_US
from schemas.event import Event
from schemas.events import RegionConfigured, StreamScheduled, Tick, TranscodeCancelled, TranscodeRequested, WorkerHeartbeat

MINUTE_US = 60_000_000
QUARTERS = 96
"""Of a day."""
SHARES: dict[Tier, float] = {"partner": 0.02, "affiliate": 0.20, "regular": 0.78}
"""Requirements, section 4: assumed."""
REGIONS = {"iad": 0.4, "fra": 0.3, "sin": 0.2, "gru": 0.1}
MEAN_MINUTES = 180
FIRST_HOUR = 9
"""The day begins when fewest are live."""
PEAK_HOUR = 21
BEFORE = 28
"""Days of history."""
WEEKEND = 1.12
LEVEL, NOISE = 0.05, 0.02
"""Spread of a region's level on a day, and of a quarter's, relative: assumed."""
T4 = Amount(360_000, 12)
"""An NVIDIA T4: 8 to 12 encodes at once (T8), here 12 of which each may be a mean output of 30 megapixels a second."""
FLEET = 0.85
"""Of what the peak asks for: the tiers' rules are at work in the evening."""
BEAT_MINUTES = 10
"""Workers say that they live, not once a second, and the scheduler is as much more patient: that changes no decision about streams."""
SOURCE = Source(1920, 1080, 60.0)
LADDERS = {tier: amount(ladder(tier, SOURCE)) for tier in SHARES}
"""What a stream of a tier asks for."""


class Plan(NamedTuple):
    """An event in the schedule: partners of a region that go live together."""

    region: str
    minute: int
    minutes: int
    share: float
    """Of the region's streams at the peak."""


PLANS = (Plan("iad", 180, 120, 0.01), Plan("fra", 420, 90, 0.02), Plan("sin", 615, 180, 0.01), Plan("gru", 60, 60, 0.03))
TOLD_MINUTES = 90
"""Before they begin."""


def wave(hour: float) -> float:
    """Share of the peak that is live at an hour."""
    return 0.6 + 0.4 * math.cos((hour - PEAK_HOUR) / 24 * 2 * math.pi)


class Day:
    """The events of a day, minute by minute."""

    def __init__(self, streams: int, seed: int) -> None:
        self._rng = random.Random(seed)
        self._streams = streams
        self.live: dict[str, list[tuple[str, Tier]]] = {region: [] for region in REGIONS}
        self._planned: dict[Plan, list[tuple[str, Tier]]] = {}
        self._number = 0
        level = {region: self._rng.gauss(1, LEVEL) for region in REGIONS}
        all_of = sum(share * level[region] for region, share in REGIONS.items())
        self._peak = {region: streams * share * level[region] / all_of for region, share in REGIONS.items()}
        load = sum(LADDERS[tier].pixels * share for tier, share in SHARES.items()) * streams * FLEET
        self.workers = {region: math.ceil(load * share / T4.pixels) for region, share in REGIONS.items()}

    def begin(self) -> list[Event]:
        """What is there before the first minute: regions and their workers."""
        peers = [RegionConfigured(region=region, peers=tuple(each for each in REGIONS if each != region)) for region in REGIONS]
        return [*peers, *self._beats(range(BEAT_MINUTES)), Tick()]

    def seconds(self, minute: int) -> Iterator[list[Event]]:
        """The events of each second of a minute, and its Tick."""
        events = self._minute(minute)
        for second in range(60):
            yield [*events[second::60], Tick()]

    def _minute(self, minute: int) -> list[Event]:
        """The events of a minute, in any order."""
        events = self._beats([minute % BEAT_MINUTES])
        for region in REGIONS:
            events += self._plan(region, minute)
            live = self.live[region]
            target = round(self._peak[region] * wave(FIRST_HOUR + minute / 60))
            for _ in range(int(len(live) / MEAN_MINUTES + self._rng.random())):
                events.append(self._end(region, live.pop(self._rng.randrange(len(live)))))
            while len(live) > target:
                events.append(self._end(region, live.pop(self._rng.randrange(len(live)))))
            while len(live) < target:
                live.append(self._start(region, self._rng.choices(list(SHARES), list(SHARES.values()))[0], events))
        self._rng.shuffle(events)
        return events

    def schedule(self, minute: int, now: int) -> list[StreamScheduled]:
        """What is planned in this minute for later; `now` is its time."""
        return [
            StreamScheduled(
                region=plan.region,
                channel_id="0",
                schedule_id=f"{plan.region}-{plan.minute}",
                tier="partner",
                starts_at=now + (plan.minute - minute) * MINUTE_US,
                ends_at=now + (plan.minute + plan.minutes - minute) * MINUTE_US,
                streams=self._many(plan),
            )
            for plan in PLANS
            if minute == max(0, plan.minute - TOLD_MINUTES)
        ]

    def everyone(self) -> dict[str, Tier]:
        """Sessions that are live now, with their tiers."""
        return dict(each for live in (*self.live.values(), *self._planned.values()) for each in live)

    def tiers(self) -> Counter[Tier]:
        """How many of each tier are live."""
        return Counter(self.everyone().values())

    def _many(self, plan: Plan) -> int:
        return round(self._streams * REGIONS[plan.region] * plan.share)

    def _plan(self, region: str, minute: int) -> list[Event]:
        """Begins and ends what was planned."""
        events: list[Event] = []
        for plan in (each for each in PLANS if each.region == region):
            if minute == plan.minute:
                self._planned[plan] = [self._start(region, "partner", events) for _ in range(self._many(plan))]
            elif minute == plan.minute + plan.minutes:
                events += [self._end(region, each) for each in self._planned.pop(plan)]
        return events

    def _beats(self, groups: "range | list[int]") -> list[Event]:
        """Heartbeats of the workers whose turn it is."""
        names = {
            f"{region}-{'rented' if overflow else 'own'}-{n:05d}": (region, overflow)
            for region in REGIONS
            for overflow, count in ((False, self.workers[region]), (True, max(1, self.workers[region] // 20)))
            for n in range(count)
            if n % BEAT_MINUTES in groups
        }
        return [
            WorkerHeartbeat(region=region, worker_id=name, capacity=T4.pixels / 1_000, sessions=(), outputs=T4.outputs, overflow=overflow)
            for name, (region, overflow) in names.items()
        ]

    def _start(self, region: str, tier: Tier, events: list[Event]) -> tuple[str, Tier]:
        self._number += 1
        session_id = f"s{self._number}"
        width, height, rate = SOURCE
        events.append(
            TranscodeRequested(
                region=region,
                channel_id=str(self._number),
                session_id=session_id,
                tier=tier,
                width=width,
                height=height,
                frame_rate=rate,
            )
        )
        return session_id, tier

    def _end(self, region: str, session: tuple[str, Tier]) -> Event:
        return TranscodeCancelled(region=region, channel_id="0", session_id=session[0], reason="unpublished")


def history(streams: int, seed: int) -> dict[str, list[float]]:
    """What each region's sessions asked for at most in each quarter of the days before, megapixels a second."""
    rng = random.Random(f"history {seed}")
    mean = sum(LADDERS[tier].pixels * share for tier, share in SHARES.items()) / 1_000
    found: dict[str, list[float]] = {region: [] for region in REGIONS}
    for region, loads in found.items():
        for day in range(BEFORE):
            level = rng.gauss(1, LEVEL) * (WEEKEND if (day - BEFORE) % 7 in (2, 3) else 1.0)
            for quarter in range(QUARTERS):
                count = streams * REGIONS[region] * wave(FIRST_HOUR + quarter / 4) * level
                loads.append(mean * count * rng.gauss(1, NOISE))
    return found


BEGIN_US = 100_000 * QUARTERS * QUARTER_US
"""When the day begins; which of the calendar's days that is changes nothing."""
