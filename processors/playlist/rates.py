"""Bit rates as measured over the listed segments."""

from typing import NamedTuple

from processors.playlist.hls import target_duration
from processors.playlist.window import Listing

PEAK_TARGETS = 0.5
"""Segments shorter than half a target duration say nothing of the peak (RFC 8216bis section 4.4.6.2: BANDWIDTH)."""


class Rate(NamedTuple):
    """Bits a second."""

    peak: int
    mean: int

    def __add__(self, other: object) -> "Rate":
        """The rates of two renditions played together."""
        return Rate(self.peak + other.peak, self.mean + other.mean) if isinstance(other, Rate) else NotImplemented


def media_rate(listing: Listing) -> Rate:
    """Of the whole segments; before the first, as declared, or of the parts so far."""
    segments = listing.segments
    if segments:
        least = PEAK_TARGETS * target_duration(listing)
        mean = _rate(sum(s.size for s in segments), sum(s.seconds for s in segments))
        return Rate(max([mean, *(_rate(s.size, s.seconds) for s in segments if s.seconds >= least)]), mean)
    if listing.declared.bit_rate:
        return Rate(listing.declared.bit_rate, listing.declared.bit_rate)
    growing = listing.growing
    known = _rate(sum(part.size for part in growing.parts), growing.seconds) if growing is not None else 0
    return Rate(known, known)


def key_frame_rate(listing: Listing) -> Rate | None:
    """Of the key frames alone; None where no segment has one."""
    keyed = [s for s in listing.segments if s.key_frame_bytes]
    if not keyed:
        return None
    peak = max(_rate(s.key_frame_bytes, s.seconds) for s in keyed)
    return Rate(peak, _rate(sum(s.key_frame_bytes for s in keyed), sum(s.seconds for s in listing.segments)))


def _rate(size: int, length: float) -> int:
    return round(size * 8 / length) if length else 0
