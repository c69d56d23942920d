"""Messages that AutoMod holds, and what becomes of them: a moderator answers, or time does."""

from collections.abc import Iterable

from msgspec.structs import replace

from processors.chat.answers import refused
from processors.chat.state import HELD, HELD_ORDER, SECOND_US, Flow, Held, HeldEntry, may_moderate
from schemas.event import Event
from schemas.events import MessageDenied, MessageHeld, MessagePosted, ReviewMessage
from streams.fold import At, Rows

WAIT_US = 300 * SECOND_US
"""Five minutes, after which a conversation has moved on; Twitch's held messages expire so too."""
MOST = 500
"""Held messages of a channel: beyond, the oldest is denied. More than moderators read in five minutes."""
SWEPT = 3
"""Entries passed with an event, at most."""


def hold(rows: Rows, flow: Flow, message: MessagePosted, now: int) -> tuple[Flow, MessageHeld]:
    """Keeps back a message as it would be posted, its text sealed."""
    rows[HELD][message.message_id] = Held(
        message.user_id,
        message.user_login,
        message.display_name,
        message.text,
        now + WAIT_US,
        message.color,
        message.badges,
        message.badge_info,
        message.emotes,
        message.reply_to,
        message.action,
        message.first_message,
        message.automod_score,
        message.automod_model,
    )
    rows[HELD_ORDER][str(flow.held_next)] = HeldEntry(message.message_id)
    return replace(flow, held_next=flow.held_next + 1), MessageHeld(
        channel_id=message.channel_id,
        message_id=message.message_id,
        user_id=message.user_id,
        user_login=message.user_login,
        display_name=message.display_name,
        text=message.text,
        color=message.color,
        badges=message.badges,
        emotes=message.emotes,
        reply_to=message.reply_to,
        action=message.action,
        badge_info=message.badge_info,
        automod_score=message.automod_score,
        automod_model=message.automod_model,
    )


def review(rows: Rows, event: ReviewMessage, at: At) -> Iterable[Event]:
    """Shows a held message under its original id, or does not."""
    channel_id, asker = event.channel_id, event.moderator_id
    if not may_moderate(rows, channel_id, asker, at.time):
        return refused(channel_id, asker, "no_permission")
    held: Held | None = rows[HELD].get(event.message_id)
    if held is None or at.time >= held.until:
        return refused(channel_id, asker, "unknown_message")
    del rows[HELD][event.message_id]
    if not event.approved:
        denied = MessageDenied(channel_id=channel_id, message_id=event.message_id, user_id=held.user_id, moderator_id=asker)
        return (denied,)
    posted = MessagePosted(
        channel_id=channel_id,
        message_id=event.message_id,
        user_id=held.user_id,
        user_login=held.user_login,
        display_name=held.display_name,
        text=held.text,
        color=held.color,
        badges=held.badges,
        emotes=held.emotes,
        reply_to=held.reply_to,
        action=held.action,
        badge_info=held.badge_info,
        first_message=held.first_message,
        automod_score=held.score,
        automod_model=held.model,
        approved_by=asker,
    )
    return (posted,)


def expire(rows: Rows, flow: Flow, channel_id: str, now: int) -> tuple[Flow, list[Event]]:
    """Denies the oldest held messages whose time is over; those that were answered are passed over."""
    first = flow.held_first
    denied: list[Event] = []
    for _ in range(SWEPT):
        if first == flow.held_next:
            break
        message_id = rows[HELD_ORDER][str(first)].message_id
        held: Held | None = rows[HELD].get(message_id)
        if held is not None:
            if now < held.until and flow.held_next - first <= MOST:
                break
            del rows[HELD][message_id]
            denied.append(MessageDenied(channel_id=channel_id, message_id=message_id, user_id=held.user_id))
        del rows[HELD_ORDER][str(first)]
        first += 1
    return flow if first == flow.held_first else replace(flow, held_first=first), denied
