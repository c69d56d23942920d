"""A room, a hub and connections in memory, for tests of the IRC dialect alone. Commands are answered by the test."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from schemas.event import Event
from schemas.events import ChannelProfile, MessagePosted, RoomState
from sinks.chat.dialect import Answered, Standing
from sinks.chat.irc.line import Line, parse
from sinks.chat.irc.session import Irc, IrcSession
from sinks.chat.sending import Origin, Person
from streams.edges.accounts import TOPICS, Accounts
from streams.fold import At

AT = At("chat.message.events.v1", 0, 0, 1_000_000_000_000_000)
LOGINS = {"owl": "1", "mia": "2", "rex": "3", "kim": "4"}
"""Users of the tests; `owl` has the channel."""


def token(login: str) -> str:
    return f"token-of-{login}"


def posted(text: str, login: str = "mia", n: int = 1, **more: Any) -> MessagePosted:
    """A message as the view posts it."""
    values = {
        "channel_id": "1",
        "message_id": str(UUID(int=n)),
        "user_id": LOGINS.get(login, "9"),
        "user_login": login,
        "display_name": login.title(),
        "text": text,
        "color": "#35a7ff",
        "occurred_at": AT.time,
    }
    return MessagePosted(**values | more)


class MemoryRoom:
    """Implements `Room`."""

    def __init__(self, login: str, channel_id: str) -> None:
        self.login = login
        self.channel_id = channel_id
        self.display_name = login.title()
        self.state = RoomState(channel_id=channel_id)
        self.auto_slow = False
        self.replays = False
        self.messages: dict[str, MessagePosted] = {}
        self.here: list[str] = []

    def message(self, message_id: str) -> MessagePosted | None:
        return self.messages.get(message_id)

    def standing(self, user_id: str) -> Standing:
        broadcaster, moderator = user_id == self.channel_id, user_id in self.state.moderators
        badges = ("broadcaster/1",) if broadcaster else ("moderator/1",) if moderator else ()
        return Standing(broadcaster, moderator, user_id in self.state.vips, badges, ())

    def present(self) -> Sequence[str]:
        return self.here

    def token(self) -> str:
        return "p0-41"


class MemoryConnection:
    """Implements `Connection`."""

    def __init__(self, hub: "MemoryHub", dialect: Irc) -> None:
        self.origin = Origin("127.0.0.1", 1)
        self.person: Person | None = None
        self.frames: list[str] = []
        self.entered: dict[str, Any] = {}
        self.owned: list[str] = []
        self.expected: dict[str, Answered] = {}
        self.ended: tuple[int, str] | None = None
        self.session: IrcSession = dialect(self, hub)

    def send(self, text: str) -> None:
        self.frames.append(text)

    def enter(self, room: Any, variant: Any, *, resume: str | None = None, history: int = 0) -> bool:
        self.entered[room.login] = (variant, resume, history)
        return resume is not None

    def leave(self, room: Any) -> None:
        del self.entered[room.login]

    def own(self, message_id: str) -> None:
        self.owned.append(message_id)

    def expect(self, command_id: str, answered: Answered) -> None:
        self.expected[command_id] = answered

    def close(self, code: int, reason: str) -> None:
        self.ended = (code, reason)

    def says(self, *lines: str) -> list[Line]:
        """Sends lines, each as a frame; what came back since the last time."""
        for line in lines:
            self.session.received(line)
        return self.heard()

    def heard(self) -> list[Line]:
        """What was sent to it since the last time."""
        text, self.frames = "".join(self.frames), []
        assert not text or text.endswith("\r\n")
        return [read for line in text.split("\r\n")[:-1] if (read := parse(line)) is not None]

    async def answers(self, event: Event) -> list[Line]:
        """The view answers the newest command; what the client heard by then."""
        await asyncio.sleep(0)
        self.expected.pop(next(reversed(self.expected)))(event)
        return self.heard()


class MemoryHub:
    """Implements `Hub`, and `Sending` for it: commands are kept."""

    def __init__(self) -> None:
        self.accounts = Accounts()
        self.sending: Any = self
        self.rooms = {"owl": MemoryRoom("owl", "1")}
        self.said: list[dict[str, Any]] = []
        self.refusal: Exception | None = None
        for login, user_id in LOGINS.items():
            hashed = hashlib.sha256(token(login).encode()).hexdigest()
            profile = ChannelProfile(
                channel_id=user_id,
                login=login,
                display_name=login.title(),
                tier="regular",
                access_token_hash=hashed,
                client_id="c",
                created_at=0,
            )
            self.accounts.apply(profile, At(TOPICS[0], 0, 0, 0))
        self.now = 0.0
        self.dialect = Irc(self.accounts, clock=lambda: self.now)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def room_of_owl(self) -> MemoryRoom:
        return self.rooms["owl"]

    def connect(self) -> MemoryConnection:
        return MemoryConnection(self, self.dialect)

    def signed_in(self, login: str | None, *channels: str, caps: str = "tags commands") -> MemoryConnection:
        """A client that has gone through the handshake."""
        client = self.connect()
        if caps:
            client.says("CAP REQ :" + " ".join(f"twitch.tv/{cap}" for cap in caps.split()))
        client.says(*(["NICK justinfan1"] if login is None else [f"PASS oauth:{token(login)}", f"NICK {login}"]))
        for channel in channels:
            client.says(f"JOIN #{channel}")
        client.heard()
        return client

    def room(self, login: str) -> MemoryRoom | None:
        return self.rooms.get(login)

    def elsewhere(self, login: str) -> str | None:
        return "ws://other/irc" if login == "far" else None

    def spawn(self, connection: Any, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await work()

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def say(self, who: Person, channel_id: str, text: str, **more: Any) -> str:
        return self._take({"who": who.login, "channel_id": channel_id, "text": text, **more})

    async def command(self, who: Person, kind: str, channel_id: str, **values: Any) -> str:
        return self._take({"who": who.login, "kind": kind, "channel_id": channel_id, **values})

    async def color(self, who: Person, color: str) -> None:
        self._take({"who": who.login, "color": color})

    def _take(self, asked: dict[str, Any]) -> str:
        if self.refusal is not None:
            raise self.refusal
        asked.pop("origin", None)
        self.said.append(asked)
        return str(UUID(int=100 + len(self.said)))
