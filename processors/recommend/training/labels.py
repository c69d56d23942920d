"""The label: a visit of five minutes or more. Visits that something else cut short are weighed, not guessed."""

import numpy as np

from processors.recommend.arrays import Flags, Floats

LONG_S = 300
"""Seconds from which a visit counts as wanted."""


def labelled(seconds: Floats, cut: Flags) -> tuple[Flags, Floats]:
    """(label, weight) of visits. `cut`: the broadcast's or the log's end ended it, not the viewer.

    A visit that was cut before five minutes has no label: weight 0. To stand for it, those that lasted as long weigh more: by the
    inverse of the chance not to have been cut by then (Kaplan-Meier; Robins and Rotnitzky 1992). The share of long visits stays unbiased.
    """
    label = seconds >= LONG_S
    times, kept = _uncut(seconds, cut & ~label)
    # Just before the visit's end: who left at t could still have been cut at t.
    before = np.searchsorted(times, np.minimum(seconds, LONG_S), side="left")
    chance = np.append([1.0], kept)[before]
    return label, np.where(cut & ~label, 0.0, 1 / chance)


def _uncut(seconds: Floats, cut: Flags) -> tuple[Floats, Floats]:
    """Times of cuts, and after each the chance that a visit was not cut until then."""
    times, counts = np.unique(seconds[cut], return_counts=True)
    ordered = np.sort(seconds)
    at_risk = len(ordered) - np.searchsorted(ordered, times, side="left")
    return times, np.cumprod(1 - counts / np.maximum(at_risk, counts + 1))
