"""A fold to prove the runner by: it counts the follows of each channel and says each count in the channel's chat."""

from collections.abc import Iterable

import msgspec

from schemas.contract import released, subject
from schemas.event import Event
from schemas.events import Followed, MessagePosted, Tick
from schemas.registry import LocalRegistry
from streams.errors import PoisonError
from streams.fold import At, Rows, Table


class Count(msgspec.Struct, frozen=True):
    total: int
    ticks: int = 0


TOTAL = Table("total", Count)
FOLLOWERS = Table("followers", Count)
INPUT = "channel.social.events.v1"
OUTPUT = "chat.message.events.v1"
LETTERS = "channel.social.dlq.v1"
POISONED = "nobody"
"""A follow by this user is one that the fold cannot take."""


class CountingFold:
    """One output for each event; the rows of a channel are its total and one row per follower."""

    name = "counting"
    version = 1
    inputs = (INPUT,)
    outputs: tuple[type[Event], ...] = (MessagePosted,)
    tables = (TOTAL, FOLLOWERS)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        total = rows[TOTAL].get("all", Count(0))
        if isinstance(event, Tick):
            rows[TOTAL]["all"] = Count(total.total, total.ticks + 1)
            return
        assert isinstance(event, Followed)
        total = Count(total.total + 1, total.ticks)
        rows[TOTAL]["all"] = total
        follower = rows[FOLLOWERS].get(event.user_id, Count(0))
        rows[FOLLOWERS][event.user_id] = Count(follower.total + 1)
        if event.user_id == POISONED:
            raise PoisonError(f"{event.user_id} follows nobody")
        yield MessagePosted(
            channel_id=event.channel_id,
            message_id=f"{event.channel_id}-{total.total}",
            user_id="0",
            user_login="count",
            display_name="Count",
            text=f"{total.total} follows, {follower.total + 1} by {event.user_id}, {total.ticks} ticks",
        )


def preloaded(registry: LocalRegistry) -> LocalRegistry:
    """A registry in which every process of a test finds the same ids."""
    contract = released()
    for topic, event in ((INPUT, Followed), (INPUT, Tick), (OUTPUT, MessagePosted)):
        registry.register(subject(topic, event), contract.current(event.SCHEMA))
    return registry
