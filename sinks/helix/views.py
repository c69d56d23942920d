"""What the API knows: accounts, the directory, rooms' rules, bans, who wrote what, and what came of commands, folded from the log."""

import asyncio
from collections.abc import Callable, Iterable

from processors.viewers import VIEWERS
from processors.viewers.fold import EXPIRY_US
from schemas.event import Event
from schemas.events import BanState, MessagePosted, NoticePosted, RoomState
from schemas.wire import Codec
from sinks.archive import vods
from sinks.archive.vods import Vods
from sinks.clips import clips
from sinks.clips.clips import Clips
from sinks.eventsub import hub
from sinks.helix import directory, routes
from sinks.helix.directory import Directory
from sinks.helix.routes import Routes
from streams.clock import now_us
from streams.edges.accounts import TOPICS, Accounts
from streams.fold import At
from streams.follower import Follower
from streams.log import Log, Position
from streams.topics import BY_NAME, OF_EVENT

CHAT = OF_EVENT[MessagePosted].name
STATES = tuple(OF_EVENT[event].name for event in (RoomState, BanState))
AUTHORS = 500_000
"""Messages whose author is known, some 200 bytes each: those of two hours, the topic's retention, at 70 messages a second."""
RECENT = 1_000
"""Answers kept for who asks after they came."""
ANSWER_S = 5.0
"""A command is answered within tens of milliseconds; after this it is told to be under way."""
COUNT_S = 5.0
"""Between two counts of viewers: half of the 10 s that features are told after."""
AT_ONCE = 50
"""Channels counted before other work has its turn: one that changed takes some 60 us among 100,000."""
WAIT_S = 5.0
"""For a position that a call waits for: the log's acknowledgement and the way here take milliseconds, on a machine at its limit seconds."""
Listener = Callable[[Event, At], None]


class Views:
    """The views, followed from the log. For one event loop."""

    def __init__(self, log: Log, codec: Codec) -> None:
        """`codec` opens BanState and ClipRequested."""
        self.accounts = Accounts()
        self.directory = Directory(self.accounts)
        self.routes = Routes(lambda channel_id: (listed := self.directory.channel(channel_id)) is not None and listed.live)
        self.clips = Clips()
        self.vods = Vods()
        self.listeners: list[Listener] = []
        """Hear of each event after it was applied; of those that were on the log at the start too."""
        self.forgetting: list[Callable[[str, At], None]] = []
        """Hear of each tombstone."""
        self._reached: dict[tuple[str, int], int] = {}
        """Per (topic, partition) the offset applied last."""
        self._awaited: dict[Position, list[asyncio.Future[None]]] = {}
        self._rooms: dict[str, RoomState] = {}
        self._bans: dict[str, dict[str, BanState]] = {}
        self._authors: dict[str, tuple[str, str]] = {}
        self._waiting: dict[str, asyncio.Future[Event]] = {}
        self._recent: dict[str, Event] = {}
        """By the command that they answer."""
        self.answered: Callable[[str], None] = lambda command_id: None
        """Hears of each command that was answered, whoever asked."""
        self._clock = now_us
        now_ms = now_us() // 1_000
        since = {CHAT: now_ms - BY_NAME[CHAT].retention_ms, **dict.fromkeys(VIEWERS.inputs, now_ms - EXPIRY_US // 1_000)}
        since[routes.DECISIONS] = now_ms - routes.LED_MS
        self._follower = Follower(
            log,
            codec,
            [*TOPICS, *directory.TOPICS, *hub.TOPICS, *routes.TOPICS, *STATES, clips.TOPIC, vods.TOPIC, CHAT],
            self._apply,
            since,
            deleted=self._deleted,
        )
        self._counting: asyncio.Task[None] | None = None
        self.caught_up = False

    async def start(self) -> None:
        """Returns once all that was on the log is known."""
        await self._follower.start()
        for _ in self.directory.count(self._clock()):
            pass
        self._counting = asyncio.create_task(self._count())
        self.caught_up = True

    async def close(self) -> None:
        """Stops following."""
        if self._counting is not None:
            self._counting.cancel()
        await self._follower.close()

    async def _count(self) -> None:
        """Counts viewers, again and again."""
        while True:
            await asyncio.sleep(COUNT_S)
            for number, _ in enumerate(self.directory.count(self._clock())):
                if number % AT_ONCE == 0:
                    await asyncio.sleep(0)

    def lacks(self) -> str:
        """Why it is not ready; empty where it is."""
        return "" if self.caught_up else "reading the log"

    def room(self, channel_id: str) -> RoomState:
        """A room's rules; those of a new one where nobody changed any."""
        return self._rooms.get(channel_id) or RoomState(channel_id=channel_id)

    def bans(self, channel_id: str) -> Iterable[BanState]:
        """Bans and time-outs that hold, the newest first."""
        found = self._bans.get(channel_id, {}).values()
        return sorted((ban for ban in found if ban.until is None or ban.until > self._clock()), key=lambda ban: -ban.occurred_at)

    def author(self, message_id: str) -> tuple[str, str] | None:
        """(channel, user) of a message of the last two hours."""
        return self._authors.get(message_id)

    async def answer(self, command_id: str) -> Event | None:
        """What came of a command; None where it takes longer than ANSWER_S."""
        if (known := self._recent.get(command_id)) is not None:
            return known
        future = self._waiting[command_id] = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(future, ANSWER_S)
        except TimeoutError:
            return None
        finally:
            del self._waiting[command_id]

    def follows(self, at: Position) -> bool:
        """Whether a position is on one of the topics that are read here."""
        return (at.topic, at.partition) in self._follower.starts

    async def reached(self, at: Position) -> bool:
        """Returns once what lies at a position has been applied; False where that took longer than WAIT_S."""
        if self._reached.get((at.topic, at.partition), -1) >= at.offset:
            return True
        future = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(at, []).append(future)
        try:
            await asyncio.wait_for(future, WAIT_S)
        except TimeoutError:
            self._awaited[at].remove(future)
            if not self._awaited[at]:
                del self._awaited[at]
            return False
        return True

    def _apply(self, event: Event, at: At) -> None:
        try:
            self._take(event, at)
        finally:
            self._advance(at)
        for listener in self.listeners:
            listener(event, at)

    def _advance(self, at: At) -> None:
        """Wakes who waits for this position or one before it."""
        self._reached[at.topic, at.partition] = at.offset
        if not self._awaited:
            return
        come = [each for each in self._awaited if each[:2] == at[:2] and each.offset <= at.offset]
        for position in come:
            for future in self._awaited.pop(position):
                if not future.done():
                    future.set_result(None)

    def _take(self, event: Event, at: At) -> None:
        if at.topic in TOPICS:
            self.accounts.apply(event, at)
            self.directory.apply(event, at)
        elif at.topic in directory.TOPICS:
            self.directory.apply(event, at)
        elif at.topic in routes.TOPICS:
            self.routes.apply(event, at)
        elif at.topic in hub.TOPICS:
            pass
        elif at.topic == clips.TOPIC:
            self.clips.apply(event)
        elif at.topic == vods.TOPIC:
            self.vods.apply(event)
        elif isinstance(event, RoomState):
            self._rooms[event.channel_id] = event
        elif isinstance(event, BanState):
            bans = self._bans.setdefault(event.channel_id, {})
            bans.pop(event.user_id, None)
            if not event.lifted:
                bans[event.user_id] = event
        else:
            self._heard(event)

    def _heard(self, event: Event) -> None:
        """An event of a chat."""
        if isinstance(event, MessagePosted | NoticePosted):
            if len(self._authors) >= AUTHORS:
                self._authors.pop(next(iter(self._authors)))
            self._authors[event.message_id] = (event.channel_id, event.user_id)
        if event.causation_id is None:
            return
        self.answered(event.causation_id)
        if len(self._recent) >= RECENT:
            self._recent.pop(next(iter(self._recent)))
        self._recent[event.causation_id] = event
        waiting = self._waiting.get(event.causation_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(event)

    def _deleted(self, key: str, at: At) -> None:
        if at.topic in TOPICS:
            self.accounts.deleted(key, at)
            self.directory.deleted(key)
        elif at.topic == routes.NODES:
            self.routes.deleted(key)
        self._advance(at)
        for listener in self.forgetting:
            listener(key, at)
