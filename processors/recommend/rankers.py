"""The rankers: a light one, a weighted sum; a heavy one of trees that goes on from its scores; and their calibration by category."""

import json
import zlib
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from processors.recommend.arrays import Floats
from processors.recommend.features import NAMES
from processors.recommend.trees import Trees

FILE = Path(__file__).with_name("model.bin")
MAGIC = b"CRM1"
TAMED = tuple(
    NAMES.index(name) for name in ("viewers", "chat_rate", "duration", "times_watched", "days_since", "sessions", "shared_viewers")
)
"""Columns that the light ranker reads by their logarithm: their tails would drown all else in a sum."""


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


class Model:
    """Both rankers and the calibration, from one file."""

    def __init__(self, packed: bytes) -> None:
        if not packed.startswith(MAGIC):
            raise ModelError(f"{len(packed)} bytes that do not begin with {MAGIC!r}: {ModelError.__doc__}")
        content = json.loads(zlib.decompress(packed[len(MAGIC) :]))
        if tuple(content["features"]) != NAMES:
            raise ModelError(f"made for the features {content['features']}, not {list(NAMES)}: {ModelError.__doc__}")
        self.version = sha256(packed).hexdigest()[:12]
        light = content["light"]
        self.light = Light(np.array(light["mean"]), np.array(light["scale"]), np.array(light["weights"]), light["bias"])
        self.shifts: dict[str, float] = content["shifts"]
        """By category, added to the log odds; a category that is not there has the mean's, under the empty name."""
        self._trees = Trees(content["trees"], len(NAMES))

    def log_odds(self, features: Floats) -> Floats:
        """The heavy ranker's, before calibration. One thread."""
        if not len(features):
            return np.zeros(0)
        return self.light.scores(features) + self._trees.log_odds(features)

    def contributions(self, features: Floats) -> Floats:
        """What each feature adds to the log odds of each stream (the trees' by TreeSHAP), beside an average stream."""
        light: Floats = (self.light.tamed(features) - self.light.mean) / self.light.scale * self.light.weights
        return self._trees.contributions(features) + light

    def shift(self, category: str) -> float:
        """What a category adds."""
        return self.shifts.get(category, self.shifts.get("", 0.0))


def packed(light: Light, trees: str, shifts: dict[str, float]) -> bytes:
    """A model's file."""
    content = {
        "features": NAMES,
        "light": {"mean": light.mean.tolist(), "scale": light.scale.tolist(), "weights": light.weights.tolist(), "bias": light.bias},
        "shifts": shifts,
        "trees": trees,
    }
    return MAGIC + zlib.compress(json.dumps(content, sort_keys=True).encode(), 9)


@cache
def model() -> Model:
    """The packaged model."""
    return Model(FILE.read_bytes())


def probability(log_odds: Floats) -> Floats:
    """Of log odds."""
    found: Floats = 1 / (1 + np.exp(-log_odds))
    return found
