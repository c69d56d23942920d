"""Training rows from a log: what was shown or chosen, with the features of that moment, and what came of it."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.random import default_rng

from processors.recommend.arrays import Flags, Floats, Ints
from processors.recommend.embeddings import Embeddings
from processors.recommend.features import REGISTRY, Scene, vectors
from processors.recommend.live import Observed
from processors.recommend.outcomes import Outcomes
from processors.recommend.position import examined
from processors.recommend.state import State
from processors.recommend.training.labels import labelled
from schemas.event import Event
from schemas.events import RecommendationServed, ViewerJoined

OTHERS = 10
"""New to the viewer and live, beside each stream that he went to by himself; those that he knows are all taken."""
SEED = 11


class Dataset(NamedTuple):
    """Rows in the order of time."""

    features: Floats
    label: Flags
    """Opened, and watched for five minutes or more."""
    weight: Floats
    """Against censoring and sampling; 0 where the label is not known."""
    place: Ints
    """On the page, from 0; -1 for a row that was on none."""
    category: Ints
    time: Ints

    def where(self, kept: Flags) -> "Dataset":
        """Some of the rows."""
        features, label, weight, place, category, time = self
        return Dataset(features[kept], label[kept], weight[kept], place[kept], category[kept], time[kept])

    def unbiased(self) -> Floats:
        """Weights against censoring and, for what was opened on a page, against the place: 1 / chance that it was looked at."""
        seen = examined()[np.maximum(self.place, 0)]
        return np.where(self.label & (self.place >= 0), self.weight / seen, self.weight)


class Rows:
    """Collects rows while a state is folded on."""

    def __init__(self, state: State, embeddings: Embeddings) -> None:
        self._state = state
        self._embeddings = embeddings
        self._rng = default_rng(SEED)
        self._features: list[Floats] = []
        self._at: list[tuple[int, int, int]] = []
        self._stands: list[float] = []
        """How many streams a row stands for."""
        """(place, category, time) of each row."""
        self._shown: dict[tuple[str, int], int] = {}
        """Rows by request and place."""
        self._chosen: dict[str, int] = {}
        """Rows by visit."""
        self._outcomes = Outcomes()

    def fold(self, events: Iterable[Event | Observed]) -> None:
        """Takes events in, and folds the state with them."""
        for event in events:
            if not isinstance(event, Observed):
                self._outcomes.apply(event)
                if isinstance(event, RecommendationServed) and event.user_id is not None:
                    self._serve(event, event.user_id)
                elif isinstance(event, ViewerJoined) and event.user_id is not None:
                    self._choose(event, event.user_id)
            self._state.apply(event)

    def dataset(self, end: int) -> Dataset:
        """All rows. `end`: the log's, UTC microseconds; visits still under way there are cut by it."""
        seen = {}
        for visit in self._outcomes.until(end):
            row = self._shown.get((visit.request_id, visit.place)) if visit.request_id else self._chosen.get(visit.session)
            if row is not None:
                seen[row] = visit
        features = np.concatenate(self._features) if self._features else np.zeros((0, len(REGISTRY)))
        place, category, time = np.array(self._at, np.int64).reshape(len(self._at), 3).T
        label, weight = np.zeros(len(place), np.bool_), np.array(self._stands)
        watched = np.array(list(seen), np.int64)
        seconds, cut = np.array([visit.seconds for visit in seen.values()]), np.array([visit.cut for visit in seen.values()], np.bool_)
        label[watched], weight[watched] = labelled(seconds, cut)
        return Dataset(features, label, weight, place, category, time)

    def _serve(self, event: RecommendationServed, user_id: str) -> None:
        """Rows of a page."""
        channels = np.array([self._state.catalog.number(item.channel_id) for item in event.items], np.int64)
        rows = self._state.live.rows(channels)
        kept = np.flatnonzero(rows >= 0)
        first = self._add(user_id, rows[kept], kept, event.as_of)
        for n, place in enumerate(kept.tolist()):
            self._shown[event.request_id, place] = first + n

    def _choose(self, event: ViewerJoined, user_id: str) -> None:
        """Rows of a stream that a viewer went to by himself, and of others that were live."""
        live = self._state.live
        chosen = int(live.rows(np.array([self._state.catalog.number(event.channel_id)]))[0])
        if chosen < 0 or self._outcomes.watching[event.viewer_session_id].request_id:
            return
        known = live.rows(self._state.audience.viewer(user_id).past()[0])
        known = known[(known >= 0) & (known != chosen)]
        new = np.delete(np.arange(live.size), np.append(known, [chosen]))
        drawn = self._rng.choice(new, min(OTHERS, len(new)), replace=False)
        rows = np.concatenate([[chosen], known, drawn])
        self._chosen[event.viewer_session_id] = self._add(user_id, rows, np.full(len(rows), -1), event.occurred_at)
        if len(drawn):
            self._stands[-len(drawn) :] = [len(new) / len(drawn)] * len(drawn)

    def _add(self, user_id: str, rows: Ints, places: Ints, now: int) -> int:
        """Adds rows; the number of the first."""
        first = len(self._at)
        live = self._state.live
        self._features.append(vectors(Scene(live, self._embeddings, self._state.audience.viewer(user_id), now), rows))
        categories = self._state.catalog.category[live.channel[rows]]
        self._stands += [1.0] * len(rows)
        self._at += [(int(place), int(category), now) for place, category in zip(places, categories, strict=True)]
        return first
