"""What the members of a room get of its events, in IRC."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas.event import Event
from schemas.events import (
    ChatCleared,
    MessageDeleted,
    MessagePosted,
    ModeChanged,
    NoticePosted,
    UserBanned,
    UserTimedOut,
)
from sinks.chat.dialect import Room
from sinks.chat.irc import tags as tag
from sinks.chat.irc.line import format_line, plain
from sinks.chat.irc.notices import notice, switched
from sinks.chat.irc.usernotice import usernotice
from streams.edges.accounts import Accounts
from streams.fold import At

GONE = "deleted message"
"""Stands for the text of a deleted message that this gateway does not have any more: tmi.js needs one."""


class IrcVariant:
    """Implements `sinks.chat.dialect.Variant` for clients with the same capabilities."""

    def __init__(self, accounts: Accounts, *, tags: bool, commands: bool, history: bool) -> None:
        self._accounts = accounts
        self._tags = tags
        self._commands = commands
        self._history = history
        self._renderers: dict[type[Event], Callable[[Room, Any], str]] = {MessagePosted: self._posted}
        if commands:
            self._renderers |= {
                MessageDeleted: self._deleted,
                UserTimedOut: self._silenced,
                UserBanned: self._silenced,
                ChatCleared: self._cleared,
                ModeChanged: self._switched,
                NoticePosted: self._noticed,
            }

    def render(self, room: Room, event: Event, at: At) -> str:
        """Whole lines; empty for what IRC does not tell."""
        render = self._renderers.get(type(event))
        return render(room, event) if render else ""

    def joined(self, room: Room, rendered: Sequence[str], skipped: int) -> str:
        """The lines of a tick; with the history capability also how many messages were left out, and where to resume."""
        frame = "".join(rendered)
        if self._history:
            if skipped:
                frame += format_line("SAMPLED", f"#{room.login}", text=str(skipped))
            frame += format_line("RESUME", f"#{room.login}", text=room.token())
        return frame

    def moderates(self, event: Event) -> bool:
        """None is: what moderators alone see has no form in IRC."""
        return False

    def _line(self, command: str, room: Room, text: str | None, values: Mapping[str, str], prefix: str | None = None) -> str:
        written = values if self._tags else None
        if prefix is None:
            return format_line(command, f"#{room.login}", text=text, tags=written)
        return format_line(command, f"#{room.login}", text=text, tags=written, prefix=prefix)

    def _posted(self, room: Room, message: MessagePosted) -> str:
        values = tag.of_author(message)
        values |= {"first-msg": tag.flag(message.first_message), "returning-chatter": "0"}
        if self._history and room.replays:
            values["historical"] = "1"
        text = plain(message.text)
        parent = room.message(message.reply_to) if message.reply_to else None
        if parent is not None:
            mention = f"@{plain(parent.display_name)} "
            values |= tag.of_reply(room, parent)
            values["emotes"] = tag.emotes(message.emotes, len(mention))
            text = mention + text
        if message.action:
            text = f"\x01ACTION {text}\x01"
        return self._line("PRIVMSG", room, text, values, user_prefix(message.user_login))

    def _deleted(self, room: Room, deleted: MessageDeleted) -> str:
        message = room.message(deleted.message_id)
        values = {
            "login": message.user_login if message else self._login(deleted.user_id),
            "room-id": deleted.channel_id,
            "target-msg-id": deleted.message_id,
            "tmi-sent-ts": tag.milliseconds(deleted.occurred_at),
        }
        return self._line("CLEARMSG", room, plain(message.text) if message else GONE, values)

    def _silenced(self, room: Room, silenced: UserBanned | UserTimedOut) -> str:
        duration = {"ban-duration": str(silenced.seconds)} if isinstance(silenced, UserTimedOut) else {}
        values = {
            **duration,
            "room-id": silenced.channel_id,
            "target-user-id": silenced.user_id,
            "tmi-sent-ts": tag.milliseconds(silenced.occurred_at),
        }
        return self._line("CLEARCHAT", room, self._login(silenced.user_id), values)

    def _cleared(self, room: Room, cleared: ChatCleared) -> str:
        values = {"room-id": cleared.channel_id, "tmi-sent-ts": tag.milliseconds(cleared.occurred_at)}
        return self._line("CLEARCHAT", room, None, values)

    def _switched(self, room: Room, modes: ModeChanged) -> str:
        """Each mode by itself: tmi.js takes a ROOMSTATE with several for that of a JOIN, and some modes only from the NOTICE."""
        return "".join(
            self._line("ROOMSTATE", room, None, {"room-id": modes.channel_id, change.tag: change.value})
            + notice(room.login, change.msg_id, change.words, tags=self._tags)
            for change in switched(modes)
        )

    def _noticed(self, room: Room, event: NoticePosted) -> str:
        values = usernotice(room, event, self._accounts)
        return self._line("USERNOTICE", room, plain(event.text) or None, values)

    def _login(self, user_id: str) -> str:
        """Of an account that is gone its id: without a name a CLEARCHAT would clear the whole chat."""
        account = self._accounts.by_id(user_id)
        return account.login if account else user_id


def user_prefix(login: str) -> str:
    """Who says something, in a prefix."""
    return f"{login}!{login}@{login}.tmi.twitch.tv"
