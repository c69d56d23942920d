"""Means with their uncertainty, resampled by viewer: one viewer's pages are alike, and are drawn together."""

from typing import NamedTuple

import numpy as np
from numpy.random import default_rng

from processors.recommend.arrays import Floats, Ints

RESAMPLES = 1_000
LEVEL = 95.0
SEED = 17


class Estimate(NamedTuple):
    """A figure and the interval that holds it in 95 of 100 such logs."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"


def mean(values: Floats, viewers: Ints) -> Estimate:
    """The mean of values, each with the number of the viewer that it is of. Bootstrap over viewers, percentiles."""
    sums, counts = np.bincount(viewers, values), np.bincount(viewers).astype(np.float64)
    present = counts > 0
    sums, counts = sums[present], counts[present]
    drawn = default_rng(SEED).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), RESAMPLES)
    low, high = np.percentile(drawn @ sums / (drawn @ counts), [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return Estimate(float(sums.sum() / counts.sum()), float(low), float(high))
