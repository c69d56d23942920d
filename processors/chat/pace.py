"""The pace over all channels: what users asked to say in, who says too much out. Folded where a user's key lives.

The chat view of a channel hears of it by an event, so the limit is exact in time and late by that event's way: within the some 20 ms
until it is folded, a user may get as many messages through as the limits of the single channels allow.
"""

from collections.abc import Iterable

import msgspec

from schemas.event import Event
from schemas.events import ThrottleUser, UserSpoke
from streams.fold import At, Rows, Table

MOST = 20
WINDOW_US = 30_000_000
"""Twitch's limit for who is no moderator: 20 messages in 30 s."""
SKEW_US = 10_000_000
"""How far clocks of edges may be apart: an end that lies further ahead than the window and this is a broken clock's."""
TOLD = 100
"""Channels that are kept as told; one beyond is told again with each message."""
SELF = "self"


class Spoken(msgspec.Struct, frozen=True):
    """Something that a user asked to say."""

    time: int
    channel_id: str


class Pace(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a user asked to say lately: at most MOST entries."""

    spoken: tuple[Spoken, ...] = ()
    """In the order of the log."""
    until: int = 0
    """While the user is throttled: its end, UTC microseconds."""
    told: tuple[str, ...] = ()
    """Channels that know of it."""


PACE = Table("pace", Pace)


class PaceFold:
    """Throttles a user in each channel that the user spoke in.

    What is asked while throttled is not counted: it is refused, and the window goes on to empty.
    """

    name = "pace"
    version = 1
    inputs = ("chat.user.events.v1",)
    outputs: tuple[type[Event], ...] = (ThrottleUser,)
    tables = (PACE,)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Counts one message in."""
        if not isinstance(event, UserSpoke):
            return ()
        pace: Pace = rows[PACE].get(SELF) or Pace()
        if at.time < pace.until <= at.time + WINDOW_US + SKEW_US:
            if event.channel_id in pace.told:
                return ()
            channels = [event.channel_id]
            pace = msgspec.structs.replace(pace, told=(*pace.told, event.channel_id)[:TOLD])
        else:
            since, before = at.time - WINDOW_US, at.time + SKEW_US
            spoken = (*(one for one in pace.spoken if since < one.time <= before), Spoken(at.time, event.channel_id))[-MOST:]
            full = len(spoken) == MOST
            channels = sorted({one.channel_id for one in spoken}) if full else []
            pace = Pace(spoken, min(one.time for one in spoken) + WINDOW_US if full else 0, tuple(channels))
        rows[PACE][SELF] = pace
        return [ThrottleUser(channel_id=channel_id, user_id=event.user_id, until=pace.until) for channel_id in channels]
