"""A chat client that speaks the JSON protocol, as the page does: joins, says, moderates, comes back with its token."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

ANSWER_S = 10.0
"""For what takes milliseconds, on a machine where other tests run too."""


class ChatClient:
    """One connection. All that a room sent is in `events`, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._nonces = count(1)
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._changed = asyncio.Event()
        self.events: list[dict[str, Any]] = []
        """Of the rooms' frames; what came as history carries `history`."""
        self.frames: list[dict[str, Any]] = []
        """All others."""
        self.token: str | None = None
        """Resumes behind the last frame."""
        self._hearing = asyncio.create_task(self._hear())

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, token: str | None = None) -> AsyncIterator[Self]:
        """A connection for the block, signed in where an access token is given."""
        async with connect(url, compression=None, proxy=None) as socket:
            client = cls(socket)
            try:
                if token is not None:
                    await client.send(type="hello", token=token)
                    await client.frame("welcome")
                yield client
            finally:
                client._hearing.cancel()
                await asyncio.gather(client._hearing, return_exceptions=True)

    async def join(self, channel: str, resume: str | None = None) -> dict[str, Any]:
        """Joins a room: the `joined` frame."""
        await self.send(type="join", channel=channel, **({"resume": resume} if resume else {}))
        return await self.frame("joined")

    async def ask(self, kind: str, within: float = ANSWER_S, **values: Any) -> dict[str, Any]:
        """Sends a frame with a nonce; its answer."""
        nonce = str(next(self._nonces))
        answer = self._answers[nonce] = asyncio.get_running_loop().create_future()
        try:
            await self.send(type=kind, nonce=nonce, **values)
            return await asyncio.wait_for(answer, within)
        finally:
            del self._answers[nonce]

    async def say(self, channel: str, text: str, **values: Any) -> dict[str, Any]:
        """`accepted` or `refused`."""
        return await self.ask("say", channel=channel, text=text, **values)

    async def send(self, **frame: Any) -> None:
        """Sends a frame."""
        await self._socket.send(json.dumps(frame))

    async def frame(self, kind: str, within: float = ANSWER_S) -> dict[str, Any]:
        """The newest frame of a kind, waited for."""
        return await self._until(lambda: next((f for f in reversed(self.frames) if f["type"] == kind), None), kind, within)

    async def event(self, holds: Callable[[dict[str, Any]], bool], within: float = ANSWER_S) -> dict[str, Any]:
        """The first event for which something holds, waited for."""
        return await self._until(lambda: next((e for e in self.events if holds(e)), None), "event", within)

    def texts(self) -> list[str]:
        """What was said in the rooms, in order."""
        return [event["text"] for event in self.events if event["type"] == "message"]

    async def closed(self) -> None:
        """Waits for the end of the connection."""
        await self._socket.wait_closed()

    async def _until(self, found: Callable[[], dict[str, Any] | None], what: str, within: float) -> dict[str, Any]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while (there := found()) is None:
                    self._changed.clear()
                    await self._changed.wait()
                return there
        raise AssertionError(f"no {what} within {within} s; there were {self.frames[-5:]} and {self.events[-5:]}")

    async def _hear(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            if frame["type"] == "room":
                self.token = frame["at"]
                self.events += [{**event, "history": True} if frame.get("history") else event for event in frame["events"]]
            else:
                self.frames.append(frame)
                answer = self._answers.get(frame.get("nonce") or "")
                if answer is not None and not answer.done():
                    answer.set_result(frame)
            self._changed.set()
