"""What an archive takes and costs: from bit rates, ages and prices."""

from collections.abc import Iterable
from typing import NamedTuple

from processors.transcode.ladder import AUDIO_BIT_RATE, Source, Tier, ladder
from processors.vod.fold import COLD_DAYS, DAY_US, FOR_EVER, WARM_DAYS

SOURCE = Source(1920, 1080, 60.0)
SOURCE_BIT_RATE = 6_000_000
"""What a 1080p60 source is asked to send (I4)."""
PRICES = {"hot": 0.023, "warm": 0.0125, "cold": 0.004}
"""US dollars a GB-month: an object store's standard, infrequent-access and archive classes (V5)."""
GB = 1_000_000_000
MONTH_DAYS = 30
PACE_DAYS = 7
"""The days by which it is told how much is archived: a week has each weekday once, and no retention deletes sooner."""


class Cost(NamedTuple):
    """Of one VOD, over the time that it is kept."""

    size: int
    """Bytes."""
    days: dict[str, int]
    """Days that it lies in each store; the last one's are a year's where it is kept for ever."""
    dollars: dict[str, float]
    """By store."""

    @property
    def total(self) -> float:
        """US dollars."""
        return sum(self.dollars.values())


class Kept(NamedTuple):
    """A VOD as a bill counts it."""

    size: int
    """Bytes."""
    storage: str
    """The store that it lies in now."""
    retention_days: int
    ended_at: int
    """UTC microseconds."""


class Bill(NamedTuple):
    """Of a fleet, a month, by store."""

    sizes: dict[str, int]
    """Bytes that lie there now."""
    dollars: dict[str, float]
    """What they cost, US dollars."""
    ahead: dict[str, float]
    """What it will cost, US dollars, once as much as in the last week was archived for as long as it is kept."""


def stored_bytes(seconds: float, tier: Tier, *, multiplexed: bool = False) -> int:
    """Bytes of a recording of a full-HD source with its tier's ladder.

    Sound is stored once beside all pictures; `multiplexed` says what it would be with sound in each of them.
    """
    pictures = [SOURCE_BIT_RATE, *(rendition.bit_rate for rendition in ladder(tier, SOURCE))]
    sound = AUDIO_BIT_RATE * (len(pictures) if multiplexed else 1)
    return round(seconds * (sum(pictures) + sound) / 8)


def days_in(retention_days: int) -> dict[str, int]:
    """Days that a VOD lies in each store; of one that is kept for ever, a year's."""
    end = 365 if retention_days == FOR_EVER else retention_days
    bounds = {"hot": (0, WARM_DAYS), "warm": (WARM_DAYS, COLD_DAYS), "cold": (COLD_DAYS, max(end, COLD_DAYS))}
    return {tier: max(0, min(end, until) - since) for tier, (since, until) in bounds.items()}


def cost(size: int, retention_days: int) -> Cost:
    """What a VOD of so many bytes costs over its life."""
    days = days_in(retention_days)
    return Cost(size, days, {tier: size / GB * PRICES[tier] * count / MONTH_DAYS for tier, count in days.items()})


def bill(fleet: Iterable[Kept], now: int) -> Bill:
    """What a fleet costs a month. `now`: UTC microseconds."""
    vods = list(fleet)
    sizes = {tier: sum(vod.size for vod in vods if vod.storage == tier) for tier in PRICES}
    dollars = {tier: size / GB * PRICES[tier] for tier, size in sizes.items()}
    ahead = dict.fromkeys(PRICES, 0.0)
    for vod in vods:
        if vod.ended_at > now - PACE_DAYS * DAY_US:
            for tier, added in monthly(vod.size / PACE_DAYS, vod.retention_days).items():
                ahead[tier] += added
    return Bill(sizes, dollars, ahead)


def monthly(size_a_day: float, retention_days: int) -> dict[str, float]:
    """US dollars a month, by store, of a fleet that archives so many bytes a day and has done so for long."""
    return {tier: size_a_day / GB * count * PRICES[tier] for tier, count in days_in(retention_days).items()}
