"""Exploration: one or two of twenty places show a stream drawn by chance, to learn of what is never shown. Chances are logged."""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, default_rng

from processors.recommend.arrays import Flags, Ints
from processors.recommend.page import PER_CATEGORY, PER_GAME, Kinds

FIRST_SHARE = 5
"""The first fifth of a page is left as it is."""
OFTEN = (0.05, 0.025)
"""Chance per place of the page that the upper and the lower half of the rest show a draw: 1 and 0.5 of 20 places, so 5 to 10%."""


class Explored(NamedTuple):
    """A page with its draws."""

    chosen: list[int]
    drawn: list[bool]
    propensity: list[float]
    """By place: the chance, over the draws, that it shows what it shows."""


def seeded(request_id: str) -> Generator:
    """The draws of a request: the same id, the same draws."""
    return default_rng(int.from_bytes(blake2b(request_id.encode(), digest_size=8).digest(), "big"))


def explore(page: list[int], pool: Ints, kinds: Kinds, limit: int, request_id: str) -> Explored:
    """Puts draws into a page. No cap on category or game breaks by it that did hold.

    Two parts of the page draw from two halves of the pool, told apart by the category's number, so that neither draw can break a cap
    together with the other and each place's chances are exact. Which part has which half is tossed.
    """
    rng = seeded(request_id)
    first, count = len(page) // FIRST_SHARE, len(page)
    middle = first + (count - first + 1) // 2
    toss = int(rng.integers(0, 2))
    chosen, drawn = list(page), [False] * count
    propensity = [1.0] * count
    for part, (begin, end) in enumerate(((first, middle), (middle, count))):
        places = end - begin
        often = min(1.0, OFTEN[part] * limit)
        at = begin + int(rng.integers(0, places)) if places else -1
        active = rng.random() < often
        half = (toss + part) % 2
        for place in range(begin, end):
            halves = _halves(page, place, pool, kinds)
            each = often / places / 2
            if active and place == at and len(halves[half]):
                chosen[place] = int(rng.choice(halves[half]))
                drawn[place] = True
                propensity[place] = each / len(halves[half])
            else:
                propensity[place] = 1 - each * sum(len(found) > 0 for found in halves)
    return Explored(chosen, drawn, propensity)


def distribution(page: list[int], place: int, pool: Ints, kinds: Kinds, limit: int) -> dict[int, float]:
    """The chance of each stream at a place, before any draw."""
    count = len(page)
    first = count // FIRST_SHARE
    middle = first + (count - first + 1) // 2
    if place < first:
        return {page[place]: 1.0}
    part, places = (0, middle - first) if place < middle else (1, count - middle)
    each = min(1.0, OFTEN[part] * limit) / places / 2
    found = {int(at): each / len(half) for half in _halves(page, place, pool, kinds) for at in half}
    return {page[place]: 1 - sum(found.values()), **found}


def _halves(page: list[int], place: int, pool: Ints, kinds: Kinds) -> tuple[Ints, Ints]:
    """What may be drawn at a place, by the parity of the category's number."""
    others = [at for n, at in enumerate(page) if n != place]
    fits = _room(kinds.category, others, pool, PER_CATEGORY) & _room(kinds.game, others, pool, PER_GAME)
    parity = kinds.category[pool] % 2
    return pool[fits & (parity == 0)], pool[fits & (parity == 1)]


def _room(kind: Ints, others: list[int], pool: Ints, most: int) -> Flags:
    counts = np.bincount(kind[others], minlength=int(kind.max()) + 1) if others else np.zeros(int(kind.max()) + 1, np.int64)
    room: Flags = counts[kind[pool]] < most
    return room
