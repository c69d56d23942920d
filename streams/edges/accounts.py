"""Who is who: accounts by id, login and token, as an edge or a server of names folds them from the log."""

import hashlib

from schemas.event import Event
from schemas.events import ChannelProfile, UserStyle
from streams.fold import At
from streams.topics import OF_EVENT

TOPICS = tuple(OF_EVENT[event].name for event in (ChannelProfile, UserStyle))
"""What it is folded from, by a `Follower` with `apply` and `deleted`."""
COLORS = (
    "#ff4f6d",
    "#ff8a3d",
    "#f2c14e",
    "#7bc950",
    "#2fbf9b",
    "#35a7ff",
    "#6f7dff",
    "#b56bff",
    "#ff6bd6",
    "#d9825b",
    "#5bc0be",
    "#9aa5b1",
)
"""Colours of names that chose none, readable on light and dark."""


class Accounts:
    """All accounts. An account is a channel and a user under one id."""

    def __init__(self) -> None:
        self._by_id: dict[str, ChannelProfile] = {}
        self._by_login: dict[str, str] = {}
        self._by_token: dict[str, str] = {}
        self._colors: dict[str, str] = {}

    def apply(self, event: Event, at: At) -> None:
        """Takes a row in; the newest of a key counts."""
        if isinstance(event, ChannelProfile):
            self._forget(event.channel_id)
            self._by_id[event.channel_id] = event
            self._by_login[event.login] = event.channel_id
            if event.access_token_hash is not None:
                self._by_token[event.access_token_hash] = event.channel_id
        elif isinstance(event, UserStyle):
            self._colors[event.user_id] = event.color

    def deleted(self, key: str, at: At) -> None:
        """Takes a row out."""
        if at.topic == TOPICS[0]:
            self._forget(key)
        else:
            self._colors.pop(key, None)

    def by_id(self, user_id: str) -> ChannelProfile | None:
        """An account by its id."""
        return self._by_id.get(user_id)

    def by_login(self, login: str) -> ChannelProfile | None:
        """An account by its login, in any case."""
        return self._by_id.get(self._by_login.get(login.lower(), ""))

    def by_token(self, token: str) -> ChannelProfile | None:
        """The account whose access token it is."""
        return self._by_id.get(self._by_token.get(hashlib.sha256(token.encode()).hexdigest(), ""))

    def color(self, user_id: str) -> str:
        """The colour of a user's name, #RRGGBB: the chosen one, else one that follows from the id."""
        return self._colors.get(user_id) or COLORS[int(user_id) % len(COLORS)]

    def _forget(self, channel_id: str) -> None:
        former = self._by_id.pop(channel_id, None)
        if former is not None:
            self._by_login.pop(former.login, None)
            self._by_token.pop(former.access_token_hash or "", None)
