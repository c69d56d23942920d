"""What the ranker is measured against: popularity, most recent, most frequent, ALS and BPR, with the viewer's past up to the moment."""

import numpy as np
from implicit.bpr import BayesianPersonalizedRanking

from processors.recommend.arrays import Floats, Ints
from processors.recommend.embeddings import Embeddings, Past
from processors.recommend.features import Scene, vectors
from processors.recommend.rankers import Model
from processors.recommend.state import State
from processors.recommend.training.protocol import Scorer

NEXT = 1e-6
"""What decides between channels that are even: small beside any count or date."""


def heavy(model: Model, embeddings: Embeddings) -> Scorer:
    """The heavy ranker."""

    def scores(state: State, user_id: str, rows: Ints, now: int) -> Floats:
        return model.log_odds(vectors(Scene(state.live, embeddings, state.audience.viewer(user_id), now), rows))

    return scores


def light(model: Model, embeddings: Embeddings) -> Scorer:
    """The light ranker."""

    def scores(state: State, user_id: str, rows: Ints, now: int) -> Floats:
        return model.light(vectors(Scene(state.live, embeddings, state.audience.viewer(user_id), now), rows))

    return scores


def viewers_now(state: State, user_id: str, rows: Ints, now: int) -> Floats:
    """By viewers at the moment."""
    return state.live.viewers[rows]


class Popularity:
    """By visits of all viewers so far, counted when it is made."""

    def __init__(self, state: State) -> None:
        self._visits = np.zeros(len(state.catalog))
        for viewer in state.audience.viewers.values():
            past, times, _, _ = viewer.past()
            self._visits[past] += times

    def __call__(self, state: State, user_id: str, rows: Ints, now: int) -> Floats:
        """The scores."""
        channels = state.live.channel[rows]
        known = channels < len(self._visits)
        return np.where(known, self._visits[np.where(known, channels, 0)], 0.0)

    def most_recent(self, state: State, user_id: str, rows: Ints, now: int) -> Floats:
        """What the viewer watched last comes first; what he never did, by popularity."""
        past, _, last, _ = state.audience.viewer(user_id).past()
        return _of_past(state, rows, past, last / 1e6) + NEXT * self(state, user_id, rows, now)

    def most_frequent(self, state: State, user_id: str, rows: Ints, now: int) -> Floats:
        """What the viewer watched most often comes first; what he never did, by popularity."""
        past, times, _, _ = state.audience.viewer(user_id).past()
        return _of_past(state, rows, past, times) + NEXT * self(state, user_id, rows, now)


def als(embeddings: Embeddings) -> Scorer:
    """By the embeddings alone, the viewer's vector from his past up to the moment."""

    def scores(state: State, user_id: str, rows: Ints, now: int) -> Floats:
        past, times, _, _ = state.audience.viewer(user_id).past()
        return embeddings.scores(embeddings.viewer(past, times), state.live.channel[rows])

    return scores


def bpr(state: State) -> Scorer:
    """Bayesian personalised ranking (implicit's), fitted to what was watched when it is made."""
    matrix = Past.of(state.audience, state.catalog).watched
    fitted = BayesianPersonalizedRanking(factors=64, iterations=200, learning_rate=0.02, num_threads=1, random_state=3, use_gpu=False)
    fitted.fit(matrix, show_progress=False)
    numbers = {user_id: number for number, user_id in enumerate(sorted(state.audience.viewers))}
    users, items = np.asarray(fitted.user_factors), np.asarray(fitted.item_factors)

    def scores(now_state: State, user_id: str, rows: Ints, now: int) -> Floats:
        number, channels = numbers.get(user_id), now_state.live.channel[rows]
        vector = users[number] if number is not None else users.mean(axis=0)
        known = channels < len(items)
        return np.where(known, items[np.where(known, channels, 0)] @ vector, 0.0)

    return scores


def _of_past(state: State, rows: Ints, past: Ints, values: Floats) -> Floats:
    table = np.zeros(len(state.catalog))
    table[past] = values
    found: Floats = table[state.live.channel[rows]]
    return found
