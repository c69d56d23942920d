"""A moment with many streams live, of the law's shape: what latency and the tail are measured on."""

import numpy as np
from numpy.random import default_rng

from processors.recommend.live import Observed
from processors.recommend.state import State
from processors.recommend.training import world
from processors.recommend.training.log import SECOND_US, started, watched
from processors.recommend.training.world import Size

VISITS = 40
"""Of a viewer, on average: a month's."""


def crowd(streams: int, viewers: int, seed: int = 1) -> tuple[State, int, list[str]]:
    """(state, now, user ids): all channels are live in the evening, each viewer has a past with channels of his language and liking."""
    rng = default_rng(seed)
    size = Size(channels=streams, viewers=viewers, days=30)
    channels = world.channels(rng, size)
    people = world.people(rng, size, channels)
    now_s = world.EPOCH_S + 30 * world.DAY_S + 20 * 3_600
    state = State()
    for event in started(channels, now_s - 3_600):
        state.apply(event)
    audience = np.floor(world.MEAN_VIEWERS * channels.weight * rng.lognormal(-0.08, 0.4, streams))
    growth, chat = np.round(audience * rng.normal(0, 0.1, streams)), np.floor(0.5 * audience**0.8)
    state.apply(Observed(now_s * SECOND_US, tuple(channels.ids), audience, growth, chat))
    by_chance = np.cumsum(channels.weight) / channels.weight.sum()
    for who, user_id in enumerate(people.ids):
        offered = np.searchsorted(by_chance, rng.random(12 * VISITS))
        likes = channels.taste[offered] @ people.taste[who] - 4 * (channels.language[offered] != people.language[who])
        liked = offered[np.argsort(-likes - rng.gumbel(0, 1, len(offered)), kind="stable")][: rng.poisson(VISITS) + 1]
        for channel in liked:
            for event in watched(user_id, channels.ids[channel], now_s - int(rng.integers(86_400, 30 * 86_400)), 1_800):
                state.apply(event)
    return state, now_s * SECOND_US, people.ids
