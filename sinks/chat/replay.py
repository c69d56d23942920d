"""Chat of the past, as it was shown and as moderation has left it since: what a VOD is watched with."""

import asyncio
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from schemas.event import Event
from schemas.events import ChatCleared, MessageDeleted, MessagePosted, NoticePosted, UserBanned, UserTimedOut
from schemas.wire import Codec
from sinks.chat.recent import Recent
from sinks.chat.web.events import JsonEvents
from streams.edges.accounts import Accounts
from streams.keys import partition_for
from streams.log import Record, Source
from streams.repeats import Repeats
from streams.topics import OF_EVENT, PARTITIONS

TOPIC = OF_EVENT[MessagePosted].name
SHOWN = {event.SCHEMA.encode() for event in (MessagePosted, NoticePosted)}
TAKING = {event.SCHEMA.encode() for event in (MessageDeleted, UserTimedOut, UserBanned, ChatCleared)}
"""Types of the records that show something, and of those that take something away."""
SLACK_MS = 2_000
"""Clocks of two edges may differ by so much, so a record may lie by this much beside the place that its time has."""
READERS = 2
"""Readings at once: each takes time from the loop."""
CHANNELS = 200
"""Channels whose moderation is remembered."""
MOST = 2_000
"""Lines of one answer: ten screens a second for half a minute."""


class Turn(msgspec.Struct, frozen=True):
    """A place of a VOD where its time and the wall clock go on together: its beginning, and where a publisher came back."""

    at_ms: int
    """VOD time."""
    wall_us: int
    """UTC."""


class Timeline:
    """Leads from a VOD's time to the wall clock and back."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        """`turns`: at least one, in order."""
        self._turns = turns

    def wall(self, ms: int) -> int:
        """The wall clock at a time of the VOD, UTC microseconds; where a publisher was away the moment at which he left."""
        turn = self._turns[max(0, bisect_left(self._turns, ms, key=lambda turn: turn.at_ms) - 1)]
        return turn.wall_us + (ms - turn.at_ms) * 1_000

    def at(self, wall_us: int) -> int:
        """The time of the VOD at a wall clock, milliseconds; while a publisher was away the moment at which he came back."""
        place = max(0, bisect_right(self._turns, wall_us, key=lambda turn: turn.wall_us) - 1)
        ms = self._turns[place].at_ms + (wall_us - self._turns[place].wall_us) // 1_000
        return min(ms, self._turns[place + 1].at_ms) if place + 1 < len(self._turns) else ms


class Line(NamedTuple):
    """What was shown."""

    time: int
    """UTC microseconds."""
    event: dict[str, Any]
    """As the JSON protocol has it."""


class Part(NamedTuple):
    """The lines of a stretch of time."""

    lines: list[Line]
    until: int
    """How far they go, UTC microseconds: not to the end where there were too many."""


class _Moderation:
    """What was taken away in a channel, since an offset."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.next = start
        self.events: list[tuple[int, Event]] = []


class ChatReplay:
    """Reads the chat topic. A reading costs what lies between its two times, and what moderators did since it was asked for last."""

    def __init__(self, source: Callable[[], Source], codec: Codec, accounts: Accounts) -> None:
        """`source`: the log, and the lake below its start; opened when first asked. `codec` opens what is written."""
        self._open = source
        self._source: Source | None = None
        self._codec = codec
        self._json = JsonEvents(accounts)
        self._turns = asyncio.Semaphore(READERS)
        self._moderation: OrderedDict[str, _Moderation] = OrderedDict()

    async def between(self, channel_id: str, begin_us: int, end_us: int) -> Part:
        """What was shown from one wall clock up to another, without what was taken away then or since.

        Raises:
            StreamingError, SchemaError: log, lake, registry or keys do not answer, or do not go back so far.
        """
        async with self._turns:
            return await asyncio.to_thread(self._between, channel_id, begin_us, end_us)

    def _between(self, channel_id: str, begin_us: int, end_us: int) -> Part:
        if self._source is None:
            self._source = self._open()
        source, partition = self._source, partition_for(channel_id.encode(), PARTITIONS[TOPIC])
        start = source.starts_at(TOPIC, begin_us // 1_000 - SLACK_MS)[partition]
        past = source.starts_at(TOPIC, end_us // 1_000 + SLACK_MS)[partition]
        recent, found, read = Recent(start - 1), 0, past
        for record in self._records(source, channel_id, start, past, SHOWN | TAKING):
            event = self._codec.decode(record.value or b"")
            if not isinstance(event, MessagePosted | NoticePosted):
                recent.add(record.offset, event)
            elif begin_us <= event.occurred_at < end_us:
                found += 1
                if found > MOST:
                    end_us, read = event.occurred_at, record.offset
                    break
                recent.add(record.offset, event)
        for offset, event in self._taken(source, channel_id, partition, read):
            recent.add(offset, event)
        events = (event for _, event in recent.after(start - 1) if event.occurred_at < end_us)
        told = ((event.occurred_at, self._json.told(recent, event)) for event in events if isinstance(event, MessagePosted | NoticePosted))
        return Part([Line(time, event) for time, event in told if event is not None], end_us)

    def _taken(self, source: Source, channel_id: str, partition: int, start: int) -> Sequence[tuple[int, Event]]:
        """What moderators took away since an offset, up to now; what was read before is not read again."""
        known = self._moderation.pop(channel_id, None)
        if known is None or known.start > start:
            known = _Moderation(start)
        self._moderation[channel_id] = known
        if len(self._moderation) > CHANNELS:
            self._moderation.popitem(last=False)
        end = source.ends(TOPIC)[partition]
        for record in self._records(source, channel_id, known.next, end, TAKING):
            known.events.append((record.offset, self._codec.decode(record.value or b"")))
        known.next = max(known.next, end)
        return known.events[bisect_left(known.events, start, key=lambda one: one[0]) :]

    def _records(self, source: Source, channel_id: str, start: int, end: int, types: set[bytes]) -> Iterator[Record]:
        """A channel's records of some types between two offsets; repeats are passed over."""
        repeats, key = Repeats(), channel_id.encode()
        partition = partition_for(key, PARTITIONS[TOPIC])
        for batch in source.read(TOPIC, partition, start, end) if start < end else ():
            for record in batch:
                if repeats.fresh(record) and record.key == key and record.value is not None and _type(record) in types:
                    yield record


def _type(record: Record) -> bytes:
    return next((value for name, value in record.headers if name == "ce_type"), b"")
