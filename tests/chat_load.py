"""People who keep writing and viewers who keep watching whatever dies meanwhile, and what each of them saw."""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from infra.accounts import Account
from tests.chat_client import ChatClient

PAUSE_S = (1.55, 1.9)
"""Between two messages of one person: 20 in 30 s and 1 a second are allowed."""
AGAIN_S = (0.1, 0.4)
"""Before a new try to connect, as the page does it at first."""
ALIVE_S = 60.0
"""More without any answer is no recovery."""


class Attempt(NamedTuple):
    """One message that somebody tried to send."""

    text: str
    outcome: str
    """`accepted`, `refused` with its reason, or `unknown`: the connection ended before the answer."""
    message_id: str | None
    sent: float
    answered: float
    """Both by time.monotonic()."""


class Sender:
    """One account that writes in one channel, and comes back when its connection is lost."""

    def __init__(self, url: str, who: Account, channel: str, seed: int) -> None:
        self._url, self._who, self._channel = url, who, channel
        self._dice = random.Random(seed)
        self.attempts: list[Attempt] = []

    async def run(self, over: asyncio.Event) -> None:
        """Writes until it is over."""
        while not over.is_set():
            try:
                async with ChatClient.at(self._url, self._who.access_token) as client:
                    await client.join(self._channel)
                    while not over.is_set():
                        if await self._lost(client, self._dice.uniform(*PAUSE_S)) or not await self._say(client):
                            break
            except Exception:  # the gateway is away in one of many ways: each is only a reason to come back
                await asyncio.sleep(self._dice.uniform(*AGAIN_S))

    async def _lost(self, client: ChatClient, seconds: float) -> bool:
        """Pauses; whether the connection is lost meanwhile: who sees that says nothing until he is back."""
        closed = asyncio.create_task(client.closed())
        done, _ = await asyncio.wait((closed,), timeout=seconds)
        closed.cancel()
        return bool(done)

    async def _say(self, client: ChatClient) -> bool:
        """Says one thing; whether the connection is still there."""
        text, sent = f"{self._who.login} says {len(self.attempts)}", time.monotonic()
        asked = asyncio.create_task(client.say(self._channel, text, within=ALIVE_S))
        closed = asyncio.create_task(client.closed())
        await asyncio.wait((asked, closed), return_when=asyncio.FIRST_COMPLETED)
        closed.cancel()
        answer: dict[str, Any] = {}
        if asked.done() and not asked.exception():
            answer = asked.result()
        asked.cancel()
        await asyncio.gather(asked, closed, return_exceptions=True)
        outcome = answer.get("type", "unknown")
        outcome = f"refused: {answer['reason']}" if outcome == "refused" else outcome
        self.attempts.append(Attempt(text, outcome, answer.get("id"), sent, time.monotonic()))
        return bool(answer)


class Watcher:
    """A viewer who comes back with the token that he has."""

    def __init__(self, url: str, channel: str, seed: int) -> None:
        self._url, self.channel = url, channel
        self._dice = random.Random(seed)
        self.seen: list[str] = []
        """Ids of messages, over all connections, in order."""
        self.resumed = 0
        self.not_resumed = 0

    async def run(self, over: asyncio.Event) -> None:
        """Watches until it is over."""
        token: str | None = None
        while not over.is_set():
            client: ChatClient | None = None
            try:
                async with ChatClient.at(self._url) as client:
                    joined = await client.join(self.channel, token)
                    if token is not None:
                        self.resumed += joined["resumed"]
                        self.not_resumed += not joined["resumed"]
                    ends = [asyncio.create_task(client.closed()), asyncio.create_task(over.wait())]
                    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                    for end in ends:
                        end.cancel()
                    await asyncio.gather(*ends, return_exceptions=True)
            except Exception:  # as above
                await asyncio.sleep(self._dice.uniform(*AGAIN_S))
            if client is not None and client.token is not None:
                token = client.token
                self.seen += [event["id"] for event in client.events if event["type"] == "message"]


class Load:
    """All of them, for a block."""

    def __init__(self, senders: Sequence[Sender], watchers: Sequence[Watcher]) -> None:
        self.senders, self.watchers = senders, watchers
        self._writing_over, self._watching_over = asyncio.Event(), asyncio.Event()
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}

    def start(self) -> None:
        """Begins."""
        self._tasks = {
            "watchers": [asyncio.create_task(watcher.run(self._watching_over)) for watcher in self.watchers],
            "senders": [asyncio.create_task(sender.run(self._writing_over)) for sender in self.senders],
        }

    async def stop(self) -> None:
        """Nobody writes any more; everybody sees the last messages."""
        self._writing_over.set()
        await asyncio.gather(*self._tasks["senders"])
        await asyncio.sleep(6)  # as late as they may be on a busy machine
        self._watching_over.set()
        await asyncio.gather(*self._tasks["watchers"])

    def attempts(self) -> list[Attempt]:
        """All so far, by time of sending."""
        return sorted((attempt for sender in self.senders for attempt in sender.attempts), key=lambda attempt: attempt.sent)

    async def recovered(self, since: float) -> float:
        """Seconds from a moment until a message that was sent after it is accepted."""
        while time.monotonic() < since + ALIVE_S:
            for sender in self.senders:
                for attempt in reversed(sender.attempts):
                    if attempt.sent < since:
                        break
                    if attempt.outcome == "accepted":
                        return (
                            min(a.answered for s in self.senders for a in s.attempts if a.sent >= since and a.outcome == "accepted") - since
                        )
            await asyncio.sleep(0.02)
        raise AssertionError(f"nothing was accepted within {ALIVE_S} s")
