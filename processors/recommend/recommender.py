"""The recommender: candidates, light ranker, heavy ranker, rules, page, exploration. A page explains itself on its event."""

from typing import NamedTuple

import numpy as np

from processors.recommend.arrays import Floats, Ints
from processors.recommend.candidates import SOURCES, LiveIndex, Shelves, best, gather, names
from processors.recommend.embeddings import Embeddings
from processors.recommend.exploration import explore
from processors.recommend.features import VERSION, Scene, vectors
from processors.recommend.page import Kinds, fill
from processors.recommend.rankers import Model, probability
from processors.recommend.rules import allowed, lifts, told
from processors.recommend.state import State
from schemas.events import RecommendationServed
from schemas.events.discovery import ServedItem, Stage

LIMIT = 20
"""Places of a page where nobody asks for another number."""
HEAVY = 300
"""Streams that the heavy ranker judges: the light one's best, fifteen times a page."""


class Asked(NamedTuple):
    """A request."""

    request_id: str
    now: int
    """UTC microseconds."""
    user_id: str | None = None
    limit: int = LIMIT
    adult: bool = False
    off: frozenset[str] = frozenset()
    """Rules that are left out, by name."""


class Recommender:
    """Answers requests from a state. `refresh` before a page, `embed` after a fit; nothing else changes it."""

    def __init__(self, state: State, model: Model) -> None:
        self.state = state
        self.model = model
        self.embed(LiveIndex(Embeddings.none(state.catalog)))

    @property
    def embeddings(self) -> Embeddings:
        """Those in use."""
        return self._index.embeddings

    def embed(self, index: LiveIndex) -> None:
        """Takes an index of new embeddings into use."""
        self._index = index
        self._shelves = Shelves.of(self.state.live, 0)
        self._shelved = -1

    def refresh(self, now: int) -> None:
        """Makes the shared lists anew where something changed; after a start, an end, or observations."""
        if self._shelved != self.state.live.changes:
            self._shelved = self.state.live.changes
            self._index.hold(self.state.live.channel[: self.state.live.size])
            self._shelves = Shelves.of(self.state.live, now)

    def page(self, asked: Asked) -> RecommendationServed:
        """The page, as the event that tells of it.

        1. Candidates of six sources, each stream once; what the viewer may not see goes.
        2. The light ranker keeps the best `HEAVY`.
        3. The heavy ranker's chance of a visit of five minutes, calibrated by category.
        4. Rules add to the log odds.
        5. Places by score under caps; then one or two places are drawn.
        """
        live, catalog = self.state.live, self.state.catalog
        scene = Scene(live, self.embeddings, self.state.audience.viewer(asked.user_id or ""), asked.now)
        found = gather(scene, self._shelves, self._index)
        kept = allowed(live, found.rows, adult=asked.adult, off=asked.off)
        rows, sources = found.rows[kept], found.sources[kept]
        table = vectors(scene, rows)
        judged = best(self.model.light(table), HEAVY)
        added = lifts(live, rows[judged], asked.now, asked.off)
        odds = self._calibrated(table[judged], rows[judged])
        kinds = Kinds.of(live, rows)
        page = fill(odds + added.sum(axis=1), Kinds(*(column[judged] for column in kinds)), asked.limit)
        shown = [int(judged[at]) for at in page.chosen]
        pool = np.setdiff1d(np.arange(len(rows)), shown)
        explored = explore(shown, pool, kinds, asked.limit, asked.request_id) if len(rows) else None
        stages = [Stage(name=source, count=found.counts[source]) for source in SOURCES]
        stages += [
            Stage(name="union", count=len(found.rows)),
            Stage(name="rules", count=len(rows)),
            Stage(name="light", count=len(judged)),
            Stage(name="heavy", count=len(judged)),
            Stage(name="page", count=len(shown)),
        ]
        items: list[ServedItem] = []
        if explored is not None:
            final = np.array(explored.chosen, np.int64)
            added = lifts(live, rows[final], asked.now, asked.off)
            odds = self._calibrated(table[final], rows[final])
            chances = probability(odds)
            items = [
                ServedItem(
                    channel_id=catalog.channels.names[live.channel[rows[at]]],
                    sources=names(int(sources[at])),
                    probability=float(chances[n]),
                    score=float(odds[n] + added[n].sum()),
                    rules=told(added[n]),
                    explored=explored.drawn[n],
                    propensity=explored.propensity[n],
                    features=tuple(table[at].tolist()),
                    features_at=int(live.featured[rows[at]]),
                )
                for n, at in enumerate(explored.chosen)
            ]
        return RecommendationServed(
            user_id=asked.user_id,
            request_id=asked.request_id,
            model=self.model.version,
            feature_version=VERSION,
            place_limit=asked.limit,
            adult=asked.adult,
            as_of=asked.now,
            stages=tuple(stages),
            relaxed=page.relaxed,
            items=tuple(items),
        )

    def _calibrated(self, table: Floats, rows: Ints) -> Floats:
        catalog = self.state.catalog
        categories = catalog.category[self.state.live.channel[rows]]
        shifts = np.array([self.model.shift(name) for name in catalog.categories.names])
        found: Floats = self.model.log_odds(table) + shifts[categories]
        return found
