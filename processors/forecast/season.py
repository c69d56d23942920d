"""A week of quarters of an hour: what is usual in each, learnt from those of past weeks."""

from collections.abc import MutableMapping
from statistics import fmean, median
from typing import NamedTuple

import msgspec

DAY = 96
"""Quarters of a day."""
WEEK = 7 * DAY
WEEKS = 4
"""Past weeks that are looked at: their median forgets what came once, and a log that is kept for 60 days holds them all."""


class Quarter(msgspec.Struct, frozen=True):
    """A quarter of the week: its loads of the last weeks, oldest first, megapixels a second."""

    loads: tuple[float, ...]


class Usual(NamedTuple):
    """What a quarter is expected to have as such."""

    load: float
    weeks: int
    """Weeks that it was made from; 0 where other days had to do."""


def learn(history: MutableMapping[str, Quarter], quarter: int, load: float) -> None:
    """Adds what a quarter had, by its number since 1970."""
    known = history.get(_key(quarter))
    history[_key(quarter)] = Quarter((*(known.loads if known else ()), load)[-WEEKS:])


def usual(history: MutableMapping[str, Quarter], quarter: int) -> Usual | None:
    """The median of the same quarter of past weeks; before there are any, the mean of the same time of other days; None before that."""
    if known := history.get(_key(quarter)):
        return Usual(median(known.loads), len(known.loads))
    days = [median(found.loads) for day in range(1, 7) if (found := history.get(_key(quarter - day * DAY)))]
    return Usual(fmean(days), 0) if days else None


def _key(quarter: int) -> str:
    return f"{quarter % WEEK:03d}"
