"""Tells a stalled worker: a partition that has records waiting and does not advance."""

from collections.abc import Callable, Mapping
from time import monotonic

STALLED_S = 120.0
"""Far above any batch, hand-over or broker restart. Only a transport that lost its way stands still for so long."""


class Watchdog:
    """Watches the positions of a worker's partitions."""

    def __init__(self, patience_s: float = STALLED_S, clock: Callable[[], float] = monotonic) -> None:
        self._patience = patience_s
        self._clock = clock
        self._moved: dict[tuple[str, int], tuple[int, float]] = {}

    def stalled(self, positions: Mapping[tuple[str, int], tuple[int, int]]) -> list[str]:
        """What has not moved for too long, in words. `positions`: per view and partition its next offset and its lag."""
        now = self._clock()
        self._moved = {at: self._moved[at] for at in self._moved if at in positions}
        found = []
        for at, (offset, lag) in positions.items():
            before, since = self._moved.get(at, (-1, now))
            if lag == 0 or offset != before:
                self._moved[at] = (offset, now)
            elif now - since > self._patience:
                found.append(f"{at[0]}/{at[1]} stands at offset {offset} for {now - since:.0f} s with {lag} records waiting")
        return found
