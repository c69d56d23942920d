"""Viewers present by channel, counted from the sessions on the log: the stream features of a platform that runs no Flink."""

from collections import defaultdict, deque
from typing import Any

import numpy as np

from processors.recommend.live import Observed
from processors.viewers import VIEWERS
from processors.viewers.fold import present
from schemas.event import Event
from streams.fold import At, Table

WINDOW_US = 10_000_000
"""Between two counts."""
TREND_US = 300_000_000
"""What a trend is taken against."""


class Present:
    """Counts, taken when they are asked for and the last ones are older than a window."""

    def __init__(self) -> None:
        self._rows: defaultdict[str, defaultdict[Table[Any], dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
        self._counts: deque[tuple[int, dict[str, int]]] = deque()
        """(moment, viewers by channel), the oldest first."""

    def apply(self, event: Event, at: At) -> None:
        """Takes an event of a viewer's session in."""
        channel_id: str | None = getattr(event, "channel_id", None)
        if at.topic in VIEWERS.inputs and channel_id is not None:
            VIEWERS.apply(self._rows[channel_id], event, at)

    def observed(self, now: int) -> Observed | None:
        """Counts of all channels that sessions were ever told of; None while the last ones are young."""
        if self._counts and now - self._counts[-1][0] < WINDOW_US:
            return None
        while len(self._counts) > 1 and self._counts[1][0] <= now - TREND_US:
            self._counts.popleft()
        counts = {channel: present(rows, now) for channel, rows in self._rows.items()}
        then, before = self._counts[0] if self._counts else (now, {})
        viewers = np.array(list(counts.values()), np.float64)
        past = np.array([before.get(channel, 0) for channel in counts], np.float64)
        self._counts.append((now, counts))
        # Nobody asked five minutes ago: a trend of a few seconds would be noise.
        trend = viewers - past if now - then >= TREND_US else np.zeros(len(counts))
        return Observed(now, tuple(counts), viewers, trend, np.zeros(len(counts)))
