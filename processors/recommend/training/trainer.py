"""Fits the rankers to a log, and sets their probabilities right by category."""

from collections.abc import Sequence

import lightgbm as lgb
import numpy as np

from processors.recommend.arrays import Flags, Floats, Ints
from processors.recommend.features import NAMES
from processors.recommend.rankers import Fitted, Light, Model, known, packed, probability
from processors.recommend.training.dataset import Dataset

ROUNDS = 120
SETTINGS = {
    "objective": "binary",
    "learning_rate": 0.04,
    "num_leaves": 12,
    "min_data_in_leaf": 200,
    "lambda_l2": 5.0,
    "feature_fraction": 0.7,
    "max_bin": 127,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 5,
    "verbosity": -1,
}
"""Chosen on a world of another seed than those that are measured."""
HELD = 5
"""Every so manieth row trains no tree: the calibration is fitted on it."""
PRIOR = 50.0
"""Rows that the whole weighs in a category's calibration: one with few rows stays near it."""
FEWEST = 200
"""Long visits, of streams that were known or of new ones, from which a ranker of their own is fitted: below, they are too few for trees."""
RIDGE = 1.0
STEPS = 12
"""Newton steps of the light ranker; it has settled after six or so."""


def train(rows: Dataset, categories: Sequence[str], *, weigh_places: bool = True) -> bytes:
    """A model's file. The same rows give the same bytes: one thread, fixed seeds.

    Args:
        rows: in the order of time.
        categories: names, by the rows' numbers.
        weigh_places: whether what was opened on a page weighs the inverse of the chance that its place was looked at.
    """
    weight = rows.unbiased() if weigh_places else rows.weight
    held = np.arange(len(weight)) % HELD == 0
    fitting = ~held & (weight > 0)
    is_known = known(rows.features)
    of_known, of_new = (fitted(rows.features[part], rows.label[part], weight[part]) for part in _parts(rows.label, fitting, is_known))
    on_page = held & (rows.place >= 0) & (weight > 0)
    shown = rows.where(on_page)
    log_odds = Model(packed(of_known, of_new, {})).log_odds(shown.features)
    return packed(of_known, of_new, calibrated(log_odds, shown, weight[on_page], categories))


def _parts(label: Flags, fitting: Flags, is_known: Flags) -> tuple[Flags, Flags]:
    """The rows that the ranker of what is known learns from, and that of what is new; all of them where a part has too few."""
    known_rows, new_rows = fitting & is_known, fitting & ~is_known
    few = min(int(label[rows].sum()) for rows in (known_rows, new_rows)) < FEWEST
    return (fitting, fitting) if few else (known_rows, new_rows)


def fitted(features: Floats, label: Flags, weight: Floats) -> Fitted:
    """A light ranker, and trees that go on from its scores."""
    light = logistic(features, label, weight)
    data = lgb.Dataset(features, label, weight=weight, init_score=light.scores(features), feature_name=list(NAMES))
    return Fitted(light, lgb.train(SETTINGS, data, ROUNDS).model_to_string())


def logistic(features: Floats, label: Flags, weight: Floats) -> Light:
    """The light ranker, by Newton's method."""
    table = Light.tamed(features)
    mean, scale = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-9)
    inputs = np.column_stack([(table - mean) / scale, np.ones(len(table))])
    found = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        chance = probability(inputs @ found)
        slope = inputs.T @ (weight * (label - chance)) - RIDGE * found
        curve = (inputs.T * (weight * chance * (1 - chance))) @ inputs + RIDGE * np.eye(len(found))
        found += np.linalg.solve(curve, slope)
    return Light(mean, scale, found[:-1], float(found[-1]))


def calibrated(log_odds: Floats, shown: Dataset, weight: Floats, categories: Sequence[str]) -> dict[str, float]:
    """By category, what to add to the log odds so that they say how often what is looked at gets a long visit.

    The share of long visits is that of 1 / chance of being looked at among all that was shown, which is unbiased.
    """
    chance = probability(log_odds)
    wanted = np.where(shown.label, weight, 0.0)
    whole = _shift(wanted.sum(), chance.sum(), len(chance))
    found = {"": whole}
    level = probability(log_odds + whole)
    for number, name in enumerate(categories):
        of: Ints = np.flatnonzero(shown.category == number)
        if name and len(of):
            mean = float(level.mean())
            found[name] = whole + _shift(wanted[of].sum() + PRIOR * mean, level[of].sum() + PRIOR * mean, len(of) + PRIOR)
    return found


def _shift(wanted: float, predicted: float, rows: float) -> float:
    """Log odds between a predicted and a seen share."""

    def odds(count: float) -> float:
        share = min(max(count / max(rows, 1), 1e-4), 1 - 1e-4)
        return float(np.log(share / (1 - share)))

    return odds(wanted) - odds(predicted)
