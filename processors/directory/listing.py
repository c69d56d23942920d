"""A channel as the directory lists it, put together from what is known of it. Pure."""

import msgspec

from processors.playlist.broadcast import Broadcast
from schemas.events import ChannelInfo, ChannelProfile


class Listing(msgspec.Struct, frozen=True):
    """A channel, live or not."""

    channel_id: str
    login: str
    display_name: str
    title: str
    category: str
    language: str
    tags: tuple[str, ...]
    mature: bool
    session_id: str = ""
    """Of the session that is on; empty where none is."""
    started_at: int = 0
    """When that began, UTC microseconds."""
    viewers: int = 0

    @property
    def live(self) -> bool:
        """Whether a session is on."""
        return bool(self.session_id)


def listing(profile: ChannelProfile, info: ChannelInfo | None, broadcast: Broadcast | None, viewers: int) -> Listing:
    """A channel's listing. What its owner said last counts, before it what the profile says."""
    on = broadcast if broadcast is not None and broadcast.state != "ended" else None
    return Listing(
        channel_id=profile.channel_id,
        login=profile.login,
        display_name=profile.display_name,
        title=info.title if info else on.title if on else "",
        category=info.category if info else on.category if on and on.category else profile.category,
        language=info.language if info else profile.language,
        tags=info.tags if info else (),
        mature=profile.mature,
        session_id=on.session_id if on else "",
        started_at=on.started_at if on else 0,
        viewers=viewers if on else 0,
    )


Rank = tuple[int, int, str]
"""Where a live channel stands: most viewers first, then the newest, then by id so that no two are equal."""


def rank(listed: Listing) -> Rank:
    """The rank of a live channel."""
    return (-listed.viewers, -listed.started_at, listed.channel_id)


def words(listed: Listing) -> frozenset[str]:
    """What it is found by: the login, its parts, and the words of its name, in lower case."""
    name = listed.display_name.casefold()
    return frozenset(word for word in (listed.login, *listed.login.split("_"), *name.split()) if word)
