"""How often a client may do something."""

from collections.abc import Callable

Seconds = Callable[[], float]
"""A clock that only goes forward."""


class Pace:
    """So many in windows of so many seconds; a window begins with the first one in it."""

    def __init__(self, most: int, seconds: float, clock: Seconds) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._begun = clock()
        self._count = 0

    def admit(self) -> float:
        """0 where one more may be, which is counted; else the seconds until then."""
        now = self._clock()
        if now - self._begun >= self._seconds:
            self._begun, self._count = now, 0
        if self._count >= self._most:
            return self._begun + self._seconds - now
        self._count += 1
        return 0.0
