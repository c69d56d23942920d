"""What is taken away again: one message, or all."""

from collections.abc import Iterable

from processors.chat.answers import refused
from processors.chat.state import HELD, may_moderate, user_of
from schemas.event import Event
from schemas.events import ChatCleared, ClearChat, DeleteMessage, MessageDeleted, MessageDenied
from streams.fold import At, Rows


def delete(rows: Rows, event: DeleteMessage, at: At) -> Iterable[Event]:
    """Takes a message away, for a moderator or its author. A moderator does not touch the broadcaster's or another moderator's.

    Whether there is such a message is not asked: the view keeps none, and taking away what nobody has changes nothing.
    """
    channel_id, author, asker = event.channel_id, event.user_id, event.moderator_id
    if author != asker:
        if not may_moderate(rows, channel_id, asker, at.time):
            return refused(channel_id, asker, "no_permission", author)
        if asker != channel_id and (author == channel_id or user_of(rows, author).moderator):
            return refused(channel_id, asker, "bad_target", author)
    deleted = MessageDeleted(channel_id=channel_id, message_id=event.message_id, user_id=author, moderator_id=asker)
    if rows[HELD].pop(event.message_id, None) is None:
        return (deleted,)
    return deleted, MessageDenied(channel_id=channel_id, message_id=event.message_id, user_id=author, moderator_id=asker)


def clear(rows: Rows, event: ClearChat, at: At) -> Iterable[Event]:
    """Takes all messages so far away. What is held stays held."""
    if not may_moderate(rows, event.channel_id, event.moderator_id, at.time):
        return refused(event.channel_id, event.moderator_id, "no_permission")
    return (ChatCleared(channel_id=event.channel_id, moderator_id=event.moderator_id),)
