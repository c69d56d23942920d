"""The room's rules as one event, for everybody who shows or enforces them."""

from processors.chat.state import Room, Roster, roster_of
from schemas.events import RoomState
from streams.fold import Rows

AUTO_SLOW_SECONDS = 10
"""Slow mode that the platform sets: a tenth of what 1 message/s allows. The storms that are asked about are 10 to 100 times the usual."""


def slow_seconds(room: Room) -> int:
    """The slow mode that holds: the platform's does not shorten a moderator's."""
    return max(room.slow_seconds, AUTO_SLOW_SECONDS) if room.auto_slow else room.slow_seconds


def room_state(rows: Rows, channel_id: str, room: Room, roster: Roster | None = None) -> RoomState:
    """The row to publish."""
    lists = roster_of(rows) if roster is None else roster
    return RoomState(
        channel_id=channel_id,
        slow_seconds=slow_seconds(room),
        followers_only_minutes=room.followers_only_minutes,
        subscribers_only=room.subscribers_only,
        emote_only=room.emote_only,
        unique_chat=room.unique_chat,
        automod_level=room.automod_level,
        auto_slow=room.auto_slow,
        moderators=lists.moderators,
        vips=lists.vips,
        terms=lists.terms,
    )
