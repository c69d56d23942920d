"""What an audience takes out of caches and out of the origin, and what it costs: a model to plan by, from a few numbers."""

import math
from typing import NamedTuple

EXPONENT = 1.1
"""Of Zipf's law: how viewers spread over streams, the most watched first."""
YEAR_S = 365 * 86_400
GB = 1_000_000_000


class Egress(NamedTuple):
    """Of an audience."""

    total: float
    """Bits a second to viewers; without caches all of them are the origin's."""
    origin: float
    """Bits a second out of the origin with caches before it."""

    @property
    def hits(self) -> float:
        """Share of the requests that caches answer."""
        return 1 - self.origin / self.total if self.total else 0.0

    @property
    def year_gb(self) -> float:
        """Gigabytes to viewers a year, were it always so."""
        return self.total / 8 * YEAR_S / GB


def hit_rate(viewers: float) -> float:
    """Share of the requests for an object that a cache answers where so many viewers on average, of independent coming, ask it for it:
    all but the first of each object, 1 - (1 - e^-n) / n.
    """
    return 1 + math.expm1(-viewers) / viewers if viewers else 0.0


def egress(viewers: int, bit_rate: float, streams: int, points: int, renditions: int) -> Egress:
    """Of viewers spread over streams by Zipf's law, and evenly over points of presence and renditions.

    Args:
        viewers: at once.
        bit_rate: bits a second of each, on average.
        streams: that are live.
        points: of presence, each with a cache of its own and none behind another.
        renditions: of a stream.
    """
    weights = [rank**-EXPONENT for rank in range(1, streams + 1)]
    whole = sum(weights)
    missed = sum(weight * (1 - hit_rate(viewers * weight / whole / points / renditions)) for weight in weights) / whole
    return Egress(viewers * bit_rate, viewers * bit_rate * missed)
