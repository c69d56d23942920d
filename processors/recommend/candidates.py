"""Candidates: the live streams that are worth judging for a viewer, from six sources, each with a cap."""

from typing import NamedTuple

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from processors.recommend import trees  # noqa: F401 - loads LightGBM, which is to come before usearch

# isort: split
from usearch.index import Index

from processors.recommend.arrays import Floats, Ints
from processors.recommend.embeddings import FACTORS, Embeddings
from processors.recommend.features import DAY_US, Scene
from processors.recommend.live import Live

CAPS: dict[str, int] = {"followed": 200, "embedding": 500, "categories": 500, "collaborative": 200, "trending": 100, "fresh": 50}
"""By source, most candidates that it names."""
SOURCES = tuple(CAPS)
CATEGORIES, OF_CATEGORY = 5, 100
"""Of a viewer, and of each of them: 500 in all."""
FRESH_DAYS = 30
"""Days for which a channel is new."""
JITTER, JITTERS = 0.1, 4_099
"""How far embeddings are put aside in the index, of their length, and how many ways (a prime, so that no pattern of numbers meets it)."""
STEADY = 10.0
"""Viewers added before growth is taken relative to them: two viewers where there was one are no trend."""


class Shelves(NamedTuple):
    """Lists that all viewers share, by channel number: made when windowed features come, not at each request."""

    of_category: dict[int, Ints]
    """Most watched of each category."""
    categories: Ints
    """By viewers."""
    trending: Ints
    fresh: Ints
    """New channels, fewest viewers first."""

    @classmethod
    def of(cls, live: Live, now: int) -> "Shelves":
        """Those of what is live."""
        channel, viewers = live.channel[: live.size], live.viewers[: live.size]
        category = live.catalog.category[channel]
        order = np.lexsort((channel, -viewers, category))
        starts = np.flatnonzero(np.diff(category[order], prepend=-1))
        ends = np.append(starts[1:], [len(order)])[: len(starts)]
        found = {int(category[order[at]]): channel[order[at : min(at + OF_CATEGORY, end)]] for at, end in zip(starts, ends, strict=True)}
        totals = np.bincount(category, viewers + 1, minlength=1)
        named = np.array([at for at in np.argsort(-totals, kind="stable") if at in found], np.int64)
        growth = live.trend[: live.size] / (viewers + STEADY)
        trending = best(growth, CAPS["trending"])
        new = np.flatnonzero(live.catalog.created[channel] > now - FRESH_DAYS * DAY_US)
        return cls(found, named, channel[trending[growth[trending] > 0]], channel[new[best(-viewers[new], CAPS["fresh"])]])


class LiveIndex:
    """Approximate nearest neighbours among the embeddings of live streams alone (HNSW, usearch)."""

    def __init__(self, embeddings: Embeddings) -> None:
        self.embeddings = embeddings
        self._index = Index(ndim=FACTORS, metric="cos", dtype="f32", connectivity=16, expansion_add=96, expansion_search=1_000)
        self._apart = JITTER * default_rng(0).normal(0, FACTORS**-0.5, (JITTERS, FACTORS))
        self._held: NDArray[np.int64] = np.zeros(0, np.int64)

    def hold(self, channels: Ints) -> None:
        """Adds channels and takes others out, so that it holds these. A new channel is found by the game that it began with."""
        now = np.sort(channels)
        ended, begun = np.setdiff1d(self._held, now, assume_unique=True), np.setdiff1d(now, self._held, assume_unique=True)
        if len(ended):
            self._index.remove(ended.astype(np.uint64), threads=1)
        if len(begun):
            self._index.add(begun.astype(np.uint64), self._directions(begun), threads=1)
        self._held = now

    def near(self, vector: Floats, count: int) -> Ints:
        """Channel numbers, the nearest first."""
        if not len(self._held) or not vector.any():
            return np.zeros(0, np.int64)
        found = self._index.search(vector.astype(np.float32), min(count, len(self._held)), threads=1)
        return np.asarray(found.keys).astype(np.int64)

    def recall(self, vector: Floats, count: int) -> float:
        """Share of the true nearest that are found; those as near as the last of them count."""
        nearness = self._directions(self._held) @ vector / np.linalg.norm(self._directions(self._held), axis=1)
        least = np.sort(nearness)[-count]
        found = np.searchsorted(self._held, self.near(vector, count))
        return float((nearness[found] >= least - 1e-4).mean())

    def _directions(self, channels: Ints) -> NDArray[np.float32]:
        """Vectors of length 1, each put a little aside: channels that nobody watched lie on one point, their game's, and the graph
        over many of one place falls apart (recall 0.7 of 500 among 20,000, with it 0.9).
        """
        vectors = self.embeddings.of(channels)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return np.asarray(vectors / lengths + self._apart[channels % JITTERS], np.float32)


class Candidates(NamedTuple):
    """The union."""

    rows: Ints
    """Of the live streams, ascending."""
    sources: Ints
    """A bit for each source that named a stream, the first source's the lowest."""
    counts: dict[str, int]
    """By source."""


def gather(scene: Scene, shelves: Shelves, index: LiveIndex) -> Candidates:
    """All sources' streams, each once."""
    viewer, live = scene.viewer, scene.live
    follows = np.array(sorted(viewer.follows), np.int64)
    own = np.argsort(-scene.of_category, kind="stable")[:CATEGORIES]
    liked = own[scene.of_category[own] > 0]
    categories = [int(at) for at in (*liked, *(at for at in shelves.categories if at not in liked))][:CATEGORIES]
    near = scene.neighbours.copy()
    near[scene.past] += np.log1p(scene.times)
    shared = np.flatnonzero(near)
    empty = np.zeros(0, np.int64)
    named = {
        "followed": _most_watched(live, follows, CAPS["followed"]),
        "embedding": index.near(scene.vector, CAPS["embedding"]),
        "categories": np.concatenate([empty, *(shelves.of_category.get(at, empty) for at in categories)]),
        "collaborative": _best_live(live, shared, near[shared], CAPS["collaborative"]),
        "trending": shelves.trending,
        "fresh": shelves.fresh,
    }
    channels = np.concatenate(list(named.values()))
    bits = np.repeat(1 << np.arange(len(SOURCES)), [len(named[source]) for source in SOURCES])
    rows = live.rows(channels)
    unique, inverse = np.unique(rows[rows >= 0], return_inverse=True)
    sources = np.zeros(len(unique), np.int64)
    np.bitwise_or.at(sources, inverse, bits[rows >= 0])
    return Candidates(unique, sources, {source: len(found) for source, found in named.items()})


def names(bits: int) -> tuple[str, ...]:
    """The sources that bits stand for."""
    return tuple(source for at, source in enumerate(SOURCES) if bits >> at & 1)


def best(scores: Floats, count: int) -> Ints:
    """Places of the highest scores, the highest first; even ones by place."""
    if len(scores) > count:
        least = np.partition(scores, -count)[-count]
        above, even = np.flatnonzero(scores > least), np.flatnonzero(scores == least)
        kept = np.sort(np.append(above, even[: count - len(above)]))
    else:
        kept = np.arange(len(scores))
    return kept[np.argsort(-scores[kept], kind="stable")]


def _most_watched(live: Live, channels: Ints, cap: int) -> Ints:
    rows = live.rows(channels)
    return _best_live(live, channels, np.where(rows >= 0, live.viewers[rows], 0.0), cap)


def _best_live(live: Live, channels: Ints, scores: Floats, cap: int) -> Ints:
    kept = live.rows(channels) >= 0
    return channels[kept][best(scores[kept], cap)]
