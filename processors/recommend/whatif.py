"""What if another model had ranked: pages of the past in its order, and how many long visits they would have led to. Nothing is written."""

from typing import NamedTuple

import numpy as np

from processors.recommend.arrays import Floats, Ints
from processors.recommend.catalog import Catalog
from processors.recommend.estimates import Estimate, mean
from processors.recommend.features import VERSION
from processors.recommend.outcomes import Outcomes
from processors.recommend.position import examined
from processors.recommend.rankers import Model
from schemas.event import Event
from schemas.events import RecommendationServed

LONG_S = 300
"""Seconds from which a visit counts as wanted."""


class WhatIf(NamedTuple):
    """The comparison. Rewards are long visits a page."""

    pages: int
    moved: float
    """Share of places that show another stream."""
    was: Estimate
    would: Estimate
    gain: Estimate


class Pages:
    """Pages and what came of them, collected from a log."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._outcomes = Outcomes()
        self._served: dict[str, RecommendationServed] = {}

    def apply(self, event: Event) -> None:
        """Takes an event in. Pages without a viewer or of other features are passed over."""
        self._outcomes.apply(event)
        if isinstance(event, RecommendationServed) and event.user_id is not None and event.feature_version == VERSION:
            self._served[event.request_id] = event

    def compare(self, model: Model, end: int) -> WhatIf | None:
        """The model's order beside the one that was shown; None without a page.

        A visit that began at place `i` would have begun at `j` by the ratio of their chances to be looked at (Joachims et al. 2017).
        Streams that were not shown cannot be judged. What was drawn to explore keeps its place; rules add what they added then.
        """
        rewards: dict[str, dict[int, float]] = {}
        for visit in self._outcomes.until(end):
            if visit.request_id in self._served and visit.seconds >= LONG_S:
                rewards.setdefault(visit.request_id, {})[visit.place] = 1.0
        was, would, viewers, moved, places = [], [], [], 0, 0
        numbers: dict[str, int] = {}
        for request_id, page in self._served.items():
            order = self._order(page, model)
            seen = examined(len(order))
            got = np.zeros(len(order))
            for place, reward in rewards.get(request_id, {}).items():
                got[place] = reward
            was.append(float(got.sum()))
            would.append(float((got[order] / seen[order] * seen).sum()))
            viewers.append(numbers.setdefault(page.user_id or "", len(numbers)))
            moved += int((order != np.arange(len(order))).sum())
            places += len(order)
        if not was:
            return None
        before, after, who = np.array(was), np.array(would), np.array(viewers)
        return WhatIf(len(was), moved / max(places, 1), mean(before, who), mean(after, who), mean(after - before, who))

    def _order(self, page: RecommendationServed, model: Model) -> Ints:
        """Places of the page in the model's order."""
        table = np.array([item.features for item in page.items]).reshape(len(page.items), -1)
        chances = np.array([item.probability for item in page.items])
        rules = np.array([item.score for item in page.items]) - np.log(chances / (1 - chances))
        scores: Floats = model.log_odds(table) + rules + np.array([model.shift(self._category(item.channel_id)) for item in page.items])
        order = np.arange(len(page.items))
        free = np.array([not item.explored for item in page.items], np.bool_)
        order[free] = order[free][np.argsort(-scores[free], kind="stable")]
        return order

    def _category(self, channel_id: str) -> str:
        return self._catalog.categories.names[int(self._catalog.category[self._catalog.number(channel_id)])]
