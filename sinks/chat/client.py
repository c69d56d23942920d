"""One connection as its session and its rooms see it, whatever it lies on."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

import structlog

from sinks.chat.dialect import ROOMS_MOST, Answered, Dialect, Room, Session, Variant
from sinks.chat.frames import plain
from sinks.chat.metrics import CLOSED
from sinks.chat.sending import Origin, Person

if TYPE_CHECKING:
    from sinks.chat.hall import Hall
    from sinks.chat.room import ChatRoom

logger = structlog.get_logger()
TOO_SLOW = 4008
POLICY = 1008
GONE = 1001
WORKS = 100
"""Of a connection that wait for each other, at most: a person types one at a time."""
OWN = 100
"""Of a connection's own messages that may still be on their way."""
BURST = 200
"""Frames or lines at once: a bot that joins its hundred rooms says little more."""
PACE = 20
"""Frames or lines a second after that."""
LINGER_S = 2.0
"""For the other side's close frame."""


class Client(asyncio.Protocol):
    """The part that a WebSocket and a TCP connection share. On one event loop."""

    frame: Callable[[bytes], bytes] = staticmethod(plain)
    kind: ClassVar[str] = ""

    def __init__(self, hall: "Hall", number: int) -> None:
        self.hall = hall
        self.number = number
        self.origin = Origin("", number)
        self.rooms: dict[ChatRoom, None] = {}
        self.own_ids: OrderedDict[str, None] = OrderedDict()
        self.expecting: set[str] = set()
        self.paused = False
        """Whether more waits for it than may."""
        self.closing = False
        self.heard = time.monotonic()
        self.slow_since: float | None = None
        self.session: Session | None = None
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set before anything else happens
        self._person: Person | None = None
        self._allowed = float(BURST)
        self._works: deque[Callable[[], Awaitable[None]]] = deque()
        self._working: asyncio.Task[None] | None = None

    @property
    def person(self) -> Person | None:
        """Who is signed in."""
        return self._person

    @person.setter
    def person(self, person: Person | None) -> None:
        for room in self.rooms:
            room.unknow(self)
        self._person = person
        for room in self.rooms:
            room.know(self)

    def begin(self, dialect: Dialect) -> None:
        """A session starts on it."""
        self.session = dialect(self, self.hall)

    def send(self, text: str) -> None:
        """To this client alone."""
        if text and not self.closing:
            self.transport.write(self.frame(text.encode()))

    def enter(self, room: Room, variant: Variant, *, resume: str | None = None, history: int = 0) -> bool:
        """Joins."""
        hosted = self.hall.hosted(room)
        if hosted not in self.rooms and len(self.rooms) >= ROOMS_MOST:
            self.close(POLICY, "too many rooms")
            return False
        self.rooms[hosted] = None
        return hosted.enter(self, variant, resume, history)

    def leave(self, room: Room) -> None:
        """Ends that."""
        hosted = self.hall.hosted(room)
        if hosted in self.rooms:
            del self.rooms[hosted]
            hosted.leave(self)

    def own(self, message_id: str) -> None:
        """Not sent to it."""
        self.own_ids[message_id] = None
        self.hall.own[message_id] = self
        if len(self.own_ids) > OWN:
            self.hall.own.pop(self.own_ids.popitem(last=False)[0], None)

    def expect(self, command_id: str, answered: Answered) -> None:
        """Called once with what comes of it."""
        self.hall.expect(self, command_id, answered)

    def close(self, code: int, reason: str) -> None:
        """Ends it."""
        if not self.closing:
            CLOSED.labels(code).inc()
            self.closing = True
            self._leave_all()
            self.say_farewell(code, reason)
            asyncio.get_running_loop().call_later(LINGER_S, self.transport.abort)

    def forewarn(self) -> None:
        """Says that it will end, so that it can come back by itself."""
        if self.session is not None and not self.closing:
            self.session.ending()

    def say_farewell(self, code: int, reason: str) -> None:
        """Sends what ends it."""
        self.transport.close()

    def ping(self) -> None:
        """Asks the other side for a sign of life, where the protocol beneath the dialect can."""

    def work(self, work: Callable[[], Awaitable[None]]) -> None:
        """Runs after what was handed in before."""
        if len(self._works) >= WORKS:
            self.close(POLICY, "too much at once")
            return
        self._works.append(work)
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    def slow(self, now: float, limit_s: float) -> bool:
        """Whether more has waited for it for longer than it may."""
        return self.slow_since is not None and now - self.slow_since > limit_s

    def take(self, text: str) -> None:
        """What came in goes to the session; a fault of ours there ends this connection and no other."""
        if not self.hear() or self.session is None:
            return
        try:
            self.session.received(text)
        except Exception:
            logger.exception("a session failed", connection=self.number)
            self.close(1011, "internal error")

    def hear(self) -> bool:
        """Something came in; whether it is to be looked at."""
        now = time.monotonic()
        self._allowed = min(BURST, self._allowed + (now - self.heard) * PACE) - 1
        self.heard = now
        if self._allowed < 0:
            self.close(POLICY, "too many frames")
        return not self.closing

    def pause_writing(self) -> None:
        """More waits than may: the rooms go on without it."""
        self.paused = True
        self.slow_since = self.slow_since or time.monotonic()
        self.hall.slow[self] = None
        for room in self.rooms:
            room.fall_behind(self)

    def resume_writing(self) -> None:
        """It has room again: the rooms send what it missed."""
        self.paused = False
        if not self.rooms:
            self.slow_since = None
        for room in self.rooms:
            room.catch_up(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self.closing = True
        self._leave_all()
        self.hall.slow.pop(self, None)
        for message_id in self.own_ids:
            self.hall.own.pop(message_id, None)
        for command_id in self.expecting:
            self.hall.expected.pop(command_id, None)
        self._works.clear()
        if self._working is not None:
            self._working.cancel()
        if self.session is not None:
            session, self.session = self.session, None
            session.closed()

    def _leave_all(self) -> None:
        rooms, self.rooms = self.rooms, {}
        for room in rooms:
            room.leave(self)

    async def _work(self) -> None:
        while self._works:
            try:
                await self._works.popleft()()
            except Exception:
                logger.exception("work of a session failed", connection=self.number)
        self._working = None
