"""Slash commands: Twitch took most of them from IRC in 2023; clients made before send them, and wait for their notices."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from schemas.events import ChannelProfile, ChatCleared, ModeChanged
from sinks.chat.dialect import Room
from sinks.chat.irc.client import Client
from sinks.chat.irc.colors import NAMES, color
from sinks.chat.irc.durations import duration
from sinks.chat.irc.outcomes import OUTCOMES, Asked, tell
from sinks.chat.sending import Person

TIMEOUT_S = 600
"""Of a /timeout that names no length, as Twitch has it."""
MAX_TIMEOUT_S = 1_209_600
SLOW_S = 30
"""Of a /slow that names no length, as Twitch has it."""
MAX_SLOW_S = 120
MAX_FOLLOWERS_S = 90 * 86_400


class Slash(NamedTuple):
    """A command as it was written."""

    client: Client
    person: Person
    room: Room
    text: str
    """What follows the command."""

    def refuse(self, msg_id: str, **values: object) -> None:
        """Says that it cannot be done like this."""
        self.client.notice(self.room.login, msg_id, **values)

    def target(self, usage: str) -> ChannelProfile | None:
        """The user whom it names first; None where that was refused."""
        name = self.text.split(" ", 1)[0].removeprefix("@").lower()
        if not name:
            self.refuse(usage)
            return None
        account = self.client.hub.accounts.by_login(name)
        if account is None:
            self.refuse("invalid_user", user=name)
        return account

    def hand_in(self, kind: str, asked: Asked, **values: Any) -> None:
        """Hands it in; the one who asked is told what comes of it."""
        client, room = self.client, self.room

        async def handed() -> str:
            return await client.hub.sending.command(self.person, kind, room.channel_id, origin=client.connection.origin, **values)

        client.hand_in(room.login, handed, lambda event: tell(client, room, asked, event))


def run(client: Client, person: Person, room: Room | None, channel: str, text: str) -> bool:
    """Runs what begins with a slash, or with a dot and a command's name; False where it is no command but something to say."""
    name, _, rest = text[1:].partition(" ")
    name, rest = name.lower(), rest.strip(" ")
    if name == "color":
        _color(client, person, channel, rest)
    elif name in _COMMANDS:
        if room is None:
            client.notice(channel, "msg_room_not_found")
        else:
            _COMMANDS[name](Slash(client, person, room, rest))
    elif name == "me":
        if rest:
            return False
        client.notice(channel, "usage_me")
    elif text.startswith("/") and name:
        client.notice(channel, "unrecognized_cmd", command=f"/{name}")
    else:
        return False
    return True


def _ban(slash: Slash) -> None:
    target = slash.target("usage_ban")
    if target is not None:
        reason = slash.text.partition(" ")[2].strip()
        asked = Asked(OUTCOMES["ban"], {"user": target.login})
        slash.hand_in("SanctionUser", asked, user_id=target.channel_id, reason=reason)


def _timeout(slash: Slash) -> None:
    target = slash.target("usage_timeout")
    if target is None:
        return
    length, _, reason = slash.text.partition(" ")[2].strip().partition(" ")
    seconds: int | None = TIMEOUT_S
    if length[:1].isdigit():
        seconds = duration(length)
    else:
        reason = f"{length} {reason}"
    if seconds is None or not 1 <= seconds <= MAX_TIMEOUT_S:
        slash.refuse("bad_timeout_duration")
        return
    asked = Asked(OUTCOMES["timeout"], {"user": target.login, "seconds": seconds})
    slash.hand_in("SanctionUser", asked, user_id=target.channel_id, seconds=seconds, reason=reason.strip())


def _unban(slash: Slash) -> None:
    target = slash.target("usage_unban")
    if target is not None:
        slash.hand_in("LiftSanction", Asked(OUTCOMES["unban"], {"user": target.login}), user_id=target.channel_id)


def _delete(slash: Slash) -> None:
    message = slash.room.message(slash.text)
    if not slash.text:
        slash.refuse("usage_delete")
    elif message is None:
        slash.refuse("bad_delete_message_error")
    else:
        slash.hand_in("DeleteMessage", Asked(OUTCOMES["delete"], {}), message_id=message.message_id, user_id=message.user_id)


def _clear(slash: Slash) -> None:
    seen = ChatCleared(channel_id=slash.room.channel_id, moderator_id=slash.person.user_id)
    slash.hand_in("ClearChat", Asked(OUTCOMES["clear"], {}, seen))


def _role(name: str, role: str, *, granted: bool) -> Callable[[Slash], None]:
    outcome = OUTCOMES[name]

    def run_it(slash: Slash) -> None:
        target = slash.target(outcome.usage)
        if target is not None:
            slash.hand_in("GrantRole", Asked(outcome, {"user": target.login}), user_id=target.channel_id, role=role, granted=granted)

    return run_it


def _listed(ids: Callable[[Room], tuple[str, ...]], some: str, none: str) -> Callable[[Slash], None]:
    def run_it(slash: Slash) -> None:
        accounts = [slash.client.hub.accounts.by_id(user_id) for user_id in ids(slash.room)]
        names = ", ".join(account.login for account in accounts if account)
        slash.refuse(some if names else none, names=names)

    return run_it


def _announce(accent: str) -> Callable[[Slash], None]:
    def run_it(slash: Slash) -> None:
        if slash.text:
            slash.hand_in("Announce", Asked(OUTCOMES["announce"], {}), text=slash.text, accent=accent)
        else:
            slash.refuse("usage_announce")

    return run_it


def _mode(**modes: Any) -> Callable[[Slash], None]:
    return lambda slash: _switch(slash, "mode", modes)


def _slow(slash: Slash) -> None:
    seconds = duration(slash.text) if slash.text else SLOW_S
    if seconds is None or not 1 <= seconds <= MAX_SLOW_S:
        slash.refuse("usage_slow_on")
    else:
        _switch(slash, "slow", {"slow_seconds": seconds})


def _followers(slash: Slash) -> None:
    seconds = duration(slash.text, "m") if slash.text else 0
    if seconds is None or not 0 <= seconds <= MAX_FOLLOWERS_S:
        slash.refuse("usage_followers_on")
    else:
        _switch(slash, "followers", {"followers_only_minutes": seconds // 60})


def _switch(slash: Slash, name: str, modes: Mapping[str, Any]) -> None:
    seen = ModeChanged(channel_id=slash.room.channel_id, moderator_id=slash.person.user_id, **modes)
    slash.hand_in("ChangeMode", Asked(OUTCOMES[name], {}, seen), **modes)


def _color(client: Client, person: Person, channel: str, words: str) -> None:
    """Holds for all rooms; tmi.js asks for it in a room that need not exist."""
    chosen = color(words)
    if chosen is None:
        client.notice(channel, "usage_color", names=", ".join(NAMES))
        return

    async def handed() -> None:
        await client.hub.sending.color(person, chosen)
        client.notice(channel, "color_changed")

    client.hand_in(channel, handed, lambda event: None)


_COMMANDS: dict[str, Callable[[Slash], None]] = {
    "ban": _ban,
    "timeout": _timeout,
    "unban": _unban,
    "untimeout": _unban,
    "delete": _delete,
    "clear": _clear,
    "slow": _slow,
    "slowoff": _mode(slow_seconds=0),
    "followers": _followers,
    "followersoff": _mode(followers_only_minutes=-1),
    "subscribers": _mode(subscribers_only=True),
    "subscribersoff": _mode(subscribers_only=False),
    "emoteonly": _mode(emote_only=True),
    "emoteonlyoff": _mode(emote_only=False),
    "uniquechat": _mode(unique_chat=True),
    "uniquechatoff": _mode(unique_chat=False),
    "r9kbeta": _mode(unique_chat=True),
    "r9kbetaoff": _mode(unique_chat=False),
    "mod": _role("mod", "moderator", granted=True),
    "unmod": _role("unmod", "moderator", granted=False),
    "mods": _listed(lambda room: room.state.moderators, "room_mods", "no_mods"),
    "vip": _role("vip", "vip", granted=True),
    "unvip": _role("unvip", "vip", granted=False),
    "vips": _listed(lambda room: room.state.vips, "vips_success", "no_vips"),
    "announce": _announce("primary"),
    **{f"announce{accent}": _announce(accent) for accent in ("blue", "green", "orange", "purple")},
}
