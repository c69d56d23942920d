"""The ingest edge as a whole: listens, lets publishers in by key, and owns their sessions."""

import asyncio
from collections import OrderedDict

import structlog

from schemas.event import Event
from schemas.events.channel import ChannelProfile
from schemas.events.media import IngestRejected
from schemas.wire import Codec
from streams.clock import now_us
from streams.edges.ingest import metrics
from streams.edges.ingest.config import IngestConfig
from streams.edges.ingest.keys import StreamKeys
from streams.edges.ingest.publication import LivePublication
from streams.edges.ingest.reaper import Reaper
from streams.edges.ingest.recovery import Found, Recovery, ends
from streams.edges.ingest.rtmp.connection import RtmpConnection
from streams.edges.ingest.rtmp.errors import RefusedError
from streams.edges.ingest.segmenter import Place
from streams.edges.ingest.session import Ports, Session
from streams.errors import BacklogFullError
from streams.fold import At, Clock
from streams.follower import Follower
from streams.log import Log
from streams.objects import Objects
from streams.publisher import Publisher

logger = structlog.get_logger()
REJECTIONS_PER_PEER = 5
REJECTION_WINDOW_US = 10_000_000
"""Refusals of one address that are told on the log per 10 s; metrics count all of them. A hammering client must not flood the log."""
PEERS = 10_000
"""Addresses whose refusals are counted."""
DRAIN_S = 5.0
"""How long an end waits for objects and events that are under way."""
PROFILES = "channel.profile.state.v1"


class Ingest:
    """An ingest node. `start` returns once it listens; `ready` says why it should get no publishers."""

    def __init__(
        self, config: IngestConfig, log: Log, codec: Codec, publisher: Publisher, objects: Objects, *, clock: Clock = now_us
    ) -> None:
        self._config = config
        self._log = log
        self._codec = codec
        self._publisher = publisher
        self._clock = clock
        self._ports = Ports(config, objects, publisher, clock)
        self._keys = StreamKeys(self._profile_changed)
        self._profiles = Follower(log, codec, [PROFILES], self._apply, deleted=lambda channel_id, _: self._keys.remove(channel_id))
        self._reaper = Reaper(log, codec, objects, clock, config.part_age_s)
        self._servers: list[asyncio.Server] = []
        self._sessions: dict[str, Session] = {}
        self._live: dict[str, LivePublication] = {}
        self._ends: dict[str, Place] = {}  # where a channel's last session ended: the next one's numbers are higher
        self._connections: set[RtmpConnection] = set()
        self._draining: set[asyncio.Task[None]] = set()
        self._refusals: OrderedDict[str, tuple[int, int]] = OrderedDict()  # peer -> since when, how many

    @property
    def port(self) -> int:
        """The RTMP port."""
        return int(self._servers[0].sockets[0].getsockname()[1])

    @property
    def tls_port(self) -> int:
        """The RTMPS port."""
        return int(self._servers[1].sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Reads the channels, takes up the sessions that an earlier process left open, and listens.

        Raises:
            OSError: a port is taken.
        """
        await self._profiles.start()
        await self._recover()
        await self._reaper.start()
        config, loop = self._config, asyncio.get_running_loop()

        def connection() -> RtmpConnection:
            return RtmpConnection(self, config.app)

        self._servers.append(await loop.create_server(connection, config.host, config.port))
        if config.tls is not None and config.tls_port is not None:
            self._servers.append(await loop.create_server(connection, config.host, config.tls_port, ssl=config.tls))
        logger.info("ingest listens", node=config.node, host=config.host, port=self.port, app=config.app)

    async def close(self) -> None:
        """Cuts the publishers and gives out what is under way. Their sessions stay open on the log: the next process takes them up."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.cut("closed", "NetConnection.Connect.AppShutdown", "this node restarts: connect again")
        await asyncio.gather(*(session.suspend(DRAIN_S) for session in self._sessions.values()))
        if self._draining:
            await asyncio.wait(self._draining)
        await self._reaper.close()
        await self._profiles.close()

    @property
    def publishers(self) -> int:
        """Publishers that are connected."""
        return len(self._live)

    def unready(self) -> list[str]:
        """Why no publisher should be sent here; empty where it is ready."""
        reasons = []
        if not self._servers or not self._servers[0].is_serving():
            reasons.append("not listening")
        if len(self._live) >= self._config.most_publishers:
            reasons.append(f"at capacity: {len(self._live)} publishers")
        return reasons

    # gate

    def opened(self, connection: RtmpConnection) -> None:
        """A connection was made."""
        self._connections.add(connection)
        metrics.CONNECTIONS.inc()
        if len(self._connections) > self._config.most_connections:
            connection.refuse(RefusedError("at_capacity", "too many connections"))

    def over(self, connection: RtmpConnection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        metrics.CONNECTIONS.dec()

    def publish(self, key: str, connection: RtmpConnection) -> LivePublication:
        """Lets a key publish; whoever published with it before is cut.

        Raises:
            RefusedError: it may not.
        """
        profile = self._keys.channel(key)
        former = self._live.get(profile.channel_id)
        if former is not None:
            former.connection.cut("takeover", "NetStream.Publish.BadName", "another publisher came with the same key")
        elif len(self._live) >= self._config.most_publishers:
            raise RefusedError("at_capacity", "this node carries as many publishers as it can", profile.channel_id)
        session = self._sessions.get(profile.channel_id) or self._new(profile)
        session.become(profile)
        self._sessions[profile.channel_id] = session
        publication = LivePublication(session, connection, self._clock, self._config.no_video_s, self._gone)
        self._live[profile.channel_id] = publication
        logger.info("publishing", channel=profile.channel_id, session=session.session_id, peer=connection.peer)
        return publication

    def refused(self, error: RefusedError, connection: RtmpConnection) -> None:
        """Tells of a refusal."""
        metrics.REJECTED.labels(error.reason).inc()
        since, count = self._refusals.pop(connection.peer, (self._clock(), 0))
        if self._clock() - since > REJECTION_WINDOW_US:
            since, count = self._clock(), 0
        self._refusals[connection.peer] = since, count + 1
        if len(self._refusals) > PEERS:
            self._refusals.popitem(last=False)
        if count >= REJECTIONS_PER_PEER:
            return
        logger.warning("refused", reason=error.reason, detail=str(error), channel=error.channel_id, peer=connection.peer)
        try:
            self._publisher.publish(
                IngestRejected(
                    channel_id=error.channel_id,
                    reason=error.reason,
                    detail=str(error),
                    ingest_node=self._config.node,
                )
            )
        except BacklogFullError:
            metrics.LOST_EVENTS.inc()

    # sessions

    def _new(self, profile: ChannelProfile) -> Session:
        """A session whose media sequence is above all that the channel had: it begins at the time in seconds, and segments
        are longer than a second, so no state is needed.

        The discontinuity sequence counts on from the former session's, from 0 otherwise: hls.js keeps an array as long as that number
        and copies it at every discontinuity, seconds for one that counts time.
        """
        number = self._clock() // 1_000_000
        former = self._ends.get(profile.channel_id, Place(None, 0, 0))
        place = Place(None, max(number, former.media_sequence), former.discontinuity_sequence)
        return Session(profile, place, self._ports, self._ended)

    def _gone(self, publication: LivePublication) -> None:
        channel_id = publication.session.profile.channel_id
        if self._live.get(channel_id) is publication:
            del self._live[channel_id]

    def _ended(self, session: Session) -> None:
        channel_id = session.profile.channel_id
        if self._sessions.get(channel_id) is session:
            del self._sessions[channel_id]
        self._ends[channel_id] = session.place
        task = asyncio.get_running_loop().create_task(session.drain(DRAIN_S))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    async def _recover(self) -> None:
        recovery = Recovery(self._log, self._codec, self._config, self._clock)
        for channel_id, found in (await recovery.find()).items():
            profile = self._keys.profile(channel_id)
            if profile is not None:
                await self._take_up(profile, found)

    async def _take_up(self, profile: ChannelProfile, found: Found) -> None:
        session = Session(profile, found.place, self._ports, self._ended, found)
        self._sessions[profile.channel_id] = session
        if found.place.start_us is None:
            session.end("node_lost")
            return
        session.end_begun(await ends(found, self._ports.objects))
        session.left_open(found.since_us, interrupted=found.interrupted)
        logger.info("session taken up", channel=profile.channel_id, session=found.session_id)

    def _apply(self, event: Event, _at: At) -> None:
        if isinstance(event, ChannelProfile):
            self._keys.apply(event)

    def _profile_changed(self, profile: ChannelProfile) -> None:
        """Cuts a publisher whose key is not the channel's any more, and ends a session that waits for it."""
        session = self._sessions.get(profile.channel_id)
        if session is None:
            return
        if session.profile.stream_key_hash == profile.stream_key_hash:
            session.become(profile)
            return
        live = self._live.get(profile.channel_id)
        if live is not None:
            live.connection.cut("revoked", "NetStream.Publish.Unauthorized", "the stream key was replaced or revoked")
        session.end("revoked")
