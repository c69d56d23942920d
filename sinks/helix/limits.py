"""How often a client may call: a bucket for each client and user, told in every answer's headers."""

from typing import NamedTuple

from streams.fold import Clock

POINTS = 800
"""Calls a minute, as Twitch allows: clients pace themselves by it."""
BUCKETS = 10_000
"""Callers that are told apart; beyond, the one seen longest ago begins anew."""


class Bucket(NamedTuple):
    """What a caller has left."""

    points: float
    at: float
    """Seconds."""


class Limits:
    """The buckets. They fill continuously, to POINTS in a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def take(self, caller: str) -> tuple[bool, dict[str, str]]:
        """Whether a call may be made, and the headers that say how many are left and when (seconds since 1970) all are there again.

        One always stays: clients wait for the reset where none is left, though a point comes every 75 ms (twitchAPI).
        """
        now = self._clock() / 1_000_000
        last = self._buckets.pop(caller, Bucket(POINTS, now))
        points = min(POINTS, last.points + (now - last.at) * POINTS / 60)
        allowed = points >= 1
        left = points - 1 if allowed else points
        if len(self._buckets) >= BUCKETS:
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets[caller] = Bucket(left, now)
        reset = int(now + (POINTS - left) * 60 / POINTS) + 1
        remaining = max(1, int(left)) if allowed else 0
        return allowed, {"Ratelimit-Limit": str(POINTS), "Ratelimit-Remaining": str(remaining), "Ratelimit-Reset": str(reset)}
