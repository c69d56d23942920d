"""EventSub by signed HTTP calls: proves a callback, then calls it for each event, in order, at least once."""

import asyncio
import contextlib
import hmac
import ipaddress
import secrets
import socket
from collections import deque
from collections.abc import Callable
from uuid import uuid4

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from msgspec.structs import replace

from schemas.event import Event
from schemas.events import EventDelivered, EventSubscription
from sinks.eventsub.hub import Hub
from sinks.eventsub.messages import Message, described, encoded, nanoseconds
from streams.clock import now_us
from streams.letters.letter import place, position
from streams.log import Position

logger = structlog.get_logger()
TIMEOUT_S = 10.0
"""Of a call, as Twitch documents."""
RETRIES_S = (1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60)
"""Pauses before another try; after the last a subscription ends. Seven minutes: a receiver's deployment."""
HELD = 1_000
"""Messages of a subscription in memory; those beyond are read from the log again when their turn comes."""
NOTED_S = 1.0
"""Between two notes of how far a receiver is: after a crash it is told so much again."""
MARGIN_US = 60_000_000
"""Before the last note, where a channel's events may be on several partitions: above what a clock is off and a retry takes."""
ANSWER_BYTES = 4_096
"""Of an answer that are read: a challenge has 43."""


class PublicResolver(AbstractResolver):
    """Finds addresses on the internet only: a callback must not reach what is behind our own doors."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The public ones among a host's addresses."""
        found = [each for each in await self._resolver.resolve(host, port, family) if ipaddress.ip_address(each["host"]).is_global]
        if not found:
            raise OSError(f"{host} has no public address")
        return found

    async def close(self) -> None:
        """Nothing is held."""


class Webhooks:
    """The receivers that this process calls. All of them: one process of a system is given this."""

    def __init__(self, hub: Hub, write: Callable[[Event], None], *, private: bool) -> None:
        """`write` appends a fact; `private` lets callbacks be on private addresses, as a local machine's are."""
        self._hub = hub
        self._write = write
        self._private = private
        self._receivers: dict[str, Receiver] = {}
        self._client: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Goes on with the receivers that there are."""
        connector = aiohttp.TCPConnector(resolver=None if self._private else PublicResolver())
        self._client = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), cookie_jar=aiohttp.DummyCookieJar()
        )
        for subscription in list(self._hub.all()):
            if subscription.method == "webhook":
                self.begin(subscription)

    def begin(self, subscription: EventSubscription) -> None:
        """Takes a receiver on."""
        assert self._client is not None
        receiver = Receiver(subscription, self._hub, self._client, self._write)
        self._receivers[subscription.subscription_id] = receiver
        self._hub.attach(subscription.subscription_id, receiver)
        receiver.start()

    async def close(self) -> None:
        """Stops calling; what was acknowledged is noted."""
        await asyncio.gather(*(receiver.close() for receiver in self._receivers.values()))
        if self._client is not None:
            await self._client.close()


class Receiver:
    """One subscription's callback, a `hub.Line`."""

    def __init__(self, subscription: EventSubscription, hub: Hub, client: aiohttp.ClientSession, write: Callable[[Event], None]) -> None:
        self._subscription = subscription
        self._hub = hub
        self._client = client
        self._write = write
        self._queue: deque[Message] = deque()
        self._come = asyncio.Event()
        self._missed = False
        """Messages came that the queue had no room for."""
        self._acknowledged: Position | None = None
        self._owed = False
        """That is not noted yet."""
        self._noted_at = 0.0
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins."""
        self._work = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Ends."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._note()

    def take(self, subscription: EventSubscription, message: Message) -> None:
        """Takes a message in its turn."""
        if len(self._queue) < HELD and not self._missed:
            self._queue.append(message)
        else:
            self._missed = True
        self._come.set()

    def ended(self, subscription: EventSubscription) -> None:
        """Tells the receiver, once, where it did not ask for the end itself."""
        if self._work is not None:
            self._work.cancel()
        if subscription.status not in {"enabled", "webhook_callback_verification_failed", "notification_failures_exceeded"}:
            message = Message(str(uuid4()), "revocation", {"subscription": described(subscription)})
            self._work = asyncio.create_task(self._tell_end(message))

    async def _tell_end(self, message: Message) -> None:
        await self._call(message, 0)

    async def _run(self) -> None:
        if self._subscription.status != "enabled" and not await self._proved():
            self._write(replace(self._subscription, status="webhook_callback_verification_failed"))
            return
        if self._subscription.status != "enabled":
            self._subscription = replace(self._subscription, status="enabled")
            self._write(self._subscription)
        await self._open()
        while True:
            if not self._queue:
                if self._missed:
                    await self._reread()
                    continue
                self._come.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._come.wait(), NOTED_S if self._owed else None)
                self._note()
                continue
            if not await self._delivered(self._queue[0]):
                self._write(replace(self._subscription, status="notification_failures_exceeded"))
                return
            self._acknowledged, self._owed = self._queue.popleft().at, True
            if asyncio.get_running_loop().time() - self._noted_at >= NOTED_S:
                self._note()

    async def _open(self) -> None:
        """From behind what was acknowledged last, else from where the subscription says."""
        done = self._hub.delivered.get(self._subscription.subscription_id)
        at = self._acknowledged or (position(done.position) if done else None)
        after = at._replace(offset=at.offset + 1) if at is not None else position(self._subscription.position)
        since = done.occurred_at - MARGIN_US if done is not None else self._subscription.created_at
        starts = await asyncio.to_thread(self._hub.starts_at, self._subscription, after, since)
        await self._hub.open(self._subscription.subscription_id, starts)

    async def _reread(self) -> None:
        """Begins anew: the log has what the queue had no room for."""
        self._note()
        self._hub.attach(self._subscription.subscription_id, self)
        self._missed = False
        await self._open()

    def _note(self) -> None:
        if self._owed and self._acknowledged is not None:
            self._write(EventDelivered(subscription_id=self._subscription.subscription_id, position=place(self._acknowledged)))
            self._owed, self._noted_at = False, asyncio.get_running_loop().time()

    async def _proved(self) -> bool:
        """Whether the callback answers with the challenge."""
        challenge = secrets.token_urlsafe(32)
        payload = {"challenge": challenge, "subscription": described(self._subscription)}
        answer = await self._call(Message(str(uuid4()), "webhook_callback_verification", payload), 0)
        return answer is not None and answer.strip() == challenge.encode()

    async def _delivered(self, message: Message) -> bool:
        """Calls until it is acknowledged; False where it never was."""
        for attempt, pause in enumerate((*RETRIES_S, None)):
            if await self._call(message, attempt) is not None:
                return True
            if pause is not None:
                await asyncio.sleep(pause)
        return False

    async def _call(self, message: Message, attempt: int) -> bytes | None:
        """The answer's beginning; None where it was no success."""
        body = encoded(message.payload)
        time = nanoseconds(now_us())
        headers = {
            "Content-Type": "application/json",
            "Twitch-Eventsub-Message-Id": message.id,
            "Twitch-Eventsub-Message-Retry": str(attempt),
            "Twitch-Eventsub-Message-Type": message.kind,
            "Twitch-Eventsub-Message-Signature": signature(self._subscription.secret, message.id, time, body),
            "Twitch-Eventsub-Message-Timestamp": time,
            "Twitch-Eventsub-Subscription-Type": self._subscription.kind,
            "Twitch-Eventsub-Subscription-Version": self._subscription.version,
        }
        if message.at is not None:
            headers["Log-Position"] = place(message.at)
        try:
            async with self._client.post(self._subscription.callback, data=body, headers=headers, allow_redirects=False) as answer:
                begin = await answer.content.read(ANSWER_BYTES)
                return begin if 200 <= answer.status < 300 else None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as cause:
            logger.info("callback not reached", subscription=self._subscription.subscription_id, cause=repr(cause))
            return None


def signature(secret: str, message_id: str, time: str, body: bytes) -> str:
    """As Twitch signs: HMAC-SHA256 of id, time and body."""
    return f"sha256={hmac.digest(secret.encode(), f'{message_id}{time}'.encode() + body, 'sha256').hex()}"
