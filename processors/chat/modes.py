"""The room's modes, as moderators set them."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from processors.chat.answers import refused
from processors.chat.rooms import room_state, slow_seconds
from processors.chat.state import ROOM, SELF, Room, may_moderate, room_of
from schemas.event import Event
from schemas.events import ChangeMode, CommandDone, ModeChanged
from streams.fold import At, Rows

RANGES = {"slow_seconds": range(121), "followers_only_minutes": range(-1, 129_601), "automod_level": range(5)}
"""Twitch's: two minutes at most, three months at most."""
MODES = ("slow_seconds", "followers_only_minutes", "subscribers_only", "emote_only", "unique_chat", "automod_level")


def change_mode(rows: Rows, event: ChangeMode, at: At) -> Iterable[Event]:
    """Sets what the command names. While the platform slows the room, a moderator's own slow mode waits behind it."""
    channel_id, asker = event.channel_id, event.moderator_id
    if not may_moderate(rows, channel_id, asker, at.time):
        return refused(channel_id, asker, "no_permission")
    asked = {name: value for name in MODES if (value := getattr(event, name)) is not None}
    if any(value not in RANGES[name] for name, value in asked.items() if name in RANGES):
        return refused(channel_id, asker, "bad_value")
    before = room_of(rows)
    after = replace(before, **asked)
    if after != before:
        rows[ROOM][SELF] = after
    changed = {name: value for name, value in _shown(after).items() if value != _shown(before)[name]}
    if not changed:
        return (CommandDone(channel_id=channel_id, moderator_id=asker),)
    return ModeChanged(channel_id=channel_id, moderator_id=asker, **changed), room_state(rows, channel_id, after)


def _shown(room: Room) -> dict[str, Any]:
    """The modes as they hold."""
    return {name: getattr(room, name) for name in MODES} | {"slow_seconds": slow_seconds(room)}
