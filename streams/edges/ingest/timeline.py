"""A publisher's 32-bit millisecond timestamps as one line, and what breaks it."""

from enum import Enum
from typing import Literal, NamedTuple

JUMP_MS = 3_000
"""Further ahead of all tracks or behind them than this is a jump: players' and encoders' buffers skew tracks by less."""
BACK_MS = 100
"""A track's own timestamps may go back by this without being a jump: rounding and re-ordered encoders' threads."""
STALE_US = 2_000_000
"""After a jump, what still belongs to the line before it is passed over for this long: the tracks do not jump in the same message."""
WRAP = 1 << 32

Kind = Literal["audio", "video"]


class Continuity(Enum):
    """How a timestamp follows those before it."""

    CONTINUES = 1
    JUMPS = 2
    STALE = 3
    """From before the last jump."""


class Arrival(NamedTuple):
    """A timestamp on the line."""

    time_ms: int
    """Unwrapped: goes on past 2^32."""
    continuity: Continuity


class Timeline:
    """Unwraps timestamps and tells jumps. Pure: the clock is handed in."""

    def __init__(self) -> None:
        self._last: dict[Kind, int] = {}
        self._former: tuple[int, int] | None = None  # newest time before the last jump, and until when it counts

    def place(self, kind: Kind, timestamp: int, now: int) -> Arrival:
        """Places a message.

        Args:
            kind: its track.
            timestamp: milliseconds modulo 2^32.
            now: arrival, UTC microseconds.
        """
        if not self._last:
            self._last[kind] = timestamp
            return Arrival(timestamp, Continuity.CONTINUES)
        newest = max(self._last.values())
        time = newest + (timestamp - newest + WRAP // 2) % WRAP - WRAP // 2
        own = self._last.get(kind, time)
        if newest - JUMP_MS <= time <= newest + JUMP_MS and time >= own - BACK_MS:
            self._last[kind] = max(own, time)
            return Arrival(time, Continuity.CONTINUES)
        if self._former and now < self._former[1] and abs(time - self._former[0]) <= JUMP_MS:
            return Arrival(time, Continuity.STALE)
        self._former = (newest, now + STALE_US)
        self._last = {kind: time}
        return Arrival(time, Continuity.JUMPS)
