"""The streams that are live now, as dense columns, and lists of them that all viewers share."""

from typing import NamedTuple

import numpy as np

from processors.recommend.arrays import Floats, Ints, grown
from processors.recommend.catalog import START, Catalog
from schemas.event import Event
from schemas.events import Raided, StreamEnded, StreamStarted

RAID_US = 15 * 60 * 1_000_000
"""How long a raid lifts a stream: most raiders who leave have left by then."""
COLUMNS = ("channel", "started", "raided", "viewers", "trend", "chat_rate", "featured")


class Observed(NamedTuple):
    """Windowed features of some streams, as `features.stream.state.v1` has them."""

    time: int
    """End of the window, UTC microseconds."""
    channels: tuple[str, ...]
    viewers: Floats
    """Distinct viewers present."""
    trend: Floats
    """Viewers now less those 300 s ago."""
    chat_rate: Floats
    """Messages in the last minute."""
    moments: Ints | None = None
    """window_end of each one's StreamFeatures, 0 where it has none; None where they were not taken from there."""


class Live:
    """The directory of live streams. Rows move when a stream ends: use them at once, and keep channel numbers."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.size = 0
        self.channel: Ints = np.zeros(START, np.int64)
        self.started: Ints = np.zeros(START, np.int64)
        self.raided: Ints = np.zeros(START, np.int64)
        """When the last raid came; 0 for none."""
        self.viewers: Floats = np.zeros(START)
        self.trend: Floats = np.zeros(START)
        self.chat_rate: Floats = np.zeros(START)
        self.featured: Ints = np.zeros(START, np.int64)
        """window_end of the StreamFeatures that these three are of; 0 for none."""
        self._row: Ints = np.full(START, -1)
        """By channel number; -1 is not live."""
        self.changes = 0
        """Starts, ends and observations so far: lists made of the rows are stale once it has grown."""

    def apply(self, event: Event) -> None:
        """Takes an event in."""
        if isinstance(event, StreamStarted):
            self._start(self.catalog.number(event.channel_id), event.occurred_at)
        elif isinstance(event, StreamEnded):
            self._end(self.catalog.number(event.channel_id))
        elif isinstance(event, Raided):
            row = self.rows(np.array([self.catalog.number(event.channel_id)]))[0]
            if row >= 0:
                self.raided[row] = event.occurred_at

    def observe(self, observed: Observed) -> None:
        """Takes windowed features in; those of streams that are not live are left."""
        numbers = np.array([self.catalog.number(channel) for channel in observed.channels], np.int64)
        rows = self.rows(numbers)
        known = rows >= 0
        self.viewers[rows[known]] = observed.viewers[known]
        self.trend[rows[known]] = observed.trend[known]
        self.chat_rate[rows[known]] = observed.chat_rate[known]
        self.featured[rows[known]] = 0 if observed.moments is None else observed.moments[known]
        self.changes += 1

    def channels(self) -> tuple[str, ...]:
        """Ids of the channels that are live."""
        names = self.catalog.channels.names
        return tuple(names[number] for number in self.channel[: self.size])

    def rows(self, channels: Ints) -> Ints:
        """Rows of channels by number; -1 where one is not live."""
        known = channels < len(self._row)
        return np.where(known, self._row[np.where(known, channels, 0)], -1)

    def _start(self, channel: int, at: int) -> None:
        if channel >= len(self._row):
            before = len(self._row)
            self._row = np.resize(self._row, max(2 * before, channel + 1))
            self._row[before:] = -1
        if self._row[channel] >= 0:
            return  # started again without an end: the same stream to whoever watches
        if self.size == len(self.channel):
            for column in COLUMNS:
                setattr(self, column, grown(getattr(self, column), 2 * self.size))
        row = self.size
        self.channel[row], self.started[row], self.raided[row], self.featured[row] = channel, at, 0, 0
        self.viewers[row] = self.trend[row] = self.chat_rate[row] = 0.0
        self._row[channel] = row
        self.size += 1
        self.changes += 1

    def _end(self, channel: int) -> None:
        row = int(self._row[channel]) if channel < len(self._row) else -1
        if row < 0:
            return
        last = self.size - 1
        for column in COLUMNS:
            values = getattr(self, column)
            values[row] = values[last]
        self._row[self.channel[row]] = row
        self._row[channel] = -1
        self.size -= 1
        self.changes += 1
