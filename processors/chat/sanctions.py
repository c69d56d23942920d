"""Bans and time-outs, given and lifted.

The broadcaster may silence anybody else; a moderator anybody but the broadcaster and other moderators. Nobody silences himself. A ban
takes roles away; a time-out leaves them, and they rest until it is over.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from processors.chat.answers import refused
from processors.chat.roles import without_roles
from processors.chat.state import SECOND_US, USERS, may_moderate, user_of
from schemas.event import Event
from schemas.events import BanState, LiftSanction, SanctionUser, UserBanned, UserTimedOut, UserUnbanned
from streams.fold import At, Rows

LONGEST_S = 1_209_600
"""Two weeks, as Twitch's longest time-out; whoever wants more bans."""


def sanction(rows: Rows, event: SanctionUser, at: At) -> Iterable[Event]:
    """Silences a user, for a time or for good. A new time-out replaces one that runs."""
    channel_id, user_id, asker = event.channel_id, event.user_id, event.moderator_id
    if not may_moderate(rows, channel_id, asker, at.time):
        return refused(channel_id, asker, "no_permission", user_id)
    user = user_of(rows, user_id)
    if user_id in (channel_id, asker) or (user.moderator and asker != channel_id):
        return refused(channel_id, asker, "bad_target", user_id)
    if event.seconds is not None and not 1 <= event.seconds <= LONGEST_S:
        return refused(channel_id, asker, "bad_value", user_id)
    if user.banned:
        return refused(channel_id, asker, "already_banned", user_id)
    until = None if event.seconds is None else at.time + event.seconds * SECOND_US
    outcome: Event
    if event.seconds is None:
        outcome = UserBanned(channel_id=channel_id, user_id=user_id, moderator_id=asker, reason=event.reason)
    else:
        outcome = UserTimedOut(channel_id=channel_id, user_id=user_id, moderator_id=asker, seconds=event.seconds, reason=event.reason)
    state = _state(channel_id, user_id, asker, until=until, reason=event.reason)
    rows[USERS][user_id] = replace(user, banned=until is None, silent_until=until or 0)
    return (outcome, state, *(without_roles(rows, channel_id, user_id, asker) if until is None else ()))


def lift(rows: Rows, event: LiftSanction, at: At) -> Iterable[Event]:
    """Lets a user write again."""
    channel_id, user_id, asker = event.channel_id, event.user_id, event.moderator_id
    if not may_moderate(rows, channel_id, asker, at.time):
        return refused(channel_id, asker, "no_permission", user_id)
    user = user_of(rows, user_id)
    if not user.sanctioned(at.time):
        return refused(channel_id, asker, "not_banned", user_id)
    rows[USERS][user_id] = replace(user, banned=False, silent_until=0)
    return (
        UserUnbanned(channel_id=channel_id, user_id=user_id, moderator_id=asker, was_ban=user.banned),
        _state(channel_id, user_id, asker, lifted=True),
    )


def _state(channel_id: str, user_id: str, asker: str, *, until: int | None = None, reason: str = "", lifted: bool = False) -> BanState:
    return BanState(
        ban_id=f"{channel_id}:{user_id}",
        channel_id=channel_id,
        user_id=user_id,
        lifted=lifted,
        until=until,
        moderator_id=asker,
        reason=reason,
    )
