"""A page: places by score, under caps that keep it varied. Where they leave places empty, they are given up in a declared order."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from processors.recommend.arrays import Floats, Ints
from processors.recommend.live import Live

PER_CATEGORY, PER_GAME = 3, 2
TIER_BOUNDS = (50.0, 1_000.0)
"""Viewers from which a stream is of the middle tier, and of the upper one."""
TIER_SHARE = 0.4
"""Of a page, at most from one tier: three of them can fill it, none can take half."""
RELAXED = ("tier", "category", "game")
"""Caps in the order in which they are given up: the mix of sizes first, the one that a viewer would notice most last."""


class Kinds(NamedTuple):
    """What caps count, by stream."""

    category: Ints
    game: Ints
    tier: Ints

    @classmethod
    def of(cls, live: Live, rows: Ints) -> "Kinds":
        """Those of live streams."""
        channels = live.channel[rows]
        return cls(
            live.catalog.category[channels].astype(np.int64),
            live.catalog.game[channels].astype(np.int64),
            np.searchsorted(TIER_BOUNDS, live.viewers[rows], side="right"),
        )


class Page(NamedTuple):
    """The streams chosen, and what was given up for them."""

    chosen: list[int]
    """Places among the candidates."""
    relaxed: tuple[str, ...]


def caps(limit: int) -> dict[str, int]:
    """Most streams of one kind on a page."""
    return {"tier": max(1, int(TIER_SHARE * limit)), "category": PER_CATEGORY, "game": PER_GAME}


def fill(scores: Floats, kinds: Kinds, limit: int) -> Page:
    """The best streams that the caps let through, best first; even scores keep their order.

    Once no stream is let through, the next cap of `RELAXED` is given up for the places that are left.
    """
    order = np.argsort(-scores, kind="stable").tolist()
    most = caps(limit)
    of = {name: getattr(kinds, name).tolist() for name in RELAXED}
    counts: dict[str, Counter[int]] = {name: Counter() for name in RELAXED}
    chosen: list[int] = []
    relaxed: list[str] = []
    for given_up in (None, *RELAXED):
        if len(chosen) >= limit or not order:
            break
        if given_up is not None:
            relaxed.append(given_up)
        held = [name for name in RELAXED if name not in relaxed]
        left = []
        for at in order:
            if len(chosen) < limit and all(counts[name][of[name][at]] < most[name] for name in held):
                chosen.append(at)
                for name in RELAXED:
                    counts[name][of[name][at]] += 1
            else:
                left.append(at)
        order = left
    return Page(sorted(chosen, key=lambda at: -scores[at]), tuple(relaxed))
