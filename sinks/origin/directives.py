"""Delivery directives of a playlist request (RFC 8216bis section 6.2.5)."""

from collections.abc import Mapping
from typing import NamedTuple

from processors.playlist.hls import Shape
from sinks.origin.problem import ProblemError

MAX_DIGITS = 18
"""Fits 63 bits; a longer number is no media sequence number."""
AHEAD_SEGMENTS = 2
"""Segments past the newest that may be asked for (section 6.2.5.2)."""
AHEAD_SECONDS = 3.0
"""Parts past the newest that may be asked for, in seconds of parts: the Advance Part Limit (section 6.2.5.2)."""


class Directives(NamedTuple):
    """What a player asks for."""

    shape: Shape
    media_sequence: int | None = None
    part: int | None = None

    @property
    def blocking(self) -> bool:
        """Whether the answer is to wait for something."""
        return self.media_sequence is not None


def directives(query: Mapping[str, str]) -> Directives:
    """Reads them from a query; parts are left out with `latency=normal`.

    Raises:
        ProblemError: 400, malformed.
    """
    latency, skip = query.get("latency", "low"), query.get("_HLS_skip")
    if latency not in {"low", "normal"}:
        raise _malformed("latency", latency, "use latency=normal, or leave it out for low latency")
    if skip not in {None, "YES", "v2"}:
        raise _malformed("_HLS_skip", str(skip), "use YES or v2")
    media_sequence, part = _number(query, "_HLS_msn"), _number(query, "_HLS_part")
    if part is not None and media_sequence is None:
        raise _malformed("_HLS_part", str(part), "give _HLS_msn with it")
    parts = latency == "low"
    return Directives(Shape(parts, skip is not None), media_sequence, part if parts else None)


def _number(query: Mapping[str, str], name: str) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS):
        raise _malformed(name, value, "give a decimal number")
    return int(value)


def _malformed(name: str, value: str, fix: str) -> ProblemError:
    return ProblemError(400, "malformed_directive", f"{name}={value[:40]!r} has no meaning", fix)


def too_far(asked: Directives) -> ProblemError:
    """Asked for what lies too far ahead."""
    place = f"segment {asked.media_sequence}" + ("" if asked.part is None else f" part {asked.part}")
    return ProblemError(
        400, "too_far_ahead", f"{place} lies too far ahead of the playlist's end", "load the playlist without delivery directives first"
    )
