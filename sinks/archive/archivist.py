"""The archivist: follows what is live, and when a session has ended makes its VOD.

Where it stands is on the log: a session that has ended and whose VOD the log does not tell of is its work. So a crash costs a repeat, and
a repeat makes the same objects and the same events.
"""

import asyncio

import structlog

from processors.vod.about import About, about
from processors.vod.recording import Recording
from schemas.event import Event
from schemas.events import ChannelProfile, RenditionDeclared, SegmentProduced, SegmentsExpired, ShelveVod, StreamEnded, Tick, VodArchived
from schemas.wire import Codec
from sinks.archive.config import ArchiveConfig
from sinks.archive.keeper import Keeper
from sinks.archive.making import Maker, event
from sinks.archive.session import SEGMENTS, STREAMS, channel_events, recorded, wanted
from sinks.archive.snapper import Snapper
from sinks.archive.vods import TOPIC, Vods
from sinks.archive.window import TOLD_US, LiveWindow
from sinks.archive.window import TOPIC as WINDOW
from sinks.archive.working import Work, in_turn
from streams.clock import now_us
from streams.errors import MissingRangeError
from streams.fold import At, Clock
from streams.follower import Follower
from streams.keys import partition_for
from streams.log import Log, Record, Source
from streams.media import address
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher
from streams.topics import PARTITIONS

logger = structlog.get_logger()
COMMANDS = "library.vod.commands.v1"
PROFILES = "channel.profile.state.v1"
SHELF = "library.shelf.commands.v1"
"""Ticks come on it once an hour, also while nothing is live."""
TICKED_US = 2 * 3_600_000_000
"""Has one of its Ticks, or two."""
DECLARED_US = 60_000_000
"""A rendition is declared again every few segments: a minute of the log has each live one's."""
REST_S = 1.0
"""Between two looks at the log: a VOD or a thumbnail may come a second later."""


class Archivist:
    """One of a system. A second one would only repeat what the first does."""

    def __init__(
        self,
        log: Log,
        codec: Codec,
        objects: TieredObjects,
        publisher: Publisher,
        config: ArchiveConfig | None = None,
        *,
        past: Source | None = None,
        clock: Clock = now_us,
        rest_s: float = REST_S,
    ) -> None:
        """`past`: the log with what its retention has cut, for sessions that live longer; by default the log alone."""
        self._log = log
        self._past = past or log
        self._codec = codec
        self._publisher = publisher
        self._config = config or ArchiveConfig()
        self._clock = clock
        self.vods = Vods()
        self._maker = Maker(objects)
        self._snapper = Snapper(objects, publisher)
        self._window = LiveWindow(log, codec, objects, publisher, self._config.live_us, past=self._past)
        self._keeper = Keeper(objects, publisher, self.vods, self._config)
        self._sessions: dict[str, About] = {}
        self._heard: dict[str, str] = {}
        """Channels by session, of which segments or an end were heard; those whose beginning was not are looked up in `past`."""
        self._unknown: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._ended: asyncio.Queue[About] = asyncio.Queue()
        now = clock()
        since_ms = {
            STREAMS: (now - self._config.reach_us) // 1_000,
            SEGMENTS: (now - DECLARED_US) // 1_000,
            WINDOW: (now - TOLD_US) // 1_000,
            SHELF: (now - TICKED_US) // 1_000,
        }
        topics = [TOPIC, COMMANDS, STREAMS, SEGMENTS, WINDOW, SHELF]
        self._work = Work(Follower(log, codec, topics, self._apply, since_ms, rest_s=rest_s, wanted=_wanted))
        self.close, self.lacks = self._work.close, self._work.lacks

    async def start(self) -> None:
        """Returns once it knows what is to be done; it is done meanwhile."""
        await self._work.start(self._note_all, self._snapper.run, self._find_all, self._archive_all, self._keeper.run, self._window.run)

    def _apply(self, found: Event, at: At) -> None:
        match found:
            case RenditionDeclared():
                self._snapper.declared(found)
            case Tick():
                self._keeper.passed(at.time)
            case SegmentProduced():
                self._keeper.passed(at.time)
                if not self._work.begun:
                    self._heard[found.session_id] = found.channel_id
                self._snapper.segment(found)
                self._window.produced(found)
            case SegmentsExpired():
                self._window.told(found)
            case _ if at.topic == TOPIC:
                self.vods.apply(found, at)
                self._keeper.told(found)
            case _ if at.topic == COMMANDS:
                self._keeper.ordered(found)
            case _:
                self._session(found)

    def _session(self, found: Event) -> None:
        session_id = getattr(found, "session_id", None)
        now = about(self._sessions.get(session_id), found) if session_id is not None else None
        if session_id is None or now is None:
            if isinstance(found, StreamEnded):
                self._heard[found.session_id] = found.channel_id
                if self._work.begun:
                    self._look_up()
            return
        self._sessions[session_id] = now
        self._window.live(now)
        if isinstance(found, StreamEnded):
            self._snapper.ended(session_id)
            self._window.ended(session_id)
            if self._work.begun:
                self._note(now)

    def _note_all(self) -> None:
        self._look_up()
        for session in list(self._sessions.values()):
            self._note(session)

    def _look_up(self) -> None:
        """Has the sessions found that began before what was read at start."""
        for session_id, channel_id in self._heard.items():
            vod_id = address.vod_id(session_id)
            if session_id not in self._sessions and self.vods.get(vod_id) is None and not self.vods.gone(vod_id):
                self._unknown.put_nowait((session_id, channel_id))
        self._heard.clear()

    async def _find_all(self) -> None:
        """Sessions whose beginning lies far back, one after the other: it takes reading all that a channel's partition has of streams."""
        await in_turn(self._unknown, lambda unknown: self._find(*unknown), lambda unknown: unknown[0])

    async def _find(self, session_id: str, channel_id: str) -> None:
        found: About | None = None
        for each, _ in await asyncio.to_thread(lambda: list(channel_events(self._log, self._codec, STREAMS, channel_id))):
            if getattr(each, "session_id", None) == session_id:
                found = about(found, each)
        if found is None:
            logger.warning("no VOD: the log has lost the session's beginning", session=session_id)
            return
        self._sessions[session_id] = found
        self._window.live(found)
        if found.ended_at is not None:
            self._window.ended(session_id)
            self._note(found)

    def _note(self, session: About) -> None:
        """A session that has ended and has no VOD is to be archived."""
        if session.ended_at is None:
            return
        del self._sessions[session.session_id]
        vod_id = address.vod_id(session.session_id)
        if session.last >= 0 and self.vods.get(vod_id) is None and not self.vods.gone(vod_id):
            self._ended.put_nowait(session)

    async def _archive_all(self) -> None:
        """One VOD after the other: the store's requests are what takes time, and they are many at once."""
        await in_turn(self._ended, self._archive, lambda session: session.session_id)

    async def _archive(self, session: About) -> None:
        """Makes a session's VOD and tells of it.

        1. Wait for what the encoders still hold, and read its segments.
        2. Make the objects; documents last, so that a manifest has all that it names.
        3. Tell the log, and the shelf that watches its age.
        """
        recording = await self._recording(session)
        vod_id, revision = address.vod_id(session.session_id), 1
        made = await self._maker.make(recording, session, vod_id, revision) if recording is not None else None
        if made is None:
            logger.warning("no VOD: nothing of the session is left", session=session.session_id)
            return
        turbo = await asyncio.to_thread(self._turbo, session.channel_id)
        retention_days = self._config.retention_days(session.tier, turbo=turbo)
        await self._publish(event(made, session, vod_id, revision, retention_days))
        await self._publish(shelved(session.channel_id, vod_id, session.ended_at or 0, retention_days))
        logger.info("archived", session=session.session_id, vod=vod_id, objects=len(made.documents), size=made.size)

    def _turbo(self, channel_id: str) -> bool:
        """Whether a channel's owner has Turbo or Prime now. Blocks."""
        profiles = [event for event, _ in channel_events(self._log, self._codec, PROFILES, channel_id) if isinstance(event, ChannelProfile)]
        return bool(profiles) and profiles[-1].turbo

    async def _recording(self, session: About) -> Recording | None:
        late = (session.ended_at or 0) + self._config.late_us - self._clock()
        await asyncio.sleep(max(0.0, late / 1e6))
        about_it = (self._codec, session.channel_id, session.session_id, session.started_at)
        try:
            return (await asyncio.to_thread(recorded, self._past, *about_it)).recording()
        except MissingRangeError as cause:
            logger.warning("the VOD lacks what neither log nor lake has", session=session.session_id, cause=str(cause))
            return (await asyncio.to_thread(recorded, self._log, *about_it)).recording()

    async def _publish(self, what: VodArchived | ShelveVod) -> None:
        await asyncio.wrap_future(self._publisher.publish(what))


def shelved(channel_id: str, vod_id: str, archived_at: int, retention_days: int) -> ShelveVod:
    """What the shelf is told. A channel's VODs are on one shelf; there are as many as partitions."""
    shelf = partition_for(channel_id.encode(), PARTITIONS["library.shelf.commands.v1"])
    return ShelveVod(
        event_id=address.vod_event_id(vod_id, f"shelved-{retention_days}"),
        shelf=f"shelf-{shelf}",
        channel_id=channel_id,
        vod_id=vod_id,
        archived_at=archived_at,
        retention_days=retention_days,
    )


def _wanted(record: Record) -> bool:
    return record.topic != SEGMENTS or wanted(record)
