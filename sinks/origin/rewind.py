"""Live streams with an earlier beginning: playlists of nearly the last two hours over the same segments."""

import asyncio

from aiohttp import web

from processors.playlist.master import master
from processors.playlist.recorded import recorded_playlist
from processors.playlist.window import Listing
from processors.vod.listing import live_listings
from processors.vod.recording import Recorder
from schemas.event import Event
from schemas.events import SegmentProduced
from schemas.wire import Codec
from sinks.archive.config import ArchiveConfig
from sinks.archive.session import segment_events
from sinks.origin.channel import LiveChannel
from sinks.origin.document import PLAYLIST, Document
from sinks.origin.problem import offline, unknown_rendition
from sinks.origin.relative import led, media_from
from sinks.origin.views import Views
from streams.log import Source

SLACK_US = 60_000_000
"""How long a segment is still there once no playlist lists it: for who pauses at the far end, or has a playlist that is no longer new."""
REACH_US = ArchiveConfig().live_us - SLACK_US
"""How far back a viewer may go while it is live; beyond that there is the VOD."""
IDLE_US = 600_000_000
"""A past that nobody asked for in ten minutes is forgotten: players ask every two seconds."""
FRESH = "max-age=1"
"""Half a target duration, as the live playlists have it (RFC 8216bis section 6.2.5.1)."""


class Past:
    """A session's last 1:59 h, read from the log when first asked for and kept up from then on."""

    def __init__(self, channel_id: str, session_id: str) -> None:
        self.session_id = session_id
        self._recorder = Recorder(channel_id, session_id)
        self._newest_us = 0
        self._listings: list[Listing] | None = None
        self.loaded: asyncio.Task[None] | None = None
        self.asked_us = 0
        """When somebody asked for it last, UTC microseconds."""

    def add(self, event: Event) -> None:
        """Takes an event of the channel."""
        self._recorder.add(event)
        self._listings = None
        if isinstance(event, SegmentProduced) and event.session_id == self.session_id:
            self._newest_us = max(self._newest_us, event.programme_date_time)

    @property
    def listings(self) -> list[Listing]:
        """Every rendition, until the next event comes."""
        if self._listings is None:
            since = self._newest_us - REACH_US
            self._recorder.forget(since)
            recording = self._recorder.recording()
            self._listings = [] if recording is None else live_listings(recording)
        return self._listings


class Rewind:
    """The routes that lead back."""

    def __init__(self, views: Views, log: Source, codec: Codec) -> None:
        self._views = views
        self._log = log
        self._codec = codec
        self._pasts: dict[str, Past] = {}
        views.watchers.append(self._on_event)

    def routes(self) -> list[web.RouteDef]:
        """All of them; HEAD is answered too."""
        return [
            web.get("/live/{login}/rewind.m3u8", self.master),
            web.get("/live/{login}/{rendition}/rewind.m3u8", self.media),
        ]

    async def master(self, request: web.Request) -> web.Response:
        """The multivariant playlist."""
        channel = self._views.asked(request)
        past = await self._past(channel)
        return channel.document("rewind", lambda: Document(master(past.listings, "{}/rewind.m3u8"), PLAYLIST)).answer(request, FRESH)

    async def media(self, request: web.Request) -> web.Response:
        """A rendition's playlist."""
        channel, rendition = self._views.asked(request), request.match_info["rendition"]
        past = await self._past(channel)
        listing = next((one for one in past.listings if one.rendition == rendition), None)
        if listing is None:
            raise unknown_rendition(request.match_info["login"], rendition, [one.rendition for one in past.listings])
        over, media = channel.over(rendition), media_from(request)

        def render() -> Document:
            return Document(led(recorded_playlist(listing, over=over), media), PLAYLIST)

        return channel.document(("rewind", rendition, media), render).answer(request, FRESH)

    async def _past(self, channel: LiveChannel) -> Past:
        """What there is of the session that is on, or was last."""
        broadcast = channel.broadcast
        if broadcast is None:
            raise offline(channel.channel_id)
        past = self._pasts.get(channel.channel_id)
        if past is None or past.session_id != broadcast.session_id:
            past = self._pasts[channel.channel_id] = Past(channel.channel_id, broadcast.session_id)
            past.loaded = asyncio.create_task(self._load(past, channel.channel_id, broadcast.started_at))
        past.asked_us = self._views.now()
        if past.loaded is not None:
            try:
                await asyncio.shield(past.loaded)
            except Exception:
                self._pasts.pop(channel.channel_id, None)
                raise
        if not past.listings:
            raise offline(broadcast.login)
        return past

    async def _load(self, past: Past, channel_id: str, started_at: int) -> None:
        """Reads what came before now; what comes meanwhile is added too, and repeats change nothing."""
        since = max(started_at, self._views.now() - REACH_US)
        for event in await asyncio.to_thread(lambda: list(segment_events(self._log, self._codec, channel_id, since))):
            past.add(event)

    def _on_event(self, event: Event) -> None:
        channel_id: str = getattr(event, "channel_id", "")
        past = self._pasts.get(channel_id)
        if past is not None and self._views.now() - past.asked_us > IDLE_US:
            del self._pasts[channel_id]
        elif past is not None:
            past.add(event)
