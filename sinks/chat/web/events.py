"""How the JSON protocol tells a room's events."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.event import Event
from schemas.events import (
    ChatCleared,
    MessageDeleted,
    MessageDenied,
    MessageHeld,
    MessagePosted,
    ModeChanged,
    NoticePosted,
    RoleChanged,
    RoomState,
    UserBanned,
    UserTimedOut,
    UserUnbanned,
)
from schemas.events.chat import EmoteSpan
from sinks.chat.dialect import Room, Shown
from streams.edges.accounts import Accounts
from streams.fold import At

Json = dict[str, Any]


def plain(value: Any) -> str:
    """An opened text (`schemas.privacy.Opened`) as msgspec takes it, which encodes no subclass of `str`."""
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} is nothing for a frame")


encode = msgspec.json.Encoder(enc_hook=plain).encode
MODES = ("slow_seconds", "followers_only_minutes", "subscribers_only", "emote_only", "unique_chat", "automod_level")


class JsonEvents:
    """The only variant of the dialect."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._tell: dict[type[Event], Callable[[Shown, Any], Json]] = {
            MessagePosted: self._posted,
            MessageHeld: lambda shown, held: {**self._message("held", shown, held), "score": held.automod_score},
            MessageDenied: lambda _, denied: {"type": "held_closed", "id": denied.message_id, "approved": False},
            NoticePosted: self._notice,
            MessageDeleted: lambda _, deleted: {"type": "deleted", "id": deleted.message_id},
            UserTimedOut: lambda _, out: {"type": "silenced", "user": self._named(out.user_id), "seconds": out.seconds},
            UserBanned: lambda _, banned: {"type": "silenced", "user": self._named(banned.user_id)},
            UserUnbanned: lambda _, again: {"type": "unsilenced", "user": self._named(again.user_id)},
            ChatCleared: lambda _, cleared: {"type": "cleared"},
            ModeChanged: _mode,
            RoleChanged: lambda _, change: {
                "type": "role",
                "user": self._named(change.user_id),
                "role": change.role,
                "granted": change.granted,
            },
        }

    def render(self, room: Room, event: Event, at: At) -> str:
        """An event; empty for what the page has no use for."""
        told = self.told(room, event)
        return "" if told is None else encode(told).decode()

    def told(self, shown: Shown, event: Event) -> Json | None:
        """An event before it is encoded."""
        told = self._tell.get(type(event))
        return None if told is None else told(shown, event)

    def joined(self, room: Room, rendered: Sequence[str], skipped: int) -> str:
        """A room's frame."""
        more = (',"history":true' if room.replays else "") + (f',"skipped":{skipped}' if skipped else "")
        return f'{{"type":"room","channel":"{room.channel_id}","at":"{room.token()}"{more},"events":[{",".join(rendered)}]}}'

    def moderates(self, event: Event) -> bool:
        """The held messages."""
        return isinstance(event, MessageHeld | MessageDenied)

    def user(self, event: MessagePosted | MessageHeld | NoticePosted) -> Json:
        """Who wrote it, as at that time; a notice that left the names out is about whom the accounts know."""
        account = None if event.user_login else self._accounts.by_id(event.user_id)
        return {
            "id": event.user_id,
            "login": event.user_login or (account.login if account else event.user_id),
            "name": event.display_name or (account.display_name if account else event.user_id),
            "color": event.color or self._accounts.color(event.user_id),
        }

    def _named(self, user_id: str) -> Json:
        account = self._accounts.by_id(user_id)
        return {"id": user_id, "login": account.login if account else user_id}

    def _posted(self, shown: Shown, event: MessagePosted) -> Json:
        told = self._message("message", shown, event)
        if event.first_message:
            told["first"] = True
        return told

    def _message(self, kind: str, shown: Shown, event: MessagePosted | MessageHeld) -> Json:
        told: Json = {
            "type": kind,
            "id": event.message_id,
            "user": self.user(event),
            "badges": event.badges,
            "text": event.text,
            "emotes": _spans(event.emotes),
            "at": event.occurred_at // 1_000,
        }
        if event.action:
            told["action"] = True
        answered = None if event.reply_to is None else shown.message(event.reply_to)
        if answered is not None:
            told["reply"] = {"id": answered.message_id, "user": self.user(answered), "text": answered.text}
        return told

    def _notice(self, shown: Shown, event: NoticePosted) -> Json:
        return {
            "type": "notice",
            "id": event.message_id,
            "kind": event.kind,
            "user": self.user(event),
            "text": event.text,
            "emotes": _spans(event.emotes),
            "badges": event.badges,
            "plan": event.plan,
            "months": event.months,
            "gifter": None if event.gifter_id is None else self._named(event.gifter_id),
            "viewers": event.viewers,
            "accent": event.accent,
            "at": event.occurred_at // 1_000,
        }


def modes(state: RoomState) -> Json:
    """All of a room's modes."""
    return {name: getattr(state, name) for name in MODES}


def _mode(_: Shown, event: ModeChanged) -> Json:
    changed = {name: value for name in MODES if (value := getattr(event, name)) is not None}
    return {"type": "mode", **changed, **({"automatic": True} if event.moderator_id is None else {})}


def _spans(emotes: Sequence[EmoteSpan]) -> list[tuple[str, int, int]]:
    return [(span.emote_id, span.begin, span.end) for span in emotes]
