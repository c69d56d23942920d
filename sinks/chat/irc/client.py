"""One client: what the parts of its session share."""

import math
from collections.abc import Awaitable, Callable

from schemas.event import Event
from sinks.chat.dialect import Connection, Hub, Room
from sinks.chat.irc import capabilities, tags
from sinks.chat.irc.capabilities import Capabilities
from sinks.chat.irc.line import format_line
from sinks.chat.irc.notices import notice, text
from sinks.chat.irc.render import IrcVariant
from sinks.chat.sending import InvalidCommandError, Person, ShedError
from streams.edges.accounts import Accounts

MAX_WAITING = 50
"""Commands of a client that may wait while the log is away: half of what a moderator may send in 30 s, and of what a gateway lets wait."""
Answer = Callable[[Event], None]


class Variants:
    """The ways in which IRC is rendered, one for each set of capabilities that matters."""

    def __init__(self, accounts: Accounts) -> None:
        self._by_capabilities = {
            (tags, commands, history): IrcVariant(accounts, tags=tags, commands=commands, history=history)
            for tags in (False, True)
            for commands in (False, True)
            for history in (False, True)
        }

    def of(self, on: Capabilities) -> IrcVariant:
        """That of a client with these."""
        return self._by_capabilities[capabilities.TAGS in on, capabilities.COMMANDS in on, capabilities.HISTORY in on]


class Client:
    """A connection and what is known of who is at its other end."""

    def __init__(self, connection: Connection, hub: Hub, variants: Variants) -> None:
        self.connection = connection
        self.hub = hub
        self.capabilities = Capabilities()
        self.nick: str | None = None
        """Login, or the name of an anonymous one; None before the login is over."""
        self.rooms: dict[str, Room] = {}
        """Joined, by login."""
        self._variants = variants
        self._person: Person | None = None
        self._waiting = 0

    def signed_in(self, nick: str, person: Person | None) -> None:
        """The login is over."""
        self.nick, self._person = nick, person
        self.connection.person = person

    @property
    def person(self) -> Person | None:
        """Who is signed in, with the colour chosen last; None for an anonymous client."""
        return self._person and self._person._replace(color=self.hub.accounts.color(self._person.user_id))

    @property
    def variant(self) -> IrcVariant:
        """How rooms are rendered for it."""
        return self._variants.of(self.capabilities)

    @property
    def tagged(self) -> bool:
        """Whether it takes tags."""
        return capabilities.TAGS in self.capabilities

    @property
    def commanding(self) -> bool:
        """Whether it takes what is not in RFC 1459."""
        return capabilities.COMMANDS in self.capabilities

    def numeric(self, number: str, *params: str, text: str) -> None:
        """Sends a numbered reply."""
        self.connection.send(format_line(number, self.nick or "*", *params, text=text))

    def notice(self, channel: str, msg_id: str, /, **values: object) -> None:
        """Sends a NOTICE with the text of its id."""
        self.say_notice(channel, msg_id, text(msg_id, **values))

    def say_notice(self, channel: str, msg_id: str, words: str) -> None:
        """Sends a NOTICE with another text."""
        self.connection.send(notice(channel, msg_id, words, tags=self.tagged))

    def user_state(self, room: Room, person: Person, **more: str) -> None:
        """Sends what the user is in a room."""
        if self.commanding:
            values = {**tags.of_member(person, room.standing(person.user_id)), **more}
            self.connection.send(format_line("USERSTATE", f"#{room.login}", tags=values if self.tagged else None))

    def hand_in(self, channel: str, handed: Callable[[], Awaitable[str | None]], answered: Answer, *, invalid: str = "cmd_failed") -> None:
        """Hands a command in, in order with the client's others. `handed` gives its id, or None where nothing will answer it.

        What the edge refuses is told, by its id `invalid` where it was no command.
        """
        if self._waiting >= MAX_WAITING:
            self.say_notice(channel, "msg_ratelimit", f"{MAX_WAITING} of your messages wait to be taken. Send more when they are answered.")
            return
        self._waiting += 1

        async def work() -> None:
            try:
                command_id = await handed()
            except ShedError as cause:
                self.say_notice(channel, "msg_ratelimit", str(cause) or text("msg_ratelimit", seconds=seconds(cause.wait_ms)))
            except InvalidCommandError as cause:
                self.notice(channel, invalid, cause=cause)
            else:
                if command_id is not None:
                    self.connection.expect(command_id, answered)
            finally:
                self._waiting -= 1

        self.hub.spawn(self.connection, work)


def seconds(wait_ms: int) -> int:
    """Whole seconds to wait, so that it is long enough."""
    return math.ceil(wait_ms / 1000)
