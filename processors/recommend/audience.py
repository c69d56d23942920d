"""What is known of viewers: what they watched, follow and subscribe to, folded from the log."""

from typing import NamedTuple

import numpy as np

from processors.recommend.arrays import Floats, Ints
from processors.recommend.catalog import Catalog
from schemas.event import Event
from schemas.events import Followed, Subscribed, Unfollowed, ViewerJoined, ViewerLeft

REMEMBERED = 300
"""Channels of one viewer; beyond, the one watched longest ago goes. Twenty times what a median viewer watches in a month."""


class Watched(NamedTuple):
    """A viewer's past with one channel."""

    times: int
    last: int
    """When the last visit began, UTC microseconds."""
    seconds: float
    """Watched in all, of visits that have ended."""


class Viewer:
    """One viewer."""

    __slots__ = ("follows", "mobile", "sessions", "subscribed", "watched")

    def __init__(self) -> None:
        self.watched: dict[int, Watched] = {}
        """By channel number."""
        self.follows: set[int] = set()
        self.subscribed: set[int] = set()
        self.sessions = 0
        """Visits begun."""
        self.mobile = False
        """Whether the last visit was from a telephone."""

    def past(self) -> tuple[Ints, Floats, Floats, Floats]:
        """(channels in ascending order, times, last, seconds) of all that was watched."""
        channels = sorted(self.watched)
        table = np.array([self.watched[channel] for channel in channels], np.float64).reshape(len(channels), 3)
        return np.array(channels, np.int64), table[:, 0], table[:, 1], table[:, 2]


NOBODY = Viewer()
"""A viewer of whom nothing is known."""


class Audience:
    """All signed-in viewers."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.viewers: dict[str, Viewer] = {}
        self.watches = 0
        """Visits begun, of all."""

    def viewer(self, user_id: str) -> Viewer:
        """What is known of a viewer, to be read."""
        return self.viewers.get(user_id, NOBODY)

    def apply(self, event: Event) -> None:
        """Takes an event in; visits without a user leave no trace."""
        if isinstance(event, ViewerJoined):
            if event.user_id is not None:
                viewer = self._known(event.user_id)
                self._joined(viewer, self._catalog.number(event.channel_id), event.occurred_at)
                viewer.sessions += 1
                viewer.mobile = event.device == "mobile"
                self.watches += 1
        elif isinstance(event, ViewerLeft):
            if event.user_id is not None:
                viewer, channel = self._known(event.user_id), self._catalog.number(event.channel_id)
                before = viewer.watched.get(channel)
                if before is not None:
                    viewer.watched[channel] = before._replace(seconds=before.seconds + event.watched_ms / 1_000)
        elif isinstance(event, Followed):
            self._known(event.user_id).follows.add(self._catalog.number(event.channel_id))
        elif isinstance(event, Unfollowed):
            self._known(event.user_id).follows.discard(self._catalog.number(event.channel_id))
        elif isinstance(event, Subscribed):
            self._known(event.user_id).subscribed.add(self._catalog.number(event.channel_id))

    def _joined(self, viewer: Viewer, channel: int, at: int) -> None:
        before = viewer.watched.pop(channel, None)
        if before is None and len(viewer.watched) >= REMEMBERED:
            del viewer.watched[min(viewer.watched, key=lambda number: viewer.watched[number].last)]
        viewer.watched[channel] = Watched(1, at, 0.0) if before is None else Watched(before.times + 1, at, before.seconds)

    def _known(self, user_id: str) -> Viewer:
        viewer = self.viewers.get(user_id)
        if viewer is None:
            viewer = self.viewers[user_id] = Viewer()
        return viewer
