"""What a client says in a room, and what comes of it (PRIVMSG)."""

import re

from schemas.event import Event
from schemas.events import MessageHeld, MessagePosted, MessageRefused
from sinks.chat.dialect import Room
from sinks.chat.irc.client import Client
from sinks.chat.irc.line import Line
from sinks.chat.irc.refusals import refused
from sinks.chat.irc.slash import run
from sinks.chat.sending import Person

ACTION = re.compile(r"\x01ACTION (.*?)\x01?", re.DOTALL)
MAX_NONCE = 64
"""Characters of a client-nonce that are told back: clients use 16 to 36."""
MESSAGE_ID = re.compile(r"[0-9a-f-]{36}")


def privmsg(client: Client, line: Line) -> None:
    """Takes a PRIVMSG: a message, an action, or a slash command."""
    name = line.params[0].lower().removeprefix("#")
    text = line.params[1] if len(line.params) > 1 else ""
    person, room = client.person, client.hub.room(name)
    if person is None:
        client.say_notice(name, "no_permission", "You are not signed in: connect with PASS oauth:<token> to write.")
    elif text.startswith(("/", ".")) and run(client, person, room, name, text):
        pass
    elif room is None:
        client.notice(name, "msg_room_not_found")
    else:
        action = text.startswith(("/me ", ".me "))
        if found := ACTION.fullmatch(text):
            _say(client, person, room, line, found[1], action=True)
        else:
            _say(client, person, room, line, text[4:] if action else text.removeprefix("/ "), action=action)


def _say(client: Client, person: Person, room: Room, line: Line, text: str, *, action: bool) -> None:
    nonce = line.tags.get("client-nonce", "")[:MAX_NONCE]
    reply_to = line.tags.get("reply-parent-msg-id", "")

    async def handed() -> str:
        message_id = await client.hub.sending.say(
            person,
            room.channel_id,
            text,
            origin=client.connection.origin,
            action=action,
            reply_to=reply_to if MESSAGE_ID.fullmatch(reply_to) else None,
        )
        client.connection.own(message_id)
        return message_id

    def answered(event: Event) -> None:
        if isinstance(event, MessagePosted):
            client.user_state(room, person, id=event.message_id, **({"client-nonce": nonce} if nonce else {}))
        elif isinstance(event, MessageHeld):
            client.notice(room.login, "msg_rejected")
        elif isinstance(event, MessageRefused):
            refused(client, room, event)

    client.hand_in(room.login, handed, answered, invalid="msg_bad_characters")
