"""JOIN and PART."""

import math

from sinks.chat.dialect import ROOMS_MOST, Room
from sinks.chat.irc import capabilities, tags
from sinks.chat.irc.client import Client
from sinks.chat.irc.line import SERVER, Line, format_line
from sinks.chat.irc.membership import Membership
from sinks.chat.irc.pace import Pace
from sinks.chat.irc.render import user_prefix

RESUME = "chronicast.live/resume"
"""Tag of a JOIN: the token of the last RESUME line that the client had."""
HISTORY = 50
"""Messages that a client with the history capability gets at a JOIN."""
NAMES_LINE = 20
"""Names in a 353 line: 20 of 25 characters end at 512 bytes, RFC 1459's line."""


def join(client: Client, line: Line, pace: Pace, membership: Membership) -> None:
    """Joins the channels of a list, as many as the pace allows; the rest is told in one notice."""
    names = [name for name in line.params[0].lower().split(",") if name]
    for place, name in enumerate(names):
        wait = pace.admit()
        if wait:
            more = f" and {len(names) - place - 1} more" if place + 1 < len(names) else ""
            told = name.removeprefix("#")[:64]
            words = f"#{told}{more} not joined: 20 joins in 10 seconds at most. Join again in {math.ceil(wait)} seconds."
            client.say_notice(told, "msg_ratelimit", words)
            return
        _join(client, name, line.tags.get(RESUME), membership)


def _join(client: Client, name: str, resume: str | None, membership: Membership) -> None:
    login = name.removeprefix("#")[:64]
    room = client.hub.room(login) if name.startswith("#") else None
    if room is None:
        if (url := client.hub.elsewhere(login)) is not None:
            client.say_notice(login, "msg_channel_suspended", f"#{login} is served by another gateway: connect to {url}")
        else:
            client.notice(login, "msg_channel_suspended")
        return
    if len(client.rooms) >= ROOMS_MOST and room.login not in client.rooms:
        client.say_notice(login, "msg_ratelimit", f"#{login} not joined: a connection has {ROOMS_MOST} channels at most. Open another one.")
        return
    nick = client.nick or "*"
    client.connection.send(format_line("JOIN", f"#{room.login}", prefix=user_prefix(nick)) + _names(client, room, nick))
    if client.person is not None:
        client.user_state(room, client.person)
    if client.commanding:
        state = tags.of_room(room.state, room.channel_id)
        client.connection.send(format_line("ROOMSTATE", f"#{room.login}", tags=state if client.tagged else None))
    if room.login not in client.rooms:
        client.rooms[room.login] = room
        if capabilities.HISTORY in client.capabilities:
            resumed = client.connection.enter(room, client.variant, resume=resume or None, history=HISTORY)
            client.connection.send(format_line("HISTORY", f"#{room.login}", text="resumed" if resumed else "recent"))
        else:
            client.connection.enter(room, client.variant)
        membership.joined(room, client)


def _names(client: Client, room: Room, nick: str) -> str:
    names = [nick]
    if capabilities.MEMBERSHIP in client.capabilities:
        names += [name for name in room.present() if name != nick]
    prefix = f"{nick}.{SERVER}"
    listed = "".join(
        format_line("353", nick, "=", f"#{room.login}", text=" ".join(names[begin : begin + NAMES_LINE]), prefix=prefix)
        for begin in range(0, len(names), NAMES_LINE)
    )
    return listed + format_line("366", nick, f"#{room.login}", text="End of /NAMES list", prefix=prefix)


def part(client: Client, line: Line, membership: Membership) -> None:
    """Leaves the channels of a list. One that was not joined is answered too: a client may wait for it."""
    for name in line.params[0].lower().split(","):
        login = name.removeprefix("#")[:64]
        room = client.rooms.pop(login, None)
        if room is not None:
            client.connection.leave(room)
            membership.parted(room, client)
        if login:
            client.connection.send(format_line("PART", f"#{login}", prefix=user_prefix(client.nick or "*")))


def change_variant(client: Client, former: object) -> None:
    """After a change of capabilities: the rooms that were joined before are rendered by it too."""
    if client.variant is not former:
        for room in client.rooms.values():
            token = room.token()
            client.connection.leave(room)
            client.connection.enter(room, client.variant, resume=token)
