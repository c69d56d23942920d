"""What is known of channels, as columns: rows of the arrays are numbers that a channel keeps."""

import numpy as np

from processors.directory.rows import PROMOTED
from processors.recommend.arrays import Flags, Ints, grown
from processors.recommend.taxonomy import category_of
from schemas.event import Event
from schemas.events import ChannelInfo, ChannelProfile, EditorialRow, StreamUpdated

TIERS = ("regular", "affiliate", "partner")
START = 1_024
"""Rooms at first; doubled when they are full."""


class Numbers:
    """Texts by number, in the order in which they came."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def of(self, name: str) -> int:
        """A text's number, a new one where it has none."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
        return number

    def get(self, name: str) -> int | None:
        """A text's number; None where it has none."""
        return self._numbers.get(name)


class Catalog:
    """All channels that were ever named. Only grows: numbers stay valid."""

    def __init__(self) -> None:
        self.channels, self.games, self.categories, self.languages = Numbers(), Numbers(), Numbers(), Numbers()
        self.game: Ints = np.zeros(START, np.int64)
        self.category: Ints = np.zeros(START, np.int64)
        self.language: Ints = np.zeros(START, np.int64)
        self.tier: Ints = np.zeros(START, np.int64)
        self.mature: Flags = np.zeros(START, np.bool_)
        self.promoted: Flags = np.zeros(START, np.bool_)
        self.created: Ints = np.zeros(START, np.int64)
        """UTC microseconds; 0 where the account's event was never seen, which is long ago."""
        self._told: set[int] = set()
        """Channels whose owner said what they stream: that counts, not what the account was made with."""
        for names in (self.games, self.categories, self.languages):
            names.of("")

    def __len__(self) -> int:
        return len(self.channels)

    def number(self, channel_id: str) -> int:
        """A channel's number."""
        number = self.channels.of(channel_id)
        if number >= len(self.game):
            size = 2 * len(self.game)
            for column in ("game", "category", "language", "tier", "mature", "promoted", "created"):
                setattr(self, column, grown(getattr(self, column), size))
        return number

    def apply(self, event: Event) -> None:
        """Takes what an event says of a channel."""
        if isinstance(event, ChannelProfile):
            number = self.number(event.channel_id)
            if number not in self._told:
                self.describe(number, event.category, event.language)
            self.tier[number] = TIERS.index(event.tier)
            self.mature[number] = event.mature
            self.created[number] = event.created_at
        elif isinstance(event, StreamUpdated | ChannelInfo):
            number = self.number(event.channel_id)
            self._told.add(number)
            self.describe(number, event.category, event.language)
        elif isinstance(event, EditorialRow) and event.row == PROMOTED:
            numbers = [self.number(channel_id) for channel_id in event.channel_ids]
            self.promoted[:] = False
            self.promoted[numbers] = True

    def describe(self, number: int, game: str, language: str) -> None:
        """What a channel streams, in which language."""
        self.game[number] = self.games.of(game)
        self.category[number] = self.categories.of(category_of(game))
        self.language[number] = self.languages.of(language)
