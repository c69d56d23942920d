"""One run over a log: embeddings from its beginning, rows and rankers from its middle, the test on its end."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from processors.recommend.embeddings import Embeddings, Past, fit
from processors.recommend.live import Observed
from processors.recommend.rankers import Model
from processors.recommend.state import State
from processors.recommend.training import world
from processors.recommend.training.baselines import Popularity, als, bpr, heavy, light, viewers_now
from processors.recommend.training.dataset import Dataset, Rows
from processors.recommend.training.log import SECOND_US, STEP_S, World
from processors.recommend.training.protocol import TEST_STEPS, Ranked, Scorer, rank
from processors.recommend.training.trainer import train
from schemas.event import Event

WARM = 0.4
"""Share of the log before the test that goes by before rows are taken: viewers need a past, channels an audience."""
OURS, LIGHT = "Chronicast", "light ranker alone"


class Prepared(NamedTuple):
    """A log folded up to the test."""

    state: State
    rows: Dataset
    embeddings: Embeddings
    """Fitted to all before the test."""
    rest: Iterator[Event | Observed]
    now: int
    """The moment of the state, UTC microseconds."""


def prepare(log: World) -> Prepared:
    """Folds a log up to its last `TEST_STEPS` steps."""
    begin, end = world.EPOCH_S * SECOND_US, (world.EPOCH_S + log.size.days * world.DAY_S) * SECOND_US
    test = end - TEST_STEPS * STEP_S * SECOND_US
    state, events = State(), Ahead(log.events())
    for event in events.until(begin + int(WARM * (test - begin))):
        state.apply(event)
    rows = Rows(state, fit(Past.of(state.audience, state.catalog), state.catalog))
    rows.fold(events.until(test))
    return Prepared(state, rows.dataset(test), fit(Past.of(state.audience, state.catalog), state.catalog), events.until(end), test)


def trained(prepared: Prepared, *, weigh_places: bool = True) -> bytes:
    """A model's file, from the rows."""
    return train(prepared.rows, prepared.state.catalog.categories.names, weigh_places=weigh_places)


def measured(prepared: Prepared, model: Model, others: Mapping[str, Scorer] | None = None) -> Ranked:
    """The test, with all that the ranker is measured against, and others. Folds the state on to the end."""
    popularity = Popularity(prepared.state)
    scorers: dict[str, Scorer] = {
        OURS: heavy(model, prepared.embeddings),
        LIGHT: light(model, prepared.embeddings),
        **(others or {}),
        "most frequent": popularity.most_frequent,
        "most recent": popularity.most_recent,
        "ALS": als(prepared.embeddings),
        "BPR": bpr(prepared.state),
        "popularity": popularity,
        "viewers now": viewers_now,
    }
    return rank(prepared.state, prepared.rest, scorers)


class Ahead:
    """Events that can be taken up to a moment, the rest later."""

    def __init__(self, events: Iterator[Event | Observed]) -> None:
        self._events = events
        self._next: Event | Observed | None = None

    def until(self, end: int) -> Iterator[Event | Observed]:
        """Those before a moment, UTC microseconds."""
        if self._next is not None:
            if moment(self._next) >= end:
                return
            yield self._next
            self._next = None
        for event in self._events:
            if moment(event) >= end:
                self._next = event
                return
            yield event


def moment(event: Event | Observed) -> int:
    """When an event happened."""
    return event.time if isinstance(event, Observed) else event.occurred_at
