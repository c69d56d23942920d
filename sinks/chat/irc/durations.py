"""Lengths of time as people write them in commands: `600`, `10m`, `1d12h`."""

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 2_592_000}
"""Seconds; a month is 30 days, as Twitch counts it."""
_PART = re.compile(r"(\d{1,9})(mo|[smhdw])")


def duration(text: str, unit: str = "s") -> int | None:
    """Seconds; a bare number counts in `unit`. None where it is no such text."""
    text = text.lower()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text) * UNITS[unit]
    if not text or _PART.sub("", text):
        return None
    return sum(int(number) * UNITS[name] for number, name in _PART.findall(text))
