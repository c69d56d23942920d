"""What a viewer gets of a room in which more is said than anybody can read."""

import random
import re
from collections.abc import Sequence

MENTION = re.compile(r"@(\w{1,25})", re.ASCII)
"""Logins have at most 25 letters, digits and underscores."""


class Sampler:
    """A bucket of messages a room may show: `rate` a second, at most a second's worth saved up. Rate 0 shows everything."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left = rate
        self._since = 0.0

    def left_out(self, candidates: Sequence[int], now: float) -> set[int]:
        """Which of a tick's messages are not shown: each has the same chance. `now`: seconds of any clock that goes on."""
        if not self._rate:
            return set()
        self._left = min(self._rate, self._left + (now - self._since) * self._rate)
        self._since = now
        shown = min(len(candidates), int(self._left))
        self._left -= shown
        return set(random.sample(candidates, len(candidates) - shown))


def mentioned(text: str) -> list[str]:
    """Logins that a text names, in lower case."""
    return [login.lower() for login in MENTION.findall(text)] if "@" in text else []
