"""Wall-clock time for edges and sinks. Folds never see it: their time is the event's."""

import time


def now_us() -> int:
    """UTC microseconds since 1970."""
    return time.time_ns() // 1_000
