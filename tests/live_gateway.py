"""A real chat gateway on free ports, over a log in memory: events are written as the chat view would write them."""

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from itertools import count
from typing import Any, Self
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect

from schemas.event import Event
from schemas.events import ChannelProfile, MessagePosted
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.chat.config import ChatConfig
from sinks.chat.gateway import Gateway
from sinks.chat.sending import InvalidCommandError, Origin, Person
from sinks.chat.web import JsonDialect
from streams.clock import now_us
from streams.keys import partition_for
from streams.log_memory import MemoryLog
from streams.outputs import SOURCE
from streams.publisher import Publisher

CHANNEL, LOGIN = "42", "ana"
PEOPLE = {"42": "ana", "7": "bob", "8": "mod", "9": "carl"}
MESSAGES = "chat.message.events.v1"
COMMANDS = "chat.message.commands.v1"


def token(login: str) -> str:
    return f"token-of-{login}"


class HandedIn:
    """The edge of a gateway whose chat view is the test: what is handed in lies in `said` and `commands`."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Person, str]] = []
        self.addresses: list[str] = []
        """From which was said what lies in `said`."""
        self.commands: list[tuple[str, str, dict[str, Any]]] = []
        self.seen: set[str] = set()

    async def say(
        self, who: Person, channel_id: str, text: str, *, origin: Origin, action: bool = False, reply_to: str | None = None
    ) -> str:
        if not text:
            raise InvalidCommandError("nothing to say")
        self.said.append((str(uuid4()), who, text))
        self.addresses.append(origin.address)
        return self.said[-1][0]

    async def command(self, who: Person, kind: str, channel_id: str, *, origin: Origin, **values: Any) -> str:
        self.commands.append((str(uuid4()), kind, values))
        return self.commands[-1][0]

    async def color(self, who: Person, color: str) -> None:
        if not color.startswith("#"):
            raise InvalidCommandError("a colour is written #RRGGBB")

    def answered(self, command_id: str) -> None:
        self.seen.add(command_id)


class ChatWorld:
    """The log and what the chat view writes on it: what outlives a gateway."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.codec = Codec(LocalRegistry())
        self._publisher = Publisher(self.log, self.codec, "chat.v1")
        self._inputs = count()
        self._made: list[tuple[bytes, bytes, tuple]] = []
        for channel_id, login in PEOPLE.items():
            self.account(channel_id, login)

    def account(self, channel_id: str, login: str) -> None:
        self._publisher.publish(
            ChannelProfile(
                occurred_at=1,
                channel_id=channel_id,
                login=login,
                display_name=login.title(),
                tier="partner",
                category="Art",
                language="en",
                client_id="client",
                created_at=1,
                access_token_hash=sha256(token(login).encode()).hexdigest(),
            )
        )

    def publish(self, event: Event) -> None:
        """As an edge does, without a source."""
        self._publisher.publish(event)

    def output(self, event: Event) -> Event:
        """As the chat view does: with the place of its input."""
        stamped = type(event)(
            **{name: getattr(event, name) for name in event.__struct_fields__}
            | {"event_id": str(uuid4()), "occurred_at": event.occurred_at or now_us(), "producer": "chat.v1", "correlation_id": "c"}
        )
        key = event.channel_id.encode()
        partition = partition_for(key, 4)
        source = f"{COMMANDS}/{partition}/{next(self._inputs)}/0".encode()
        made = (key, self.codec.encode(MESSAGES, stamped), ((SOURCE, source),))
        self._made.append(made)
        self.log.append(MESSAGES, made[0], made[1], headers=made[2])
        return stamped

    def repeat(self, newest: int) -> None:
        """The newest outputs again, byte for byte, as after a worker's end."""
        for key, value, headers in self._made[-newest:]:
            self.log.append(MESSAGES, key, value, headers=headers)

    def say(self, text: str, user_id: str = "7", channel_id: str = CHANNEL, **more: Any) -> MessagePosted:
        login = PEOPLE.get(user_id, f"user{user_id}")
        event = MessagePosted(
            channel_id=channel_id,
            message_id=more.pop("message_id", None) or str(uuid4()),
            user_id=user_id,
            user_login=login,
            display_name=login.title(),
            text=text,
            **more,
        )
        return self.output(event)


class LiveGateway:
    """A gateway while it runs; an async context manager."""

    def __init__(self, world: ChatWorld, **config: Any) -> None:
        self.world = world
        self.sending = HandedIn()
        settings = ChatConfig(**{"sample_above": 0, "drain_s": 0, **config})
        self.gateway = Gateway(settings, world.log, world.codec, self.sending, json=JsonDialect(), irc=JsonDialect())

    async def __aenter__(self) -> Self:
        await self.gateway.start()
        self.port = await self.gateway.listen("127.0.0.1", 0)
        self.lines_port = await self.gateway.listen_lines("127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self.port}/chat"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.gateway.close()

    async def viewer(self, login: str | None = None) -> "Viewer":
        return await Viewer.connected(self.url, login)


class Viewer:
    """A page's chat. Frames are read in the background."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connected(cls, url: str, login: str | None = None, **headers: str) -> "Viewer":
        viewer = cls(await connect(url, compression=None, max_size=1 << 24, additional_headers=headers))
        if login is not None:
            await viewer.send(type="hello", token=token(login))
            await viewer.frame("welcome")
        return viewer

    async def send(self, **fields: Any) -> None:
        await self.socket.send(json.dumps(fields))

    async def join(self, channel: str = LOGIN, resume: str | None = None) -> dict[str, Any]:
        """The answer; the history's frame has come too."""
        seen = len(self.frames)
        await self.send(type="join", channel=channel, resume=resume)
        joined = await self.frame("joined", seen)
        await self.until(lambda: any(frame.get("history") for frame in self.frames[seen:]))
        return joined

    async def frame(self, kind: str, after: int = 0) -> dict[str, Any]:
        await self.until(lambda: any(frame["type"] == kind for frame in self.frames[after:]))
        return next(frame for frame in self.frames[after:] if frame["type"] == kind)

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        return [e for f in self.frames if f["type"] == "room" for e in f["events"] if kind in (None, e["type"])]

    def texts(self) -> list[str]:
        return [event["text"] for event in self.events("message")]

    @property
    def at(self) -> str:
        return next(frame["at"] for frame in reversed(self.frames) if frame["type"] == "room")

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.002)

    async def closed(self) -> tuple[int, str]:
        async with asyncio.timeout(30):
            await self._reading
        return self.socket.close_code or 0, self.socket.close_reason or ""

    async def close(self) -> None:
        await self.socket.close()
        await self._reading

    async def kill(self) -> None:
        """Without a word."""
        self.socket.transport.abort()
        await self._reading

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                self.frames.append(json.loads(text))
        except Exception:
            return
