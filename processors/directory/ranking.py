"""Rows in a fixed order that are read page by page while they change."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from itertools import islice

from processors.directory.listing import Rank


class Ranking:
    """Ranks in ascending order. A page begins behind a rank, so that rows that come or go before it move nothing."""

    def __init__(self) -> None:
        self._ranks: list[Rank] = []

    def __len__(self) -> int:
        return len(self._ranks)

    def __iter__(self) -> Iterator[Rank]:
        """All ranks; nothing may come or go meanwhile."""
        return iter(self._ranks)

    def add(self, rank: Rank) -> None:
        """Puts a row in."""
        insort(self._ranks, rank)

    def discard(self, rank: Rank) -> None:
        """Takes it out, if it is there."""
        place = bisect_left(self._ranks, rank)
        if place < len(self._ranks) and self._ranks[place] == rank:
            del self._ranks[place]

    def page(self, first: int, after: Rank | None, *, upwards: bool = False, wanted: Callable[[str], bool] | None = None) -> list[Rank]:
        """So many ranks behind one, fewer at the end; `upwards` goes from the last to the first.

        `wanted` says by the row's id whether it counts.
        """
        found = (rank for rank in self._behind(after, upwards=upwards) if wanted is None or wanted(rank[2]))
        return list(islice(found, first))

    def _behind(self, after: Rank | None, *, upwards: bool) -> Iterator[Rank]:
        if upwards:
            begin = len(self._ranks) if after is None else bisect_left(self._ranks, after)
            return (self._ranks[place] for place in range(begin - 1, -1, -1))
        begin = 0 if after is None else bisect_right(self._ranks, after)
        return (self._ranks[place] for place in range(begin, len(self._ranks)))
