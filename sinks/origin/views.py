"""The views that an origin folds: segments, sessions, viewers and profiles of all channels, read from the log into memory."""

import asyncio
from collections.abc import Callable

import structlog
from aiohttp import web

from processors.playlist.broadcast import BroadcastFold
from processors.playlist.fold import PlaylistFold
from processors.viewers.fold import EXPIRY_US, ViewersFold
from schemas.event import Event
from schemas.events import (
    ChannelProfile,
    PartProduced,
    RenditionDeclared,
    SegmentProduced,
    StreamEnded,
    ViewerHeartbeat,
    ViewerJoined,
    ViewerLeft,
)
from schemas.wire import Codec
from sinks.archive import vods
from sinks.clips import clips
from sinks.origin.channel import LiveChannel
from sinks.origin.config import OriginConfig
from sinks.origin.problem import starting, unknown_channel
from sinks.origin.stages import Stages
from streams.clock import now_us
from streams.fold import At, Clock
from streams.follower import Follower
from streams.log import Log

logger = structlog.get_logger()
PROFILES = "channel.profile.state.v1"
LAST_S = 6.0
"""After a session's end the renditions may come through for so long: three target durations. Encoders are one segment behind."""


class Views:
    """All channels, by id and by login."""

    def __init__(self, config: OriginConfig, log: Log, codec: Codec, stages: Stages, clock: Clock = now_us) -> None:
        self._config = config
        self._playlist = PlaylistFold(config.window)
        self._broadcast = BroadcastFold()
        self._viewers = ViewersFold()
        self._stages = stages
        self._channels: dict[str, LiveChannel] = {}
        self._logins: dict[str, str] = {}
        self.vods = vods.Vods()
        self.clips = clips.Clips()
        self.watchers: list[Callable[[Event], None]] = []
        """Hear of each whole segment and each declaration, once caught up."""
        self._caught_up = False
        self._starting: asyncio.Task[None] | None = None
        self._clock = clock
        now_ms = clock() // 1_000
        since_ms = dict.fromkeys(self._broadcast.inputs, now_ms - config.broadcast_reach_s * 1_000)
        since_ms |= dict.fromkeys(self._playlist.inputs, now_ms - config.segment_reach_s * 1_000)
        since_ms |= dict.fromkeys(self._viewers.inputs, now_ms - EXPIRY_US // 1_000)
        topics = [PROFILES, vods.TOPIC, clips.TOPIC, *since_ms]
        self._follower = Follower(log, codec, topics, self._on_event, since_ms, deleted=self._on_deleted)

    @property
    def caught_up(self) -> bool:
        """Whether all that was on the log at the start has been applied."""
        return self._caught_up

    def now(self) -> int:
        """UTC microseconds."""
        return self._clock()

    def lag(self) -> int:
        """Records on the log that have not been applied."""
        return self._follower.lag()

    def lacks(self) -> str:
        """Why it is not ready; empty where it is."""
        if self._starting is not None and self._starting.done() and self._starting.exception() is not None:
            return f"the log cannot be read: {self._starting.exception()}"
        return "" if self._caught_up else "reading the log"

    def start(self) -> None:
        """Begins to read; `caught_up` turns true later."""
        self._starting = asyncio.create_task(self._start())

    async def close(self) -> None:
        """Stops reading."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self._follower.close()

    def by_login(self, login: str) -> LiveChannel | None:
        """A channel by its name in URLs, in any case."""
        channel_id = self._logins.get(login.lower())
        return None if channel_id is None else self._channels[channel_id]

    def by_id(self, channel_id: str) -> LiveChannel | None:
        """A channel by its id."""
        return self._channels.get(channel_id)

    def asked(self, request: web.Request) -> LiveChannel:
        """The channel whose login is in a request's path.

        Raises:
            ProblemError: there is none, or it is not known yet.
        """
        login = request.match_info["login"]
        channel = self.by_login(login)
        if not self._caught_up:
            raise starting()
        if channel is None:
            raise unknown_channel(login)
        return channel

    async def _start(self) -> None:
        await self._follower.start()
        self._caught_up = True
        logger.info("views are up to date", channels=len(self._channels))

    def _channel(self, channel_id: str) -> LiveChannel:
        if channel_id not in self._channels:
            self._channels[channel_id] = LiveChannel(channel_id, self._config.window)
        return self._channels[channel_id]

    def _on_event(self, event: Event, at: At) -> None:
        if isinstance(event, RenditionDeclared | PartProduced | SegmentProduced):
            self._on_segment(event, at)
        elif isinstance(event, ViewerJoined | ViewerHeartbeat | ViewerLeft):
            self._viewers.apply(self._channel(event.channel_id).rows, event, at)
        elif isinstance(event, ChannelProfile):
            self._on_profile(event)
        elif at.topic == vods.TOPIC:
            self.vods.apply(event)
        elif at.topic == clips.TOPIC:
            self.clips.apply(event)
        elif at.topic in self._broadcast.inputs:
            self._on_stream(event, at)

    def _on_profile(self, profile: ChannelProfile) -> None:
        channel = self._channel(profile.channel_id)
        if channel.profile is not None and channel.profile.login != profile.login:
            self._logins.pop(channel.profile.login, None)
        channel.profile = profile
        self._logins[profile.login] = profile.channel_id

    def _on_deleted(self, channel_id: str, at: At) -> None:
        """A profile's tombstone: the channel has no name any more."""
        channel = self._channels.get(channel_id)
        if at.topic == PROFILES and channel is not None and channel.profile is not None:
            self._logins.pop(channel.profile.login, None)
            channel.profile = None

    def _on_stream(self, event: Event, at: At) -> None:
        channel_id = getattr(event, "channel_id", None)
        if channel_id is not None:
            channel = self._channel(channel_id)
            self._broadcast.apply(channel.rows, event, at)
            if channel.broadcast is not None:
                self._logins.setdefault(channel.broadcast.login, channel_id)
            channel.changed()
            if isinstance(event, StreamEnded):
                wait_s = event.occurred_at / 1e6 + LAST_S - self._clock() / 1e6
                asyncio.get_running_loop().call_later(max(0.0, wait_s), channel.settle, event.session_id)

    def _on_segment(self, event: RenditionDeclared | PartProduced | SegmentProduced, at: At) -> None:
        channel = self._channel(event.channel_id)
        self._playlist.apply(channel.rows, event, at)
        channel.changed(part=isinstance(event, PartProduced))
        if self._caught_up and not isinstance(event, RenditionDeclared):
            self._stages.applied(event)
        if not isinstance(event, PartProduced):
            for watcher in self.watchers:
                watcher(event)
