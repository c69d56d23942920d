"""All that recommending reads from the log, in one: the fold that serving, training and re-ranking share."""

import numpy as np

from processors.recommend.audience import Audience
from processors.recommend.catalog import Catalog
from processors.recommend.live import Live, Observed
from schemas.event import Event
from schemas.events import (
    ChannelInfo,
    ChannelProfile,
    EditorialRow,
    Followed,
    Raided,
    StreamEnded,
    StreamStarted,
    StreamUpdated,
    Subscribed,
    Unfollowed,
    ViewerJoined,
    ViewerLeft,
)
from streams.envelope import rfc3339

EVENTS: tuple[type[Event], ...] = (
    ChannelProfile,
    ChannelInfo,
    EditorialRow,
    Followed,
    Unfollowed,
    Subscribed,
    Raided,
    StreamStarted,
    StreamUpdated,
    StreamEnded,
    ViewerJoined,
    ViewerLeft,
)
"""What it is folded from."""


class State:
    """Channels, live streams and viewers at a moment of the log. The same events in the same order give the same state."""

    def __init__(self) -> None:
        self.catalog = Catalog()
        self.live = Live(self.catalog)
        self.audience = Audience(self.catalog)

    def apply(self, event: Event | Observed) -> None:
        """Takes one event in, or windowed features."""
        if isinstance(event, Observed):
            self.live.observe(event)
            return
        self.catalog.apply(event)
        self.live.apply(event)
        self.audience.apply(event)

    def describe(self, channel_id: str) -> dict[str, object]:
        """What is shown of a live stream."""
        catalog, number = self.catalog, self.catalog.number(channel_id)
        row = int(self.live.rows(np.array([number]))[0])
        return {
            "channel_id": channel_id,
            "category": catalog.categories.names[catalog.category[number]],
            "game": catalog.games.names[catalog.game[number]],
            "language": catalog.languages.names[catalog.language[number]],
            "mature": bool(catalog.mature[number]),
            "viewers": int(self.live.viewers[row]) if row >= 0 else 0,
            "started_at": rfc3339(int(self.live.started[row])) if row >= 0 else None,
        }
