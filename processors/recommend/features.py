"""The feature registry: each feature of the ranker with its type, freshness, default and its one definition, used online and offline."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from processors.recommend.arrays import Floats, Ints
from processors.recommend.audience import Viewer
from processors.recommend.embeddings import Embeddings
from processors.recommend.live import Live

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
LONG_AGO_DAYS = 365.0
"""Days since a channel was watched that never was: beyond all that is remembered."""


class Scene:
    """A viewer, a moment, and live streams to be judged; what several features need is worked out once."""

    def __init__(self, live: Live, embeddings: Embeddings, viewer: Viewer, now: int) -> None:
        """`now` in UTC microseconds."""
        self.live = live
        self.viewer = viewer
        self.now = now
        self.past, self.times, self.last, self.seconds = viewer.past()
        self.embeddings = embeddings
        self.vector = embeddings.viewer(self.past, self.times)
        self.neighbours = embeddings.neighbours(self.past, self.times, self.last)
        catalog = live.catalog
        weights = self.seconds + MINUTE_US / 1e6  # a visit that has not ended counts a minute
        self.of_category = shares(catalog.category[self.past], weights, len(catalog.categories))
        self.of_language = shares(catalog.language[self.past], weights, len(catalog.languages))

    def at(self, rows: Ints) -> "Rows":
        """Some of the live streams."""
        return Rows(self, rows)


class Rows:
    """Live streams of a scene."""

    def __init__(self, scene: Scene, rows: Ints) -> None:
        self.scene = scene
        self.rows = rows
        self.channels = scene.live.channel[rows]
        found = np.searchsorted(scene.past, self.channels)
        found[found == len(scene.past)] = 0
        self.known = scene.past[found] == self.channels if len(scene.past) else np.zeros(len(rows), np.bool_)
        self.found = found

    def of_past(self, values: Floats, default: float) -> Floats:
        """A column of the viewer's past for each stream, and a default where the channel was never watched."""
        if not len(values):
            return np.full(len(self.rows), default)
        return np.where(self.known, values[self.found], default)

    def among(self, channels: set[int]) -> Floats:
        """1 where a stream's channel is one of these."""
        return np.isin(self.channels, np.fromiter(channels, np.int64, len(channels))).astype(np.float64)

    def all(self, value: float) -> Floats:
        """The same for each stream."""
        return np.full(len(self.rows), value)


class Feature(NamedTuple):
    """One input of the ranker."""

    name: str
    type: str
    """`float`, `count`, `share`, `flag` or `cyclic`."""
    freshness: str
    """How old it may be when it is used."""
    default: float
    """Where nothing is known."""
    define: Callable[[Rows], Floats]
    meaning: str


WINDOW = "10 s"
"""Windows of the stream features."""
EVENT = "next event"
"""Folded as events come."""
FIT = "last fit"
"""As new as the embeddings."""

REGISTRY: tuple[Feature, ...] = (
    Feature(
        "similarity",
        "float",
        FIT,
        0.0,
        lambda at: at.scene.embeddings.scores(at.scene.vector, at.channels),
        "inner product of the viewer's and the channel's embeddings",
    ),
    Feature(
        "shared_viewers",
        "float",
        FIT,
        0.0,
        lambda at: at.scene.neighbours[at.channels],
        "viewers shared with the channels that the viewer watches, cosine, summed",
    ),
    Feature(
        "category",
        "share",
        EVENT,
        0.0,
        lambda at: at.scene.of_category[at.scene.live.catalog.category[at.channels]],
        "share of the viewer's time that went to the stream's category",
    ),
    Feature(
        "language",
        "share",
        EVENT,
        0.0,
        lambda at: at.scene.of_language[at.scene.live.catalog.language[at.channels]],
        "share of the viewer's time that went to the stream's language",
    ),
    Feature("viewers", "count", WINDOW, 0.0, lambda at: at.scene.live.viewers[at.rows], "distinct viewers present"),
    Feature(
        "log_viewers", "float", WINDOW, 0.0, lambda at: np.log1p(at.scene.live.viewers[at.rows]), "log(1 + viewers), which tames the head"
    ),
    Feature("viewers_delta", "count", WINDOW, 0.0, lambda at: at.scene.live.trend[at.rows], "viewers now less those 5 minutes ago"),
    Feature("chat_rate", "count", WINDOW, 0.0, lambda at: at.scene.live.chat_rate[at.rows], "chat messages in the last minute"),
    Feature(
        "duration",
        "float",
        EVENT,
        0.0,
        lambda at: np.maximum(at.scene.now - at.scene.live.started[at.rows], 0) / MINUTE_US,
        "minutes that the stream has been live",
    ),
    Feature("times_watched", "count", EVENT, 0.0, lambda at: at.of_past(at.scene.times, 0.0), "the viewer's visits to the channel"),
    Feature(
        "days_since",
        "float",
        EVENT,
        LONG_AGO_DAYS,
        lambda at: at.of_past(np.maximum(at.scene.now - at.scene.last, 0) / DAY_US, LONG_AGO_DAYS),
        "days since the viewer last came to the channel",
    ),
    Feature("follows", "flag", EVENT, 0.0, lambda at: at.among(at.scene.viewer.follows), "whether the viewer follows the channel"),
    Feature("subscribed", "flag", EVENT, 0.0, lambda at: at.among(at.scene.viewer.subscribed), "whether he subscribed to it"),
    Feature("hour", "cyclic", "exact", 0.0, lambda at: at.all(at.scene.now % DAY_US / (60 * MINUTE_US)), "hour of the day, UTC"),
    Feature(
        "weekday",
        "cyclic",
        "exact",
        0.0,
        lambda at: at.all(float((at.scene.now // DAY_US + 3) % 7)),
        "day of the week, UTC, Monday 0 (1970 began on a Thursday)",
    ),
    Feature("sessions", "count", EVENT, 0.0, lambda at: at.all(float(at.scene.viewer.sessions)), "the viewer's visits to any channel"),
    Feature("mobile", "flag", EVENT, 0.0, lambda at: at.all(float(at.scene.viewer.mobile)), "whether his last visit was from a telephone"),
)
NAMES = tuple(feature.name for feature in REGISTRY)
VERSION = 1
"""Counted up when a definition changes: vectors of another version are not compared."""


def vectors(scene: Scene, rows: Ints) -> Floats:
    """The feature vectors of some live streams: a row each, columns in the registry's order."""
    at = scene.at(rows)
    table = np.empty((len(rows), len(REGISTRY)))
    for column, feature in enumerate(REGISTRY):
        table[:, column] = feature.define(at)
    return table


def shares(numbers: Ints, weights: Floats, count: int) -> Floats:
    """Share of the weight that each number has; zeros where there is none."""
    found = np.bincount(numbers, weights, minlength=count)
    total = float(found.sum())
    return np.asarray(found / (total or 1.0), np.float64)
