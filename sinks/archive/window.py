"""The live window: segments that a live session has left two hours behind lie under their archive's names alone."""

import asyncio
from collections.abc import Iterator, Sequence

import structlog
from msgspec import Struct

from processors.vod.about import About
from processors.vod.recording import Recording
from schemas.errors import SchemaError
from schemas.events import SegmentProduced, SegmentsExpired
from schemas.wire import Codec
from sinks.archive.session import EARLY_MS, SEGMENTS, begun, wanted
from streams.errors import MissingRangeError
from streams.log import Record, Source
from streams.media import address
from streams.objects import ObjectMissingError, Objects
from streams.publisher import Publisher

logger = structlog.get_logger()
TOPIC = "library.window.events.v1"
TOLD_US = 3_600_000_000
"""How far back its own word is looked for at start; who was away for longer goes through the sessions from their beginnings."""
LOOK_S = 30.0
"""Between two looks: a segment is gone at the latest a minute after it has become due."""
AT_ONCE = 32
"""Requests under way at once: as many as the store's threads."""


class _Session(Struct):
    """A live session."""

    channel_id: str
    session_id: str
    started_at: int
    before: int = 0
    """What began before this wall clock is done, but for a rendition that came late."""
    newest: int = 0
    """When its newest segment began."""
    waiting: list[SegmentProduced] = []
    """What is nearly due; or has long been, while its publisher is away."""
    beginning: Recording | None = None
    """It has the numbers and the folder of the VOD to be."""


class LiveWindow:
    """Follows the segment topic two hours behind its end. Time is the events': of the log for what is read, of a session for what goes.

    What a session that has ended still has goes with its folder, two hours after the end.
    """

    def __init__(
        self, log: Source, codec: Codec, objects: Objects, publisher: Publisher, live_us: int, *, past: Source | None = None
    ) -> None:
        """`past`: the log with what its retention has cut, for sessions that live longer; by default the log alone."""
        self._log = log
        self._past = past or log
        self._codec = codec
        self._objects = objects
        self._publisher = publisher
        self._live_us = live_us
        self._now = 0
        """Newest event time."""
        self._sessions: dict[str, _Session] = {}
        self._before: dict[str, int] = {}
        """Of sessions, as the log tells it."""
        self._positions: dict[int, int] | None = None
        """Of the segment topic, how far it is read; None while nothing is live."""

    def live(self, session: About) -> None:
        """Hears of a session."""
        if session.session_id not in self._sessions:
            before = self._before.get(session.session_id, 0)
            self._sessions[session.session_id] = _Session(session.channel_id, session.session_id, session.started_at, before)

    def ended(self, session_id: str) -> None:
        """Forgets a session."""
        self._sessions.pop(session_id, None)
        self._before.pop(session_id, None)

    def produced(self, event: SegmentProduced) -> None:
        """Hears of a segment."""
        self._now = max(self._now, event.occurred_at)
        session = self._sessions.get(event.session_id)
        if session is not None:
            session.newest = max(session.newest, event.programme_date_time)

    def told(self, event: SegmentsExpired) -> None:
        """Hears of what it has done itself."""
        self._before[event.session_id] = max(event.before, self._before.get(event.session_id, 0))
        session = self._sessions.get(event.session_id)
        if session is not None:
            session.before = max(session.before, event.before)

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                logger.exception("tried again")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One look.

        1. Read what the log has come to be two hours older than.
        2. Of each session, give what its live edge has left behind its names in the archive, and take the live ones away.
        3. Tell the log.
        """
        if not self._sessions:
            self._positions = None
            return
        found, self._positions = await asyncio.to_thread(self._read)
        for event in found:
            session = self._sessions.get(event.session_id)
            if session is not None:
                session.newest = max(session.newest, event.programme_date_time)
                session.waiting.append(event)
        for session in list(self._sessions.values()):
            await self._expire(session)

    def _read(self) -> tuple[list[SegmentProduced], dict[int, int] | None]:
        """Whole segments of all channels up to the window's beginning, and how far that is. Each is read once, or again after a restart.

        Blocks.
        """
        due_ms = (self._now - self._live_us) // 1_000
        positions = self._positions
        if positions is None:
            since_ms = min(max(session.before, session.started_at) for session in self._sessions.values()) // 1_000 - EARLY_MS
            if since_ms >= due_ms:
                return [], None
            positions = self._past.starts_at(SEGMENTS, since_ms)
        ends = self._past.starts_at(SEGMENTS, due_ms)
        reached = {partition: max(end, positions.get(partition, end)) for partition, end in ends.items()}
        parts = (self._segments(partition, positions.get(partition, end), end) for partition, end in reached.items())
        return [event for part in parts for event in part], reached

    def _segments(self, partition: int, start: int, end: int) -> Iterator[SegmentProduced]:
        for batch in self._batches(partition, start, end) if start < end else ():
            for record in batch:
                if record.value is None or not wanted(record):
                    continue
                try:
                    event = self._codec.decode(record.value)
                except SchemaError as cause:
                    logger.warning("record passed over", partition=partition, offset=record.offset, cause=str(cause))
                    continue
                if isinstance(event, SegmentProduced):
                    yield event

    def _batches(self, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        try:
            yield from self._past.read(SEGMENTS, partition, start, end)
        except MissingRangeError as cause:
            logger.warning("live names stay until the end", partition=partition, cause=str(cause))
            yield from self._log.read(SEGMENTS, partition, start, end)

    async def _expire(self, session: _Session) -> None:
        edge = session.newest - self._live_us
        due = [event for event in session.waiting if event.programme_date_time < edge]
        if not due:
            return
        if session.beginning is None:
            names = session.channel_id, session.session_id, session.started_at
            session.beginning = await asyncio.to_thread(begun, self._past, self._codec, *names)
        if session.beginning is None:
            logger.warning("live segments stay until the end: the log has lost the session's beginning", session=session.session_id)
            return
        gate = asyncio.Semaphore(AT_ONCE)
        vod_id = address.vod_id(session.session_id)
        recording = session.beginning

        async def link(event: SegmentProduced) -> bool:
            folder = next((track.folder for track in recording.tracks if track.rendition == event.rendition), event.rendition)
            name = address.vod_segment(event.media_sequence - recording.first + 1)
            async with gate:
                try:
                    await self._objects.link(event.address, address.vod(event.channel_id, vod_id, f"{folder}/{name}"))
                except ObjectMissingError:
                    return False  # a former look has done it
            return True

        linked = sum(await asyncio.gather(*(link(event) for event in due)))
        gone = [name for event in due for name in _names(event)]
        await self._objects.delete(gone)
        session.waiting = [event for event in session.waiting if event.programme_date_time >= edge]
        if not linked:
            return
        before = max(event.programme_date_time for event in due) + 1
        told = SegmentsExpired(
            event_id=address.vod_event_id(vod_id, f"expired-{before}"),
            correlation_id=session.session_id,
            channel_id=session.channel_id,
            session_id=session.session_id,
            vod_id=vod_id,
            before=before,
            segments=linked,
        )
        await asyncio.wrap_future(self._publisher.publish(told))


def _names(event: SegmentProduced) -> Iterator[str]:
    """A segment's live name, and those of its parts."""
    yield event.address
    for index in range(event.parts):
        yield address.part(event.channel_id, event.session_id, event.rendition, event.media_sequence, index)
