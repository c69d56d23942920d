"""The rankers: a light one, a weighted sum; a heavy one of trees that goes on from its scores; and their calibration by category."""

import json
import zlib
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from processors.recommend.arrays import Flags, Floats
from processors.recommend.features import NAMES
from processors.recommend.trees import Trees

FILE = Path(__file__).with_name("model.bin")
MAGIC = b"CRM2"
TAMED = tuple(
    NAMES.index(name) for name in ("viewers", "chat_rate", "duration", "times_watched", "days_since", "sessions", "shared_viewers")
)
"""Columns that the light ranker reads by their logarithm: their tails would drown all else in a sum."""

WATCHED = NAMES.index("times_watched")
Judge = Callable[[Floats], Floats]


class ModelError(Exception):
    """The packaged model is none. Operator action: restore processors/recommend/model.bin, or run `chronicast recommend train`."""


class Light:
    """A logistic model: one product of a matrix with a vector."""

    def __init__(self, mean: Floats, scale: Floats, weights: Floats, bias: float) -> None:
        self.mean, self.scale, self.weights, self.bias = mean, scale, weights, bias

    @staticmethod
    def tamed(features: Floats) -> Floats:
        """The columns as they are summed."""
        table = features.copy()
        for column in TAMED:
            table[:, column] = np.log1p(np.maximum(table[:, column], 0))
        return table

    def scores(self, features: Floats) -> Floats:
        """Log odds."""
        found: Floats = (self.tamed(features) - self.mean) / self.scale @ self.weights + self.bias
        return found


class Part(NamedTuple):
    """A light ranker and the trees that go on from it."""

    light: Light
    trees: Trees

    def log_odds(self, features: Floats) -> Floats:
        """The heavy ranker's."""
        found: Floats = self.light.scores(features) + self.trees.log_odds(features)
        return found

    def contributions(self, features: Floats) -> Floats:
        """What each feature adds to the log odds of each stream (the trees' by TreeSHAP), beside an average stream."""
        light: Floats = (self.light.tamed(features) - self.light.mean) / self.light.scale * self.light.weights
        return self.trees.contributions(features) + light


class Model:
    """The rankers and the calibration, from one file. What the viewer has watched before and what is new to him have rankers of their
    own, for different things count; both say log odds, so that their streams are compared.
    """

    def __init__(self, packed: bytes) -> None:
        if not packed.startswith(MAGIC):
            raise ModelError(f"{len(packed)} bytes that do not begin with {MAGIC!r}: {ModelError.__doc__}")
        content = json.loads(zlib.decompress(packed[len(MAGIC) :]))
        if tuple(content["features"]) != NAMES:
            raise ModelError(f"made for the features {content['features']}, not {list(NAMES)}: {ModelError.__doc__}")
        self.version = sha256(packed).hexdigest()[:12]
        self.shifts: dict[str, float] = content["shifts"]
        """By category, added to the log odds; a category that is not there has the mean's, under the empty name."""
        self._known, self._new = (_part(content[name]) for name in ("known", "new"))

    def light(self, features: Floats) -> Floats:
        """The light ranker's log odds."""
        return _by_part(features, self._known.light.scores, self._new.light.scores)

    def log_odds(self, features: Floats) -> Floats:
        """The heavy ranker's, before calibration. One thread."""
        return _by_part(features, self._known.log_odds, self._new.log_odds)

    def contributions(self, features: Floats) -> Floats:
        """What each feature adds to the log odds of each stream, beside an average one of those that are known, or new, as it is."""
        return _by_part(features, self._known.contributions, self._new.contributions)

    def shift(self, category: str) -> float:
        """What a category adds."""
        return self.shifts.get(category, self.shifts.get("", 0.0))


def known(features: Floats) -> Flags:
    """Which of some streams the viewer has watched before."""
    found: Flags = features[:, WATCHED] > 0
    return found


def _by_part(features: Floats, of_known: Judge, of_new: Judge) -> Floats:
    """Each row judged by its part's ranker."""
    is_known = known(features)
    if not len(features) or not is_known.any():
        return of_new(features)
    first = of_known(features[is_known])
    found = np.empty((len(features), *first.shape[1:]))
    found[is_known] = first
    if not is_known.all():
        found[~is_known] = of_new(features[~is_known])
    return found


def _part(content: dict[str, Any]) -> Part:
    light = content["light"]
    weights = Light(np.array(light["mean"]), np.array(light["scale"]), np.array(light["weights"]), light["bias"])
    return Part(weights, Trees(content["trees"], len(NAMES)))


class Fitted(NamedTuple):
    """A part as it is packed: the trees in LightGBM's text form."""

    light: Light
    trees: str


def packed(of_known: Fitted, of_new: Fitted, shifts: dict[str, float]) -> bytes:
    """A model's file."""
    parts = {
        name: {
            "light": {"mean": light.mean.tolist(), "scale": light.scale.tolist(), "weights": light.weights.tolist(), "bias": light.bias},
            "trees": trees,
        }
        for name, (light, trees) in (("known", of_known), ("new", of_new))
    }
    return MAGIC + zlib.compress(json.dumps({"features": NAMES, "shifts": shifts, **parts}, sort_keys=True).encode(), 9)


@cache
def model() -> Model:
    """The packaged model."""
    return Model(FILE.read_bytes())


def probability(log_odds: Floats) -> Floats:
    """Of log odds."""
    found: Floats = 1 / (1 + np.exp(-log_odds))
    return found
