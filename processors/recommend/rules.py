"""Business rules: what is kept from a page, and what is lifted by how much. Each names itself on what it moves."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from processors.recommend.arrays import Flags, Floats, Ints
from processors.recommend.candidates import FRESH_DAYS
from processors.recommend.catalog import TIERS
from processors.recommend.features import DAY_US
from processors.recommend.live import RAID_US, Live

PARTNER = TIERS.index("partner")


class Rule(NamedTuple):
    """Adds to the log odds of some streams."""

    name: str
    lift: Callable[[Live, Ints, int], Floats]
    """(live, rows, now) -> what it adds."""
    why: str


def _partner(live: Live, rows: Ints, now: int) -> Floats:
    return np.where(live.catalog.tier[live.channel[rows]] == PARTNER, 0.15, 0.0)


def _promoted(live: Live, rows: Ints, now: int) -> Floats:
    return np.where(live.catalog.promoted[live.channel[rows]], 0.5, 0.0)


def _raid(live: Live, rows: Ints, now: int) -> Floats:
    since = now - live.raided[rows]
    return np.where((live.raided[rows] > 0) & (since < RAID_US), 0.6 * (1 - since / RAID_US), 0.0)


def _new(live: Live, rows: Ints, now: int) -> Floats:
    created = live.catalog.created[live.channel[rows]]
    days = (now - created) / DAY_US
    return np.where((created > 0) & (days < FRESH_DAYS), 0.5 * (1 - days / FRESH_DAYS), 0.0)


def _velocity(live: Live, rows: Ints, now: int) -> Floats:
    grows = live.trend[rows] / (live.viewers[rows] + 1)
    return np.where(_new(live, rows, now) > 0, np.clip(grows, 0, 0.3), 0.0)


RULES: tuple[Rule, ...] = (
    Rule("partner", _partner, "partners' streams"),
    Rule("promoted", _promoted, "streams in the row `promoted`"),
    Rule("raid", _raid, "raided in the last 15 minutes, fading"),
    Rule("new", _new, "channels in their first 30 days, fading to nothing on the last"),
    Rule("velocity", _velocity, "new channels whose audience grows"),
)
"""The size of each is a choice of who runs the platform, in log odds: 0.15 makes a chance of 10% one of 11.4%."""
MATURE = "mature"
"""The filter's name."""
NAMES = (*(rule.name for rule in RULES), MATURE)


def allowed(live: Live, rows: Ints, *, adult: bool, off: frozenset[str] = frozenset()) -> Flags:
    """Whether streams may be shown: mature ones only to who says that he is of age."""
    if adult or MATURE in off:
        return np.ones(len(rows), np.bool_)
    return np.asarray(~live.catalog.mature[live.channel[rows]], np.bool_)


def lifts(live: Live, rows: Ints, now: int, off: frozenset[str] = frozenset()) -> Floats:
    """What each rule adds to each stream: streams by rules. Those in `off` add nothing."""
    table = np.zeros((len(rows), len(RULES)))
    for column, rule in enumerate(RULES):
        if rule.name not in off:
            table[:, column] = rule.lift(live, rows, now)
    return table


def told(added: Floats) -> tuple[str, ...]:
    """What moved one stream, as it is written on the page's event."""
    return tuple(f"{rule.name} {lift:+.3f}" for rule, lift in zip(RULES, added, strict=True) if lift)
