"""The demo's viewers: a dozen accounts that chat in its channel over WebSocket, as a page does."""

import asyncio
import contextlib
import json
import random
from itertools import count
from typing import Any

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from infra.accounts import AccountError, Accounts
from infra.apps.service import App
from infra.demo_lines import MODERATOR, SUBSCRIBER, VIEWERS, Line, lines
from infra.social import Social, SocialError
from streams.errors import StreamingError

SEED = 7
PAUSE_S = (0.8, 2.2)
"""Between two lines: 0.67 a second, a chat that can be read."""
NOTICE_EVERY = 120
"""Lines between two notices: three minutes."""
SLIP_EVERY = 75
"""Lines between two that the moderator takes away."""
SLIP = "LOOK AT THIS LOOK AT THIS LOOK AT THIS"
AGAIN_S = 2.0
"""Before a new try, where the chat is away or does not know a token yet."""
HEARD_S = 5.0
"""For an answer; it takes milliseconds."""

logger = structlog.get_logger()


class Viewer:
    """One account's connection."""

    def __init__(self, login: str, socket: ClientConnection) -> None:
        self.login = login
        self._socket = socket
        self._nonces = count(1)
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._hearing = asyncio.create_task(self._hear())

    @classmethod
    async def come(cls, url: str, login: str, token: str, channel: str) -> "Viewer":
        """Signs in and joins."""
        viewer = cls(login, await connect(url, compression=None, proxy=None))
        await viewer._send(type="hello", token=token)
        await viewer._send(type="join", channel=channel)
        return viewer

    async def ask(self, kind: str, **values: Any) -> dict[str, Any]:
        """Sends a frame and waits for its answer.

        Raises:
            TimeoutError, WebSocketException: the chat is away.
        """
        nonce = str(next(self._nonces))
        answer = self._answers[nonce] = asyncio.get_running_loop().create_future()
        try:
            await self._send(type=kind, nonce=nonce, **values)
            return await asyncio.wait_for(answer, HEARD_S)
        finally:
            del self._answers[nonce]

    async def go(self) -> None:
        """Leaves."""
        self._hearing.cancel()
        await self._socket.close()
        await asyncio.gather(self._hearing, return_exceptions=True)

    async def _send(self, **frame: Any) -> None:
        await self._socket.send(json.dumps(frame))

    async def _hear(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            answer = self._answers.get(frame.get("nonce") or "")
            if answer is not None and not answer.done():
                answer.set_result(frame)


class DemoChat:
    """Talks in the demo's channel."""

    def __init__(self, app: App, channel: str) -> None:
        self._app = app
        self._channel = channel
        self._url = f"ws://127.0.0.1:{app.settings.ports.edge}/chat"
        self._dice = random.Random(SEED)
        self._lines = lines(self._dice)
        self._social = Social(app.parts.log, app.parts.codec)
        self._said = 0
        self._months = 1
        self._last: str | None = None
        """Id of the newest message."""

    async def run(self) -> None:
        """Talks until stopped; a chat that goes away is come back to."""
        stopping = asyncio.create_task(self._app.stopping.wait())
        talking = asyncio.create_task(self._talk_on())
        await asyncio.wait((stopping, talking), return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, talking):
            task.cancel()
        [_, ended] = await asyncio.gather(stopping, talking, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended

    async def _talk_on(self) -> None:
        tokens = await asyncio.to_thread(self._tokens)
        while True:
            try:
                await self._talk(tokens)
            except (WebSocketException, OSError, TimeoutError, StreamingError) as cause:
                logger.warning("the demo's chat pauses", cause=repr(cause))
            await asyncio.sleep(AGAIN_S)

    async def _talk(self, tokens: dict[str, str]) -> None:
        async with contextlib.AsyncExitStack() as stack:
            viewers = {}
            for login, token in tokens.items():
                viewers[login] = viewer = await Viewer.come(self._url, login, token, self._channel)
                stack.push_async_callback(viewer.go)
            host = viewers[self._channel]
            await host.ask("moderate", channel=self._channel, do="grant", user=MODERATOR, role="moderator")
            while True:
                await asyncio.sleep(self._dice.uniform(*PAUSE_S))
                self._said += 1
                if self._said % NOTICE_EVERY == NOTICE_EVERY // 2:
                    await asyncio.to_thread(self._notice)
                if self._said % SLIP_EVERY == 0:
                    await self._slip(viewers)
                else:
                    await self._say(viewers, next(self._lines))

    async def _say(self, viewers: dict[str, Viewer], line: Line) -> None:
        reply = {"reply_to": self._last} if line.answers and self._last else {}
        answer = await viewers[line.login].ask("say", channel=self._channel, text=line.text, **reply)
        self._last = answer.get("id") if answer["type"] == "accepted" else None

    async def _slip(self, viewers: dict[str, Viewer]) -> None:
        """Somebody shouts, and the moderator takes it away."""
        await self._say(viewers, Line("jamjarjo", SLIP, answers=False))
        if self._last is not None:
            await asyncio.sleep(PAUSE_S[1])
            await viewers[MODERATOR].ask("moderate", channel=self._channel, do="delete", message_id=self._last)
            await self._say(viewers, Line(MODERATOR, "easy on the shouting :)", answers=False))

    def _notice(self) -> None:
        """A subscription or a raid."""
        if self._dice.random() < 0.7:
            self._months += 1
            self._social.subscribe(SUBSCRIBER, self._channel, "tier1", self._months, None)
        else:
            self._social.raid("orbitori", self._channel, self._dice.randrange(5, 60))

    def _tokens(self) -> dict[str, str]:
        """The accounts, made where they are missing, with tokens for this run; what they are to the channel."""
        accounts = Accounts(self._app.parts.log, self._app.parts.codec, "demo")
        tokens = {}
        for login in (self._channel, *VIEWERS):
            try:
                tokens[login] = accounts.create(login, "regular").access_token
                if login != self._channel:
                    self._social.follow(login, self._channel)
            except AccountError:
                tokens[login] = accounts.rotate_token(login)
        with contextlib.suppress(SocialError):
            self._social.subscribe(SUBSCRIBER, self._channel, "tier1", self._months, None)
        return tokens
