"""Shedding: how much one connection and one address may hand in. What is above it is refused at once and costs next to nothing.

The rates by which a chat is readable are the chat view's (1 a second per user and channel); these bound what a flood costs.
"""

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Rate(NamedTuple):
    """So many a second on the whole, and so many at once."""

    per_second: float
    burst: int


class Limits(NamedTuple):
    """What the edge takes."""

    connection: Rate = Rate(10, 30)
    """Faster than anybody types, or a moderation bot acts on a raid; a page that was away sends what waited at once."""
    address: Rate = Rate(100, 300)
    """Ten connections at their limit: a household, an office behind one address, a machine with several bots."""
    color: Rate = Rate(0.5, 5)
    """Per user: who tries colours out. Each is a row that every gateway reads."""


LIMITS = Limits()


class Buckets(Generic[Key]):
    """Token buckets, one per key, as the generic cell rate algorithm has them (ITU-T I.371): a time per key that is not full.

    Times are seconds of a steady clock, given by the caller.
    """

    def __init__(self, rate: Rate) -> None:
        self._interval = 1 / rate.per_second
        self._slack = self._interval * rate.burst
        self._full: dict[Key, float] = {}
        """When the bucket will be full again."""

    def wait(self, key: Key, now: float) -> float:
        """Seconds until one more is within the rate; 0 where it is now."""
        return max(0.0, self._full.get(key, now) + self._interval - self._slack - now)

    def take(self, key: Key, now: float) -> None:
        """Counts one."""
        self._full[key] = max(self._full.get(key, now), now) + self._interval

    def sweep(self, now: float) -> None:
        """Forgets full buckets: what is held are those who sent lately."""
        self._full = {key: full for key, full in self._full.items() if full > now}
