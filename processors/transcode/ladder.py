"""The ladder: which renditions a tier gets from a source, and what each must be."""

from functools import lru_cache
from math import ceil
from typing import Literal, NamedTuple

Tier = Literal["partner", "affiliate", "regular"]

AUDIO_BIT_RATE = 128_000
"""Bits a second of AAC, where audio has to be made (T5)."""
SEGMENT_SECONDS = 2
"""Key frame interval and target segment length (T4)."""
PEAK_RATIO = 1.5
"""maxrate over bit rate (T5)."""
BUFFER_RATIO = 2
"""VBV buffer, in seconds of the bit rate (T5)."""


SOURCES = 4_096
"""Kinds of sources whose ladders are kept: encoders have some dozens of sizes and rates."""


class Source(NamedTuple):
    """Picture of a source: pixels and frames a second; a rate of 0 is unknown."""

    width: int
    height: int
    frame_rate: float


class Rendition(NamedTuple):
    """One encoded output: the unit of capacity."""

    name: str
    """Rung of the ladder, such as `480p30`; a slower source keeps the name and its own rate."""
    width: int
    height: int
    frame_rate: float
    bit_rate: int
    """Mean bits a second."""

    @property
    def max_rate(self) -> int:
        """Peak bits a second."""
        return int(self.bit_rate * PEAK_RATIO)

    @property
    def buffer_size(self) -> int:
        """VBV buffer, bits."""
        return self.bit_rate * BUFFER_RATIO

    @property
    def key_frame_interval(self) -> int:
        """Frames from key frame to key frame: `g`."""
        return max(1, round(self.frame_rate * SEGMENT_SECONDS))

    @property
    def profile(self) -> str:
        """H.264 profile: High where its 8x8 transform pays, Main for pictures that small devices play."""
        return "high" if min(self.width, self.height) >= 480 else "main"

    @property
    def level(self) -> str:
        """Lowest H.264 level that holds size, rate and buffer."""
        blocks = ceil(self.width / 16) * ceil(self.height / 16)
        for level in _LEVELS:
            fits_picture = blocks <= level.frame_blocks and blocks * self.frame_rate <= level.block_rate
            if fits_picture and self.max_rate <= level.bit_rate and self.buffer_size <= level.buffer_size:
                return level.name
        return _LEVELS[-1].name

    @property
    def load(self) -> float:
        """Capacity that it takes, encoded megapixels a second."""
        return self.width * self.height * self.frame_rate / 1e6


class _Rung(NamedTuple):
    name: str
    short_side: int
    frame_rate: int
    bit_rate: int


_RUNGS = (
    _Rung("720p60", 720, 60, 3_000_000),
    _Rung("480p30", 480, 30, 1_500_000),
    _Rung("360p30", 360, 30, 800_000),
    _Rung("160p30", 160, 30, 400_000),
)
"""T1, largest first; 1080p60/6000 is the source itself, passed through."""

_OF_TIER: dict[Tier, frozenset[str]] = {
    "partner": frozenset(rung.name for rung in _RUNGS),
    "affiliate": frozenset(("720p60", "480p30")),
    "regular": frozenset(),
}
"""T2."""


class _Level(NamedTuple):
    name: str
    block_rate: int
    """MaxMBPS, macroblocks a second."""
    frame_blocks: int
    """MaxFS, macroblocks."""
    bit_rate: int
    """MaxBR for Main (High may have 1.25 times that), bits a second."""
    buffer_size: int
    """MaxCPB, bits."""


_LEVELS = (
    _Level("1.3", 11_880, 396, 768_000, 2_000_000),
    _Level("2.1", 19_800, 792, 4_000_000, 4_000_000),
    _Level("3.0", 40_500, 1_620, 10_000_000, 10_000_000),
    _Level("3.1", 108_000, 3_600, 14_000_000, 14_000_000),
    _Level("3.2", 216_000, 5_120, 20_000_000, 20_000_000),
    _Level("4.2", 522_240, 8_704, 50_000_000, 62_500_000),
    _Level("5.2", 2_073_600, 36_864, 240_000_000, 240_000_000),
)
"""ITU-T H.264 table A-1, without the levels that a ladder never needs."""


@lru_cache(SOURCES)
def ladder(tier: Tier, source: Source) -> tuple[Rendition, ...]:
    """Renditions to make beside the source, largest first; empty where the tier or the size allows none.

    A rung is below the source's size (its shorter side: a portrait source gets portrait renditions) and never above its rate.
    """
    names = _OF_TIER[tier]
    return tuple(rendition for rendition in below(source) if rendition.name in names)


def below(source: Source) -> tuple[Rendition, ...]:
    """Every rung below a source, whatever the tier: what a job's names are looked up in."""
    short = min(source.width, source.height)
    return tuple(_scaled(rung, source) for rung in _RUNGS if rung.short_side < short)


def _scaled(rung: _Rung, source: Source) -> Rendition:
    width = _even(rung.short_side * max(1.0, source.width / source.height))
    height = _even(rung.short_side * max(1.0, source.height / source.width))
    return Rendition(rung.name, width, height, output_rate(source.frame_rate, rung.frame_rate), rung.bit_rate)


def _even(pixels: float) -> int:
    """Rounds down to even, which 4:2:0 needs: 16:9 gives 852x480 and 284x160."""
    return int(pixels + 1e-6) // 2 * 2


def output_rate(source_rate: float, most: float) -> float:
    """Frame rate made from a source's: every n-th frame where that stays fluent (60 -> 30, 50 -> 25), else the highest allowed."""
    if source_rate <= 0:
        return most
    # 60.02 measured is 60: a tolerance of 1% keeps it from being cut to a third.
    step = ceil(source_rate / most * 0.99)
    every_nth = source_rate / step
    return min(every_nth, most) if step == 1 or every_nth >= _FLUENT else most


_FLUENT = 24.0
"""Frames a second below which motion judders: cinema's rate."""
