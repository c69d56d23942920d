"""EventSub's WebSocket sessions: welcome, silence, notifications in order, moving to another connection."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from uuid import uuid4

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from schemas.events import EventSubscription
from sinks.eventsub.hub import Hub
from sinks.eventsub.messages import Message, encoded, frame, nanoseconds, revocation
from streams.clock import now_us

logger = structlog.get_logger()
SHORTEST_S, LONGEST_S = 10, 600
"""Silence after which a keepalive is sent, and within what a client may set it, as Twitch documents."""
UNUSED_S = 10.0
"""For the first subscription."""
GRACE_S = 30.0
"""For a client that was told to reconnect."""
MOST = 1_000
"""Messages that wait for a client that does not read; beyond, it is cut off and asks again from a position."""
FAILED, SENT_TEXT, UNUSED, GRACE_OVER, TOO_SLOW, BAD_URL = 4000, 4001, 4003, 4004, 4005, 4007
"""Close codes, as Twitch documents."""
RESUMED = re.compile(r"([\w-]{1,80})\.(\d{1,18})")
"""What a reconnect URL carries: the session, and the time (microseconds) from which on events may not have been told."""


class Session:
    """A client's connection, a `hub.Line`."""

    def __init__(self, session_id: str, keepalive_s: int, url: str) -> None:
        """`url` is where the client dialled, without its query."""
        self.id = session_id
        self.keepalive_s = keepalive_s
        self.url = url
        self.connected_at = now_us()
        self.subscriptions: set[str] = set()
        self.moved = False
        """Another connection has taken the session over."""
        self.queue: asyncio.Queue[Message | int] = asyncio.Queue()
        """Messages, and at the end a close code."""
        self.leaving = False
        """Told to reconnect."""

    def take(self, subscription: EventSubscription, message: Message) -> None:
        """Sends a message after those before it."""
        if self.queue.qsize() < MOST:
            self.queue.put_nowait(message)
        else:
            self.queue.put_nowait(TOO_SLOW)

    def ended(self, subscription: EventSubscription) -> None:
        """Tells of the end of a subscription that its client did not ask for."""
        self.subscriptions.discard(subscription.subscription_id)
        if subscription.status != "enabled":
            self.queue.put_nowait(revocation(subscription))

    def told(self, status: str, *, reconnect_url: str | None = None) -> dict[str, object]:
        """The session as messages have it."""
        return {
            "session": {
                "id": self.id,
                "status": status,
                "connected_at": nanoseconds(self.connected_at),
                "keepalive_timeout_seconds": None if reconnect_url else self.keepalive_s,
                "reconnect_url": reconnect_url,
            }
        }

    def leave(self) -> None:
        """Tells the client to reconnect; it stays subscribed."""
        self.leaving = True
        url = f"{self.url}?reconnect={self.id}.{now_us()}"
        self.queue.put_nowait(Message(str(uuid4()), "session_reconnect", self.told("reconnecting", reconnect_url=url)))
        asyncio.get_running_loop().call_later(GRACE_S, self.queue.put_nowait, GRACE_OVER)


class Sessions:
    """All sessions of this process."""

    def __init__(self, hub: Hub, node: str, deleted: Callable[[str], None]) -> None:
        """`deleted` takes a subscription off the log."""
        self._hub = hub
        self._node = node
        self._deleted = deleted
        self._sessions: dict[str, Session] = {}

    def get(self, session_id: str) -> Session | None:
        """A session that is connected here."""
        return self._sessions.get(session_id)

    def leave(self) -> None:
        """Tells all clients to reconnect."""
        for session in self._sessions.values():
            session.leave()

    def forget_lost(self) -> None:
        """Deletes the subscriptions of this node's sessions that did not come back; for a while after the start."""
        for each in list(self._hub.all()):
            if each.method == "websocket" and each.session_id.startswith(f"{self._node}_") and each.session_id not in self._sessions:
                self._deleted(each.subscription_id)

    async def serve(self, socket: WebSocket, keepalive_s: int, resumed: str) -> None:
        """Serves a connection until it ends."""
        await socket.accept()
        url = f"{socket.url.scheme}://{socket.headers.get('host', '')}{socket.url.path}"
        asked = RESUMED.fullmatch(resumed)
        former = self._sessions.get(asked[1]) if asked else None
        again = [each for each in self._hub.all() if asked and each.session_id == asked[1]]
        if resumed and not (asked and (former or again)):
            await socket.close(BAD_URL)
            return
        session = Session(asked[1] if asked else f"{self._node}_{uuid4().hex}", min(LONGEST_S, max(SHORTEST_S, keepalive_s)), url)
        self._sessions[session.id] = session
        session.queue.put_nowait(Message(str(uuid4()), "session_welcome", session.told("connected")))
        session.subscriptions = {each.subscription_id for each in again}
        if former is not None:
            self._move(former, session)
        opening = asyncio.create_task(self._resume(session, again, int(asked[2]))) if asked and former is None else None
        try:
            await self._run(session, socket)
        finally:
            if opening is not None:
                opening.cancel()
            self._end(session)

    def _move(self, former: Session, session: Session) -> None:
        """The session goes on over another connection, with what the former one did not send."""
        while not former.queue.empty():
            message = former.queue.get_nowait()
            if isinstance(message, Message) and message.kind in {"notification", "revocation"}:
                session.queue.put_nowait(message)
        for one in session.subscriptions:
            self._hub.hand_over(one, session)
        former.moved = True  # its client closes it, once it has read the welcome; where it does not, the grace ends it

    async def _resume(self, session: Session, again: list[EventSubscription], since_us: int) -> None:
        """Another process had the session: what it may not have told is told again."""
        for each in again:
            self._hub.attach(each.subscription_id, session)
            starts = await asyncio.to_thread(self._hub.starts_at, each, None, since_us)
            await self._hub.open(each.subscription_id, starts)

    async def _run(self, session: Session, socket: WebSocket) -> None:
        listening = asyncio.create_task(_listen(socket))
        sending = asyncio.create_task(self._send(session, socket))
        done, _ = await asyncio.wait((listening, sending), return_when=asyncio.FIRST_COMPLETED)
        for task in (listening, sending):
            task.cancel()
        await asyncio.gather(listening, sending, return_exceptions=True)
        failed = next((cause for task in done if (cause := task.exception()) is not None), None)
        if failed is not None and not isinstance(failed, WebSocketDisconnect):
            logger.error("session failed", session=session.id, cause=repr(failed))
        code = FAILED if failed is not None else max(task.result() for task in done)
        if code:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it has gone itself
                await socket.close(code)

    async def _send(self, session: Session, socket: WebSocket) -> int:
        """Sends what comes, and keepalives; the close code at the end."""
        loop = asyncio.get_running_loop()
        unused = loop.time() + UNUSED_S
        while True:
            wait_s: float = session.keepalive_s
            if not session.subscriptions:
                wait_s = min(wait_s, unused - loop.time())
                if wait_s <= 0:
                    return UNUSED
            try:
                message = await asyncio.wait_for(session.queue.get(), wait_s)
            except TimeoutError:
                if wait_s < session.keepalive_s:
                    continue
                message = Message(str(uuid4()), "session_keepalive", {})
            if isinstance(message, int):
                return message
            await socket.send_text(encoded(frame(message)).decode())

    def _end(self, session: Session) -> None:
        """The connection is gone; with it the subscriptions, except where the session goes on elsewhere."""
        if session.moved:
            return
        self._sessions.pop(session.id, None)
        for one in list(session.subscriptions):
            self._hub.detach(one)
            if not session.leaving:
                self._deleted(one)


async def _listen(socket: WebSocket) -> int:
    """Waits until the client goes (0), or says something, which it may not."""
    received = await socket.receive()
    return 0 if received["type"] == "websocket.disconnect" else SENT_TEXT
