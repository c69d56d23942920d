"""Moments as people give them to commands, and the offsets at which they are on the log."""

import re
import time
from datetime import UTC, datetime

from infra.cli.console import USAGE, CommandError
from streams.log import Source

AGO = re.compile(r"(\d+)(s|m|h|d)")
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
MOMENTS = "start, end, an age such as 10m, or a time such as 2026-01-31T12:00:00Z"
"""What an option that takes a moment says in its help."""


def milliseconds(text: str, option: str) -> int:
    """Milliseconds since 1970 of an age such as `10m` or a time in ISO 8601; one without zone is UTC.

    Raises:
        CommandError: it is neither; `option` is what the message names.
    """
    if ago := AGO.fullmatch(text):
        return int((time.time() - int(ago[1]) * SECONDS[ago[2]]) * 1_000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as cause:
        raise CommandError(f"{option} {text!r} is none of {MOMENTS}", USAGE) from cause
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def offsets(log: Source, topic: str, text: str, option: str) -> dict[int, int]:
    """Per partition the first offset at or past a moment, which may also be `start` or `end`.

    Raises:
        CommandError: the text is no moment.
    """
    if text == "end":
        return log.ends(topic)
    return log.starts_at(topic, None if text == "start" else milliseconds(text, option))
