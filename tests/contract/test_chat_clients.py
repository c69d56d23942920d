"""Clients made for Twitch, unmodified but for the address, on a gateway with the edge and the chat views behind it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.accounts import Account
from processors.chat import CHAT, PACE, SOCIETY
from schemas.event import Event
from schemas.events import MessagePosted, RecordRaid, RecordSubscription
from sinks.chat.config import ChatConfig
from sinks.chat.dialect import Connection, Hub, Session
from sinks.chat.gateway import Gateway
from sinks.chat.irc.session import Irc
from sinks.chat.web import JsonDialect
from streams.edges.chat.request import Origin, Person
from streams.reading import whole
from streams.topics import OF_EVENT
from tests.chat_stage import ChatStage, staged
from tests.contract.test_helix import serving

FOLDER = Path(__file__).with_name("chat_clients")
NODE, PYTHON = ("node", str(FOLDER / "client.mjs")), (sys.executable, str(FOLDER / "client.py"))
LIBRARIES = {"tmi": NODE, "twurple": NODE, "dank": NODE, "twitchio": PYTHON, "twitchapi": PYTHON}
TELLS_NO_USERSTATE = {"twitchapi"}
CANNOT_PING = {"twitchio", "twitchapi"}
WITHIN_S = 60.0
"""For what takes milliseconds, on a machine where other tests run too."""
SILENT_S = 1.5
"""The gateway asks for a sign of life after so long, and gives a client up that gives none for three times as long."""


class ForeignClient:
    """A process with one of them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: list[dict[str, Any]] = []
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def start(self, library: str, asked: dict[str, Any]) -> None:
        """Says which library it is, where and as whom."""
        await self._write({"library": library, **asked})

    async def do(self, what: str, *arguments: str) -> None:
        """Asks it to do something."""
        await self._write({"do": what, "with": arguments})

    async def tells(self, event: str, condition: Callable[[dict[str, Any]], bool] = lambda told: True, after: int = 0) -> dict[str, Any]:
        """The first thing of a kind that it told its user since."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while True:
                    for told in self.told[after:]:
                        assert told["event"] != "failed", told
                        if told["event"] == event and condition(told):
                            return told
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"no {event}; it told {self.told[after:]}") from None

    async def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading

    async def _write(self, line: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        await self._process.stdin.drain()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.told.append(json.loads(line) if line.startswith(b"{") else {"event": "printed", "text": line.decode()})
            self._changed.set()


class Platform:
    """A gateway that can be restarted, on what outlives it; what clients say to it is overheard."""

    def __init__(self, stage: ChatStage, api: int) -> None:
        self.stage = stage
        self.api = api
        self.heard: list[str] = []
        self._irc = Irc(stage.accounts)
        self.port = self.lines = 0
        self._gateways: list[Gateway] = []

    async def start(self) -> None:
        """A gateway, at the ports of the one before."""
        stage, config = self.stage, ChatConfig(drain_s=2, silent_s=SILENT_S, reuse_port=True)
        gateway = Gateway(config, stage.log, stage.codec, stage.edge, accounts=stage.accounts, json=JsonDialect(), irc=self._overheard)
        await gateway.start()
        self.port = await gateway.listen("127.0.0.1", self.port)
        self.lines = await gateway.listen_lines("127.0.0.1", self.lines)
        self._gateways.append(gateway)

    async def stop(self) -> None:
        """The oldest gateway drains."""
        await self._gateways.pop(0).close()

    @asynccontextmanager
    async def client(self, library: str, who: Account) -> AsyncIterator[ForeignClient]:
        """One of the libraries, signed in, for the block."""
        pipe = asyncio.subprocess.PIPE
        environment = {**os.environ, "TWURPLE_MOCK_API_PORT": str(self.api)}
        process = await asyncio.create_subprocess_exec(*LIBRARIES[library], stdin=pipe, stdout=pipe, env=environment)
        client = ForeignClient(process)
        where = {"host": "127.0.0.1", "port": self.port, "lines": self.lines, "api": self.api, "channel": "owl"}
        whom = {"login": who.login, "token": who.access_token, "client": who.client_id}
        try:
            await client.start(library, where | whom)
            yield client
        finally:
            await client.close()

    async def posted(self, text: str) -> MessagePosted:
        """The message with a text, once the view has posted it."""
        topic = OF_EVENT[MessagePosted].name
        async with asyncio.timeout(WITHIN_S):
            while True:
                for record in whole(self.stage.log, topic):
                    event = self.stage.codec.decode(record.value)
                    if isinstance(event, MessagePosted) and event.text == text:
                        return event
                await asyncio.sleep(0.01)

    def _overheard(self, connection: Connection, hub: Hub) -> Session:
        session = self._irc(connection, hub)
        received = session.received

        def hear(text: str) -> None:
            self.heard += text.split("\r\n")
            received(text)

        session.received = hear  # type: ignore[method-assign]
        return session


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with staged(tmp_path, (CHAT, PACE, SOCIETY)) as stage, serving(stage) as api:
        platform = Platform(stage, int(api.url.rpartition(":")[2]))
        await platform.start()
        yield platform
        await platform.stop()


def person(account: Account) -> Person:
    return Person(account.id, account.login, account.login.title(), "#ff4f6d")


@pytest.mark.row("C22", "U6", "E7", "C21")
@pytest.mark.parametrize("library", LIBRARIES)
async def test_an_unmodified_client_does_and_hears_all_that_it_would_on_twitch(platform: Platform, library: str) -> None:
    stage = platform.stage
    owl, bot, bob, cat = [await stage.account(login) for login in ("owl", "robot", "bob", "cat")]
    edge = stage.edge

    async def command(kind: str, **values: Any) -> None:
        await edge.command(person(owl), kind, owl.id, origin=Origin("10.0.0.1", 0), **values)

    async def say(who: Account, text: str) -> str:
        return await edge.say(person(who), owl.id, text, origin=Origin("10.0.0.2", 0))

    def publish(event: Event) -> None:
        stage.publisher.publish(event)

    async with platform.client(library, bot) as client:
        # Connects, joins.
        await client.tells("connected")
        await client.do("join", "owl")
        await client.tells("joined", lambda told: told["channel"].removeprefix("#") == "owl")
        await client.tells("done", lambda told: told["what"] == "join")

        # Hears others; emotes where they stand.
        first = await say(bob, "hi there :) all")
        told = await client.tells("message")
        assert (told["user"], told["text"], told["id"]) == ("bob", "hi there :) all", first)
        assert told["emotes"], told

        # Is heard.
        await client.do("say", "owl", "beep")
        assert (await platform.posted("beep")).user_login == "robot"
        if library not in TELLS_NO_USERSTATE:
            await client.tells("userstate")
        await client.tells("done", lambda told: told["what"] == "say")
        await asyncio.sleep(1.1)  # the room's rate
        await client.do("act", "owl", "beeps")
        assert (await platform.posted("beeps")).action

        # CLEARMSG, CLEARCHAT.
        await command("DeleteMessage", message_id=first, user_id=bob.id)
        assert await client.tells("deleted") == {"event": "deleted", "id": first, "user": "bob"}
        await command("SanctionUser", user_id=bob.id, seconds=60, reason="rude")
        assert await client.tells("timeout") == {"event": "timeout", "user": "bob", "seconds": 60}
        await command("SanctionUser", user_id=cat.id, seconds=None, reason="rude")
        assert await client.tells("ban") == {"event": "ban", "user": "cat"}
        await command("ClearChat")
        await client.tells("clear")

        # USERNOTICE.
        publish(RecordSubscription(event_id="s1", channel_id=owl.id, user_id=bob.id, plan="tier1", cumulative_months=1, gifter_id=None))
        await client.tells("sub")
        publish(RecordSubscription(event_id="s2", channel_id=owl.id, user_id=bob.id, plan="tier1", cumulative_months=7, gifter_id=None))
        assert (await client.tells("resub")).get("months", 7) == 7
        publish(RecordRaid(event_id="r1", channel_id=owl.id, from_channel_id=cat.id, viewers=42))
        raid = await client.tells("raid")
        assert (raid["user"].lower(), raid["viewers"]) == ("cat", 42)

        # ROOMSTATE, NOTICE.
        await command("ChangeMode", slow_seconds=30)
        await client.tells("slow", lambda told: told["seconds"] == 30)
        await asyncio.sleep(1.1)
        seen = len(client.told)
        await client.do("say", "owl", "too soon")
        await client.tells("notice", lambda told: told["id"] == "msg_slowmode", seen)

        # PING both ways: of a client that answers none the gateway would have let go.
        if library not in CANNOT_PING:
            await client.do("ping")
            await client.tells("pong" if library == "twurple" else "done", lambda told: told.get("what", "ping") == "ping")
            assert any(line.startswith("PING") for line in platform.heard)
        async with asyncio.timeout(WITHIN_S):
            while not any(line.startswith("PONG") for line in platform.heard):
                await asyncio.sleep(0.05)

        # RECONNECT: it comes back by itself, to its room.
        await command("ChangeMode", slow_seconds=0)
        seen = len(client.told)
        await platform.start()
        await platform.stop()
        await client.tells("joined", after=seen)
        await say(owl, "welcome back")
        told = await client.tells("message", after=seen)
        assert (told["user"], told["text"]) == ("owl", "welcome back")
        # Some have several connections, and so hear themselves.
        others = [told["text"] for told in client.told if told["event"] == "message" and told["user"] != "robot"]
        assert others == ["hi there :) all", "welcome back"]


@pytest.mark.row("C22", "U6")
@pytest.mark.parametrize("library", ["tmi", "dank"])
async def test_a_client_with_a_wrong_token_is_told_so(platform: Platform, library: str) -> None:
    who = await platform.stage.account("robot")
    async with platform.client(library, msgspec.structs.replace(who, access_token="0" * 30)) as client:
        async with asyncio.timeout(WITHIN_S):
            while not any("login" in json.dumps(told).lower() for told in client.told):
                await asyncio.sleep(0.05)
        assert not any(told["event"] == "connected" for told in client.told)
