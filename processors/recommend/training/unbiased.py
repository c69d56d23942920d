"""Pages that are looked at as a whole: a model's order beside what viewers of the generated world would do, without any place's favour."""

from typing import NamedTuple

import numpy as np
from numpy.random import default_rng

from processors.recommend.arrays import Floats
from processors.recommend.features import Scene, vectors
from processors.recommend.rankers import Model
from processors.recommend.training.log import World
from processors.recommend.training.study import Prepared

PLACES, FIRST = 20, 5
LONG_SHARE = 0.66
"""Of visits, those of five minutes or more: about the same for all streams that a viewer opens."""
SEED = 23


class LookedAt(NamedTuple):
    """A page of streams drawn evenly from what is live."""

    features: Floats
    chance: Floats
    """Of a long visit, as the world has it."""


def looked_at(log: World, prepared: Prepared, pages: int) -> list[LookedAt]:
    """Such pages, for viewers drawn evenly, at the moment up to which the log is prepared."""
    rng = default_rng(SEED)
    live, state = prepared.state.live, prepared.state
    numbers = {channel_id: at for at, channel_id in enumerate(log.channels.ids)}
    world_of = np.array([numbers[name] for name in state.catalog.channels.names])
    found = []
    for who in rng.integers(0, log.size.viewers, pages).tolist():
        rows = rng.choice(live.size, min(PLACES, live.size), replace=False)
        scene = Scene(live, prepared.embeddings, state.audience.viewer(log.people.ids[who]), prepared.now)
        chance = LONG_SHARE * log.opening(who, world_of[live.channel[rows]], live.viewers[rows])
        found.append(LookedAt(vectors(scene, rows), chance))
    return found


def precision(model: Model, pages: list[LookedAt]) -> float:
    """Mean chance of a long visit of a model's first `FIRST` of each page."""
    scores = model.log_odds(np.concatenate([page.features for page in pages]))
    chances, at = [], 0
    for page in pages:
        best = np.argsort(-scores[at : at + len(page.chance)], kind="stable")[:FIRST]
        chances.append(float(page.chance[best].mean()))
        at += len(page.chance)
    return float(np.mean(chances))
