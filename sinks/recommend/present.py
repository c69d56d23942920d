"""Audiences and how they grow, from counts of who watches: what pages show, and the stream features of a platform that runs no Flink."""

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np

from processors.recommend.live import Observed

WINDOW_US = 10_000_000
"""Between two counts."""
TREND_US = 300_000_000
"""What a trend is taken against."""


class Present:
    """Counts, taken when they are asked for and the last ones are older than a window."""

    def __init__(self, viewers: Callable[[], Mapping[str, int]]) -> None:
        """`viewers` gives the newest count by channel, which stays as it is; a channel that is not there has none."""
        self._viewers = viewers
        self._counts: deque[tuple[int, Mapping[str, int]]] = deque()
        """(moment, viewers by channel), the oldest first."""

    def viewers(self, channel_id: str) -> int:
        """Viewers of a channel by the last count."""
        return self._counts[-1][1].get(channel_id, 0) if self._counts else 0

    def observed(self, now: int) -> Observed | None:
        """Counts of all channels that anybody watches or did; None while the last ones are young."""
        if self._counts and now - self._counts[-1][0] < WINDOW_US:
            return None
        while len(self._counts) > 1 and self._counts[1][0] <= now - TREND_US:
            self._counts.popleft()
        counts = self._viewers()
        then, before = self._counts[0] if self._counts else (now, {})
        viewers = np.array(list(counts.values()), np.float64)
        past = np.array([before.get(channel, 0) for channel in counts], np.float64)
        self._counts.append((now, counts))
        # Nobody asked five minutes ago: a trend of a few seconds would be noise.
        trend = viewers - past if now - then >= TREND_US else np.zeros(len(counts))
        return Observed(now, tuple(counts), viewers, trend, np.zeros(len(counts)))
