"""All rooms of a gateway: what comes from the log goes to them, what sessions ask for is found here."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from schemas.event import Event
from schemas.events import CommandDone, CommandRefused, MessagePosted, MessageRefused, RoomState
from sinks.chat.affinity import Fleet
from sinks.chat.client import Client
from sinks.chat.config import ChatConfig
from sinks.chat.dialect import Answered, Connection, Room
from sinks.chat.metrics import RESUMED, ROOMS, TICK
from sinks.chat.missed import Missed, MissedGoneError
from sinks.chat.room import ChatRoom, Member
from sinks.chat.sending import Sending
from sinks.chat.token import Place
from streams.edges.accounts import Accounts
from streams.fold import At
from streams.topics import OF_EVENT

logger = structlog.get_logger()
MESSAGES = OF_EVENT[MessagePosted].name
ROOM_STATES = OF_EVENT[RoomState].name
ANSWERS = (MessageRefused, CommandRefused, CommandDone)
"""Only the one who asked hears of these."""
ANSWERED = 1_000
"""Newest answers kept for a session that asks a moment after its command was answered."""
SEEDED = 5_000
"""Records at the beginning of a reading that may repeat ones before it: more than a runner's batch has outputs."""
READ_MOST = 20_000
"""Records of a partition that a resume may lie behind: some 30 MB and half a second to read. Older ones join anew."""


class Hall:
    """The `Hub` of the dialects. On one event loop."""

    def __init__(self, config: ChatConfig, fleet: Fleet, accounts: Accounts, sending: Sending, missed: Missed) -> None:
        self.config = config
        self.accounts = accounts
        self.sending = sending
        self.own: dict[str, Client] = {}
        """Who wrote a message and is not to be sent it."""
        self.slow: dict[Client, None] = {}
        """For whom more waits than may."""
        self.expected: dict[str, tuple[Client, Answered]] = {}
        self.began: dict[int, int] = {}
        """Per partition the offset from which it is read; set before anybody joins."""
        self.log_starts: dict[int, int] = {}
        """Per partition the log's first offset, as last told."""
        self._fleet = fleet
        self._missed = missed
        self._rooms: dict[str, ChatRoom] = {}
        self._states: dict[str, RoomState] = {}
        self._heads: dict[int, int] = {}
        self._order: deque[tuple[ChatRoom, int]] = deque()
        """Rooms and offsets of kept events, oldest first; some are gone already."""
        self._kept = 0
        self._answers: OrderedDict[str, Event] = OrderedDict()
        self._dirty: dict[ChatRoom, None] = {}
        """Rooms with something to send, each with its next tick to come."""
        self._tasks: set[asyncio.Task[None]] = set()

    def room(self, login: str) -> ChatRoom | None:
        """The chat of a channel."""
        account = self.accounts.by_login(login)
        if account is None or not self._fleet.serves(self._fleet.partition(account.channel_id)):
            return None
        return self._room(account.channel_id)

    def elsewhere(self, login: str) -> str | None:
        """URL of the gateway that serves it."""
        account = self.accounts.by_login(login)
        if account is None or self._fleet.serves(partition := self._fleet.partition(account.channel_id)):
            return None
        return self._fleet.url_of(self._fleet.gateway(partition))

    def gateway(self, login: str) -> dict[str, Any] | None:
        """Which gateway serves a channel; None where there is no such channel."""
        account = self.accounts.by_login(login)
        if account is None:
            return None
        partition = self._fleet.partition(account.channel_id)
        name = self._fleet.gateway(partition)
        return {"channel": account.login, "partition": partition, "gateway": name, "url": self._fleet.url_of(name)}

    def spawn(self, connection: Connection, work: Callable[[], Awaitable[None]]) -> None:
        """Runs it after the connection's other work."""
        if isinstance(connection, Client):
            connection.work(work)

    def hosted(self, room: Room) -> ChatRoom:
        """The room itself."""
        return self._room(room.channel_id)

    def state(self, channel_id: str) -> RoomState:
        """A room's rules."""
        return self._states.get(channel_id) or RoomState(channel_id=channel_id)

    def head(self, partition: int) -> int:
        """The offset up to which a partition has been applied; -1 is nothing."""
        return self._heads.get(partition, self.began.get(partition, 0) - 1)

    def at(self, partition: int, offset: int, event: Event) -> At:
        """Where an event lies."""
        return At(MESSAGES, partition, offset, event.occurred_at)

    def resumable(self, partition: int, place: Place) -> bool:
        """Whether what lies behind a place can be had."""
        start = self.log_starts.get(partition, 0)
        there = place.offset >= start or (place.offset == -1 and start == 0)
        good = place.partition == partition and there and abs(self.head(partition) - place.offset) <= READ_MOST
        if not good:
            RESUMED.labels("refused").inc()
        return good

    def expect(self, client: Client, command_id: str, answered: Answered) -> None:
        """Calls `answered` with what comes of a command."""
        event = self._answers.get(command_id)
        if event is not None:
            answered(event)
        else:
            self.expected[command_id] = (client, answered)
            client.expecting.add(command_id)

    def apply(self, event: Event, at: At) -> None:
        """Takes what comes from the log."""
        if at.topic == MESSAGES:
            self._heads[at.partition] = at.offset
            self._message(event, at)
        elif isinstance(event, RoomState):
            self._states[event.channel_id] = event
        else:
            self.accounts.apply(event, at)

    def deleted(self, key: str, at: At) -> None:
        """A row is gone."""
        if at.topic == ROOM_STATES:
            self._states.pop(key, None)
        else:
            self.accounts.deleted(key, at)

    def forget(self, user_id: str) -> None:
        """A person's texts may not be shown any more."""
        for room in self._rooms.values():
            room.forget(user_id)

    def left(self, room: ChatRoom) -> None:
        """The last member has left."""
        ROOMS.dec()
        self._dirty.pop(room, None)
        self._drop_if_idle(room)

    def entered(self) -> None:
        """The first member of a room has come."""
        ROOMS.inc()

    def sweep(self) -> None:
        """Lets rooms go that were asked for and have nothing."""
        for room in list(self._rooms.values()):
            self._drop_if_idle(room)

    def read_missed(self, room: ChatRoom, member: Member) -> None:
        """Reads what a member lacks from the log, beside the loop."""
        task = asyncio.create_task(self._read(room, member, member.position or -1))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, room: ChatRoom, member: Member, after: int) -> None:
        try:
            recent = await self._missed.read(room.channel_id, room.partition, after, end := self.head(room.partition))
        except MissedGoneError as cause:
            self.log_starts[room.partition] = cause.start
            member.client.close(1012, "what was missed is no longer there: join again")
        except Exception:
            logger.exception("missed events could not be read", partition=room.partition)
            member.client.close(1011, "the log cannot be read now: join again")
        else:
            RESUMED.labels("log").inc()
            if room.members.get(member.client) is member:
                room.missed(member, recent, end)

    def _room(self, channel_id: str) -> ChatRoom:
        room = self._rooms.get(channel_id)
        if room is None:
            partition = self._fleet.partition(channel_id)
            began = self.began.get(partition, 0)
            floor = -1 if began == 0 else began + SEEDED - 1
            room = self._rooms[channel_id] = ChatRoom(self, channel_id, partition, floor)
        return room

    def _message(self, event: Event, at: At) -> None:
        if event.causation_id is not None:
            self._answer(event.causation_id, event)
        if isinstance(event, ANSWERS):
            return
        room = self._room(event.channel_id)  # type: ignore[attr-defined]  # every event of this topic has one: it is the key
        before = len(room.recent)
        room.apply(event, at)
        self._order.append((room, at.offset))
        self._kept += len(room.recent) - before
        self._bound(room)
        if room.members and room not in self._dirty:
            self._dirty[room] = None
            self._wake(room)

    def _bound(self, room: ChatRoom) -> None:
        """Keeps the newest of the room, and of all."""
        if len(room.recent) > self.config.kept:
            room.recent.drop_oldest()
            self._kept -= 1
        while self._kept > self.config.kept_in_all:
            oldest, offset = self._order.popleft()
            if offset > oldest.recent.floor and len(oldest.recent):
                oldest.recent.drop_oldest()
                self._kept -= 1
                self._drop_if_idle(oldest)
        if len(self._order) > 2 * self.config.kept_in_all:
            self._order = deque(each for each in self._order if each[1] > each[0].recent.floor)

    def _drop_if_idle(self, room: ChatRoom) -> None:
        if room.idle and self._rooms.get(room.channel_id) is room:
            del self._rooms[room.channel_id]

    def _answer(self, command_id: str, event: Event) -> None:
        self.sending.answered(command_id)
        waiting = self.expected.pop(command_id, None)
        if waiting is None:
            self._answers[command_id] = event
            if len(self._answers) > ANSWERED:
                self._answers.popitem(last=False)
            return
        client, answered = waiting
        client.expecting.discard(command_id)
        try:
            answered(event)
        except Exception:
            logger.exception("a session failed at an answer", connection=client.number)

    def _wake(self, room: ChatRoom) -> None:
        """At once where the room was sent nothing for a tick, else when its tick is over."""
        loop = asyncio.get_running_loop()
        wait = room.sent_at + self.config.tick_s - loop.time()
        if wait > 0:
            loop.call_later(wait, self._tick, room)
        else:
            loop.call_soon(self._tick, room)  # after all that is being applied

    def _tick(self, room: ChatRoom) -> None:
        if room not in self._dirty:
            return  # nobody is left in it
        del self._dirty[room]
        room.sent_at = asyncio.get_running_loop().time()
        began = time.perf_counter()
        try:
            room.flush()
        except Exception:
            logger.exception("a room could not be sent to", channel=room.channel_id)
        TICK.observe(time.perf_counter() - began)
