"""Times and addresses as manifests write them."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

MEDIA = "/media/"
"""Where the origin serves objects by address."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(1024)
def date_time(us: int, timespec: str = "milliseconds") -> str:
    """UTC microseconds as ISO 8601, cut (not rounded) to milliseconds, which is what players read.

    Those of a window's segments are written again and again.
    """
    return (EPOCH + timedelta(microseconds=us)).isoformat(timespec=timespec).replace("+00:00", "Z")


def seconds(value: float) -> str:
    """Decimal seconds to 10 µs, finer than a tick of 90 kHz."""
    return f"{value:.5f}"
