"""A connection that speaks IRC as Twitch's servers do."""

import time
from collections.abc import Callable

from sinks.chat.dialect import Connection, Hub
from sinks.chat.irc import capabilities, rooms, tags
from sinks.chat.irc.client import Client, Variants
from sinks.chat.irc.line import SERVER, Line, format_line, lines, parse, too_long
from sinks.chat.irc.login import Login, RefusedError, SignedIn
from sinks.chat.irc.membership import Membership
from sinks.chat.irc.notices import notice
from sinks.chat.irc.pace import Pace, Seconds
from sinks.chat.irc.speech import privmsg
from streams.edges.accounts import Accounts

JOINS = (20, 10.0)
"""Channels joined in so many seconds, as Twitch documents for users."""
LINES = (1_000, 10.0)
"""Lines in so many seconds: a bot that may do everything needs a tenth; what sends more is broken or hostile."""
SILENCES = 3
"""Times 30 s in which nothing came, each followed by a PING, until the client counts as gone: tmi.js and others speak each minute."""
POLICY = 1008
"""Close code of a client that may not go on (RFC 6455 section 7.4.1)."""
NORMAL = 1000


class IrcSession:
    """Implements `sinks.chat.dialect.Session`."""

    def __init__(self, client: Client, membership: Membership, clock: Seconds) -> None:
        self._client = client
        self._connection = client.connection
        self._membership = membership
        self._login = Login(client.hub.accounts)
        self._joins = Pace(*JOINS, clock)
        self._lines = Pace(*LINES, clock)
        self._silences = 0
        self._over = False
        self._anyone: dict[str, Callable[[Line], None]] = {
            "CAP": self._cap,
            "PASS": self._pass,
            "NICK": self._nick,
            "PING": self._ping,
            "PONG": _ignored,
            "USER": _ignored,
            "QUIT": self._quit,
        }
        self._members: dict[str, Callable[[Line], None]] = {
            "JOIN": lambda line: rooms.join(client, line, self._joins, membership),
            "PART": lambda line: rooms.part(client, line, membership),
            "PRIVMSG": lambda line: privmsg(client, line),
        }

    def received(self, text: str) -> None:
        """Takes a frame; whatever it holds, the answer is a line, a close or nothing."""
        self._silences = 0
        for line in lines(text):
            if self._over:
                return
            if self._lines.admit():
                self._end(f"You send more than {LINES[0]} lines in {LINES[1]:.0f} seconds. Come back and send less.", "Too many lines")
            elif too_long(line):
                self._client.numeric("417", text="Input line was too long")
            elif (read := parse(line)) is not None:
                self._take(read)

    def silent(self) -> None:
        """Asks whether somebody is there, and gives up in the end."""
        self._silences += 1
        if self._silences > SILENCES or self._client.nick is None:
            self._over = True
            self._connection.close(NORMAL, "Ping timeout")
        else:
            self._connection.send(f"PING :{SERVER}\r\n")  # without a prefix, which tmi.js needs

    def ending(self) -> None:
        """Asks the client to come again."""
        if self._client.commanding:
            self._connection.send(format_line("RECONNECT"))

    def closed(self) -> None:
        """Forgets it."""
        self._over = True
        for room in self._client.rooms.values():
            self._membership.parted(room, self._client)
        self._client.rooms.clear()

    def _take(self, line: Line) -> None:
        take = self._anyone.get(line.command) or self._members.get(line.command)
        if take is None:
            self._client.numeric("421", line.command, text="Unknown command")
        elif line.command in self._members and self._client.nick is None:
            self._client.numeric("451", text="You have not registered")
        elif line.command in {"PASS", "NICK", *self._members} and not line.params:
            self._client.numeric("461", line.command, text="Not enough parameters")
        else:
            take(line)

    def _cap(self, line: Line) -> None:
        former = self._client.variant
        answer = self._client.capabilities.negotiate(line.params)
        if answer:
            self._connection.send(answer)
        rooms.change_variant(self._client, former)

    def _pass(self, line: Line) -> None:
        self._register(lambda: self._login.password(line.params[0]))

    def _nick(self, line: Line) -> None:
        self._register(lambda: self._login.nick(line.params[0]))

    def _register(self, take: Callable[[], SignedIn | None]) -> None:
        if self._client.nick is not None:
            self._client.numeric("462", text="You may not reregister")
            return
        try:
            signed_in = take()
        except RefusedError as cause:
            self._end(str(cause), str(cause))
        else:
            if signed_in is not None:
                self._client.signed_in(*signed_in)
                self._welcome(signed_in)

    def _welcome(self, signed_in: SignedIn) -> None:
        nick, person = signed_in
        greeting = (
            ("001", "Welcome, GLHF!"),
            ("002", f"Your host is {SERVER}"),
            ("003", "This server is rather new"),
            ("004", "-"),
            ("375", "-"),
            ("372", "You are in a maze of twisty passages, all alike."),
            ("376", ">"),
        )
        frame = "".join(format_line(number, nick, text=text) for number, text in greeting)
        if person is not None and capabilities.COMMANDS in self._client.capabilities:
            frame += format_line("GLOBALUSERSTATE", tags=tags.of_user(person) if self._client.tagged else None)
        self._connection.send(frame)

    def _ping(self, line: Line) -> None:
        """A bare one is answered without a prefix, for tmi.js; one with a text with a prefix and the text, for twurple and dank."""
        self._connection.send(format_line("PONG", SERVER, text=line.params[-1]) if line.params else "PONG\r\n")

    def _quit(self, line: Line) -> None:
        self._over = True
        self._connection.close(NORMAL, "Bye")

    def _end(self, words: str, reason: str) -> None:
        """Tells why and closes. In a login without a msg-id, as clients compare the text alone."""
        self._over = True
        self._connection.send(notice("*", "", words, tags=False))
        self._connection.close(POLICY, reason)


def _ignored(line: Line) -> None:
    """Nothing follows from it."""


class Irc:
    """The dialect of all IRC connections of a gateway: `Irc(accounts)` is a `sinks.chat.dialect.Dialect`."""

    def __init__(self, accounts: Accounts, *, clock: Seconds = time.monotonic) -> None:
        self._variants = Variants(accounts)
        self._membership = Membership()
        self._clock = clock

    def __call__(self, connection: Connection, hub: Hub) -> IrcSession:
        """The session of a new connection."""
        return IrcSession(Client(connection, hub, self._variants), self._membership, self._clock)
