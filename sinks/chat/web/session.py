"""A connection that speaks the JSON protocol."""

from collections.abc import Callable
from typing import Any

import msgspec

from schemas.event import Event
from schemas.events import CommandRefused, MessageHeld, MessageRefused
from sinks.chat.dialect import ROOMS_MOST, Connection, Hub, Room
from sinks.chat.sending import InvalidCommandError, Person, ShedError
from sinks.chat.web.commands import UnknownTargetError, command
from sinks.chat.web.events import JsonEvents, encode, modes
from sinks.chat.web.requests import Color, Hello, Join, Moderate, Part, Ping, Request, Say, decode
from sinks.chat.web.texts import text_of

HISTORY = 50
"""Messages after a join: the requirement's number."""


class JsonDialect:
    """Makes the sessions. For one gateway: they share what a room's frames are made by."""

    def __init__(self) -> None:
        self._events: JsonEvents | None = None

    def __call__(self, connection: Connection, hub: Hub) -> "JsonSession":
        """A new connection's session."""
        if self._events is None:
            self._events = JsonEvents(hub.accounts)
        return JsonSession(connection, hub, self._events)


class JsonSession:
    """One of them."""

    def __init__(self, connection: Connection, hub: Hub, events: JsonEvents) -> None:
        self._connection = connection
        self._hub = hub
        self._events = events
        self._rooms: dict[str, Room] = {}
        """By channel id."""
        self._doing: dict[type[Any], Callable[[Any], None]] = {
            Hello: self._hello,
            Join: self._join,
            Part: self._part,
            Say: self._say,
            Moderate: self._moderate,
            Color: self._color,
            Ping: lambda ping: self._tell("pong", nonce=ping.nonce),
        }

    def received(self, text: str) -> None:
        """A frame."""
        try:
            request: Request = decode(text)
        except (msgspec.DecodeError, msgspec.ValidationError) as cause:
            self._tell("error", code="malformed", text=f"Not a frame of this protocol: {cause}. See docs/reference/chat.md.")
            self._connection.close(1008, "malformed frame")
            return
        self._doing[type(request)](request)

    def silent(self) -> None:
        """The gateway's ping frame is enough."""

    def ending(self) -> None:
        """The gateway stops."""
        self._tell("error", code="restart", text="The chat restarts. Connect again within some seconds, with the newest `at` as `resume`.")

    def closed(self) -> None:
        """Nothing is kept outside of it."""

    def _tell(self, kind: str, **fields: Any) -> None:
        self._connection.send(encode({"type": kind, **fields}).decode())

    def _hello(self, hello: Hello) -> None:
        account = self._hub.accounts.by_token(hello.token.removeprefix("oauth:"))
        if account is None:
            self._tell("error", code="unknown_token", text="This token is not valid (any more): get a new one. You can read without.")
            return
        color = self._hub.accounts.color(account.channel_id)
        self._connection.person = person = Person(account.channel_id, account.login, account.display_name, color)
        self._tell("welcome", user={"id": person.user_id, "login": person.login, "name": person.display_name, "color": color})

    def _join(self, join: Join) -> None:
        room = self._hub.room(join.channel)
        if room is None:
            url = self._hub.elsewhere(join.channel)
            if url is None:
                self._tell("error", code="unknown_channel", channel=join.channel, text=f"There is no channel {join.channel}.")
            else:
                self._tell("error", code="elsewhere", channel=join.channel, url=url, text="Another gateway serves this channel.")
            return
        if room.channel_id not in self._rooms and len(self._rooms) >= ROOMS_MOST:
            self._tell(
                "error", code="too_many_rooms", channel=join.channel, text=f"A connection may be in {ROOMS_MOST} rooms: part one first."
            )
            return
        self._rooms[room.channel_id] = room
        resumed = self._connection.enter(room, self._events, resume=join.resume, history=HISTORY)
        self._tell(
            "joined",
            channel={"id": room.channel_id, "login": room.login, "name": room.display_name},
            mode={**modes(room.state), "auto_slow": room.auto_slow},
            you=self._standing(room),
            resumed=resumed,
        )

    def _standing(self, room: Room) -> dict[str, bool]:
        person = self._connection.person
        if person is None:
            return dict.fromkeys(("broadcaster", "moderator", "vip", "subscriber"), False)
        standing = room.standing(person.user_id)
        subscriber = any(badge.startswith(("subscriber/", "founder/")) for badge in standing.badges)
        return {"broadcaster": standing.broadcaster, "moderator": standing.moderator, "vip": standing.vip, "subscriber": subscriber}

    def _part(self, part: Part) -> None:
        room = next((room for room in self._rooms.values() if room.login == part.channel.lower()), None)
        if room is not None:
            del self._rooms[room.channel_id]
            self._connection.leave(room)
        self._tell("parted", channel=part.channel.lower())

    def _say(self, say: Say) -> None:
        person, room = self._connection.person, self._hub.room(say.channel)

        def refuse(reason: str, text: str, wait_ms: int = 0) -> None:
            self._tell("refused", nonce=say.nonce, reason=reason, wait_ms=wait_ms, text=text)

        def answered(event: Event) -> None:
            if isinstance(event, MessageRefused):
                refuse(event.reason, text_of(event.reason, event.wait_ms), event.wait_ms)
            else:
                held = {"held": True} if isinstance(event, MessageHeld) else {}
                self._tell("accepted", nonce=say.nonce, id=command_id, **held)

        if person is None:
            refuse("signed_out", "Sign in to write.")
            return
        if room is None:
            refuse("unknown_channel", f"There is no channel {say.channel} here.")
            return
        command_id = ""

        async def hand_in() -> None:
            nonlocal command_id
            try:
                command_id = await self._hub.sending.say(
                    person, room.channel_id, say.text, origin=self._connection.origin, action=say.action, reply_to=say.reply_to
                )
            except ShedError as cause:
                refuse("shed", str(cause), cause.wait_ms)
            except InvalidCommandError as cause:
                refuse("invalid", str(cause))
            else:
                self._connection.expect(command_id, answered)

        self._hub.spawn(self._connection, hand_in)

    def _moderate(self, request: Moderate) -> None:
        person, room = self._connection.person, self._hub.room(request.channel)

        def answered(event: Event) -> None:
            if isinstance(event, CommandRefused):
                self._denied(request.nonce, event.reason, text_of(event.reason))
            else:
                self._tell("done", nonce=request.nonce)

        if person is None:
            self._denied(request.nonce, "signed_out", "Sign in to moderate.")
            return
        if room is None:
            self._denied(request.nonce, "unknown_channel", f"There is no channel {request.channel} here.")
            return

        async def hand_in() -> None:
            try:
                kind, values = command(request, room, self._hub.accounts)
                command_id = await self._hub.sending.command(person, kind, room.channel_id, origin=self._connection.origin, **values)
            except UnknownTargetError as cause:
                self._denied(request.nonce, cause.reason, str(cause))
            except ShedError as cause:
                self._denied(request.nonce, "shed", str(cause))
            except InvalidCommandError as cause:
                self._denied(request.nonce, "bad_value", str(cause))
            else:
                self._connection.expect(command_id, answered)

        self._hub.spawn(self._connection, hand_in)

    def _color(self, request: Color) -> None:
        person = self._connection.person
        if person is None:
            self._denied(request.nonce, "signed_out", "Sign in to choose a colour.")
            return

        async def hand_in() -> None:
            try:
                await self._hub.sending.color(person, request.color)
            except ShedError as cause:
                self._denied(request.nonce, "shed", str(cause))
            except InvalidCommandError as cause:
                self._denied(request.nonce, "bad_value", str(cause))
            else:
                self._connection.person = person._replace(color=request.color)
                self._tell("done", nonce=request.nonce)

        self._hub.spawn(self._connection, hand_in)

    def _denied(self, nonce: str, reason: str, text: str) -> None:
        self._tell("denied", nonce=nonce, reason=reason, text=text)
