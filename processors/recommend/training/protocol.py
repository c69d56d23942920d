"""The availability-aware protocol: at each visit of the last steps, all that is live is ranked, and the place of the visited one counts."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from processors.recommend.arrays import Flags, Floats, Ints
from processors.recommend.live import Observed
from processors.recommend.state import State
from schemas.event import Event
from schemas.events import ViewerJoined

TEST_STEPS = 250
"""Steps of ten minutes at the end of the log that are the test (Rappaz et al. 2021, LiveRec)."""
HITS = (1, 5, 10)

Scorer = Callable[[State, str, Ints, int], Floats]
"""(state, user id, rows of live streams, now) -> a score for each."""


class Figures(NamedTuple):
    """Of some visits."""

    hits: tuple[float, ...]
    """Hit@1, 5, 10."""
    ndcg: float
    """With one relevant stream: 1 / log2(1 + place)."""
    cases: int


class Ranked(NamedTuple):
    """Places of the visited streams, from 1, by scorer; and which visits were to a channel that the viewer had watched before."""

    places: dict[str, Floats]
    repeat: Flags
    among_new: dict[str, Floats]
    """Of the visits to channels that were new to the viewer: the place among the live channels that were."""

    def figures(self, name: str) -> dict[str, Figures]:
        """A scorer's figures: on all visits, on repeated ones, on new ones, and on new ones among what is new to the viewer."""
        places = self.places[name]
        groups = {"all": places, "repeat": places[self.repeat], "new": places[~self.repeat], "new among new": self.among_new[name]}
        return {group: _figures(found) for group, found in groups.items()}


def _figures(places: Floats) -> Figures:
    hits = tuple(float((places <= at).mean()) for at in HITS)
    return Figures(hits, float((1 / np.log2(1 + places)).mean()), len(places))


def rank(state: State, events: Iterable[Event | Observed], scorers: Mapping[str, Scorer]) -> Ranked:
    """Folds events on; before each visit of a signed-in viewer, ranks what is live by all scorers. Ties are broken evenly."""
    places: dict[str, list[float]] = {name: [] for name in scorers}
    among_new: dict[str, list[float]] = {name: [] for name in scorers}
    repeat = []
    for event in events:
        if isinstance(event, ViewerJoined) and event.user_id is not None:
            channel = state.catalog.number(event.channel_id)
            visited = int(state.live.rows(np.array([channel]))[0])
            if visited >= 0:
                watched = state.audience.viewer(event.user_id).watched
                repeat.append(channel in watched)
                rows = np.arange(state.live.size)
                new = np.isin(state.live.channel[rows], list(watched), invert=True)
                for name, scorer in scorers.items():
                    scores = scorer(state, event.user_id, rows, event.occurred_at)
                    places[name].append(_place(scores, scores[visited]))
                    if not repeat[-1]:
                        among_new[name].append(_place(scores[new], scores[visited]))
        state.apply(event)
    arrays, arrays_new = ({name: np.array(found) for name, found in each.items()} for each in (places, among_new))
    return Ranked(arrays, np.array(repeat, np.bool_), arrays_new)


def _place(scores: Floats, own: float) -> float:
    """From 1; even ones share the middle of their places."""
    return 1 + int((scores > own).sum()) + (int((scores == own).sum()) - 1) / 2
