"""Moderators and VIPs: the broadcaster gives and takes."""

from collections.abc import Iterable

from msgspec.structs import replace

from processors.chat.answers import refused
from processors.chat.rooms import room_state
from processors.chat.state import ROSTER, SELF, USERS, Roster, room_of, roster_of, user_of
from schemas.event import Event
from schemas.events import GrantRole, RoleChanged
from schemas.events.chat import Role
from streams.fold import At, Rows

MOST = 200
"""Users of a role: the lists are in one row and in one event. As many as the largest Twitch channels are given VIPs."""


def grant(rows: Rows, event: GrantRole, at: At) -> Iterable[Event]:
    """Gives a role or takes it away."""
    channel_id, user_id, asker = event.channel_id, event.user_id, event.moderator_id
    if asker != channel_id:
        return refused(channel_id, asker, "no_permission", user_id)
    user, roster = user_of(rows, user_id), roster_of(rows)
    if user_id == channel_id or (event.granted and user.banned):
        return refused(channel_id, asker, "bad_target", user_id)
    has, holders = (user.moderator, roster.moderators) if event.role == "moderator" else (user.vip, roster.vips)
    if has == event.granted:
        return refused(channel_id, asker, "already_granted" if has else "not_granted", user_id)
    if event.granted and len(holders) >= MOST:
        return refused(channel_id, asker, "too_many_roles", user_id)
    if event.role == "moderator":
        rows[USERS][user_id] = replace(user, moderator=event.granted)
        roster = replace(roster, moderators=_changed(holders, user_id, present=event.granted))
    else:
        rows[USERS][user_id] = replace(user, vip=event.granted)
        roster = replace(roster, vips=_changed(holders, user_id, present=event.granted))
    rows[ROSTER][SELF] = roster
    return (
        RoleChanged(channel_id=channel_id, user_id=user_id, moderator_id=asker, role=event.role, granted=event.granted),
        room_state(rows, channel_id, room_of(rows), roster),
    )


def without_roles(rows: Rows, channel_id: str, user_id: str, asker: str) -> Iterable[Event]:
    """Takes all roles of a user away."""
    user, roster = user_of(rows, user_id), roster_of(rows)
    if not user.moderator and not user.vip:
        return ()
    rows[USERS][user_id] = replace(user, moderator=False, vip=False)
    left = Roster(_changed(roster.moderators, user_id, present=False), _changed(roster.vips, user_id, present=False), roster.terms)
    rows[ROSTER][SELF] = left
    held: tuple[tuple[Role, bool], ...] = (("moderator", user.moderator), ("vip", user.vip))
    taken = [role for role, had in held if had]
    return (
        *(RoleChanged(channel_id=channel_id, user_id=user_id, moderator_id=asker, role=role, granted=False) for role in taken),
        room_state(rows, channel_id, room_of(rows), left),
    )


def _changed(holders: tuple[str, ...], user_id: str, *, present: bool) -> tuple[str, ...]:
    return tuple(sorted({*holders, user_id} if present else {*holders} - {user_id}))
