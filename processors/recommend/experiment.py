"""A/B experiments on what recommendations do to the platform: which arm a viewer is in, and two figures of each arm."""

from collections import defaultdict
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.random import default_rng

from processors.recommend.candidates import FRESH_DAYS
from processors.recommend.estimates import LEVEL, RESAMPLES, SEED, Estimate, mean
from processors.recommend.features import DAY_US
from schemas.event import Event
from schemas.events import ChannelProfile, ViewerJoined

ENOUGH = 100
"""Viewers from which a new channel has found its audience."""


def arm_of(user_id: str, experiment: str, arms: tuple[str, ...]) -> str:
    """A viewer's arm: by the hash of both names, so that it stays his, and another experiment's is independent of it."""
    digest = blake2b(f"{experiment}\0{user_id}".encode(), digest_size=8).digest()
    return arms[int.from_bytes(digest, "big") % len(arms)]


class Figures(NamedTuple):
    """Of one arm."""

    viewers: int
    streamers: Estimate
    """Channels that a viewer watched."""
    grown: Estimate
    """New channels that would reach `ENOUGH` viewers were all viewers in this arm."""


class Experiment:
    """The view of an experiment, folded from the log."""

    def __init__(self, name: str, arms: tuple[str, ...]) -> None:
        self._name, self._arms = name, arms
        self._created: dict[str, int] = {}
        self._watched: dict[str, dict[str, set[str]]] = {arm: defaultdict(set) for arm in arms}
        """Channels by viewer by arm."""
        self._new: set[str] = set()

    def apply(self, event: Event) -> None:
        """Takes an event in."""
        if isinstance(event, ChannelProfile):
            self._created[event.channel_id] = event.created_at
        elif isinstance(event, ViewerJoined) and event.user_id is not None:
            self._watched[arm_of(event.user_id, self._name, self._arms)][event.user_id].add(event.channel_id)
            if event.occurred_at - self._created.get(event.channel_id, 0) < FRESH_DAYS * DAY_US:
                self._new.add(event.channel_id)

    def figures(self) -> dict[str, Figures]:
        """By arm; arms that nobody is in are left out."""
        everyone = sum(map(len, self._watched.values()))
        return {arm: self._figures(watched, everyone) for arm, watched in self._watched.items() if watched}

    def _figures(self, watched: dict[str, set[str]], everyone: int) -> Figures:
        counts = np.array([len(channels) for channels in watched.values()], np.float64)
        new = {channel: number for number, channel in enumerate(sorted(self._new))}
        table = np.zeros((len(watched), len(new)))
        for viewer, channels in enumerate(watched.values()):
            table[viewer, [new[channel] for channel in channels if channel in new]] = 1
        scale = everyone / len(watched)
        drawn = default_rng(SEED).multinomial(len(watched), np.full(len(watched), 1 / len(watched)), RESAMPLES)
        grown = (drawn @ table * scale >= ENOUGH).sum(axis=1)
        low, high = np.percentile(grown, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
        value = float((table.sum(axis=0) * scale >= ENOUGH).sum())
        return Figures(len(watched), mean(counts, np.arange(len(counts))), Estimate(value, float(low), float(high)))
