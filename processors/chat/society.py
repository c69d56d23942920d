"""Follows, subscriptions and raids, put among a channel's commands: the chat view reads one topic, whose order every replay has."""

from collections.abc import Iterable
from typing import Any

from schemas.event import Event
from schemas.events import Followed, Raided, RecordFollow, RecordRaid, RecordSubscription, Subscribed, Unfollowed
from streams.fold import At, Rows, Table


class SocietyFold:
    """Says again for the chat what happened between users and a channel. It keeps nothing."""

    name = "society"
    version = 1
    inputs = ("channel.social.events.v1",)
    outputs: tuple[type[Event], ...] = (RecordFollow, RecordSubscription, RecordRaid)
    tables: tuple[Table[Any], ...] = ()

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Says one event again."""
        match event:
            case Followed():
                yield RecordFollow(channel_id=event.channel_id, user_id=event.user_id, since=at.time)
            case Unfollowed():
                yield RecordFollow(channel_id=event.channel_id, user_id=event.user_id)
            case Subscribed():
                yield RecordSubscription(
                    channel_id=event.channel_id,
                    user_id=event.user_id,
                    plan=event.plan,
                    cumulative_months=event.cumulative_months,
                    gifter_id=event.gifter_id,
                )
            case Raided():
                yield RecordRaid(channel_id=event.channel_id, from_channel_id=event.from_channel_id, viewers=event.viewers)
            case _:
                pass
