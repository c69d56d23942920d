"""AudienceFold: who follows a channel, and who has subscribed to it."""

from collections.abc import Iterable

import msgspec

from schemas.event import Event
from schemas.events import Followed, Subscribed, Unfollowed
from streams.fold import At, Rows, Table


class Follower(msgspec.Struct, frozen=True):
    """A follower, under the user's id."""

    since: int
    """UTC microseconds."""


class Subscriber(msgspec.Struct, frozen=True):
    """A subscriber, under the user's id."""

    since: int
    """When it began or was renewed last, UTC microseconds."""
    plan: str
    months: int
    gifter_id: str | None


FOLLOWERS = Table("followers", Follower)
SUBSCRIBERS = Table("subscribers", Subscriber)


class AudienceFold:
    """Followers and subscribers of each channel, from its social events."""

    name = "audience"
    version = 1
    inputs = ("channel.social.events.v1",)
    outputs: tuple[type[Event], ...] = ()
    tables = (FOLLOWERS, SUBSCRIBERS)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one event in; who follows already goes on since the first time."""
        match event:
            case Followed():
                rows[FOLLOWERS].setdefault(event.user_id, Follower(at.time))
            case Unfollowed():
                rows[FOLLOWERS].pop(event.user_id, None)
            case Subscribed():
                rows[SUBSCRIBERS][event.user_id] = Subscriber(at.time, event.plan, event.cumulative_months, event.gifter_id)
            case _:
                pass
        return ()
