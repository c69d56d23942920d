"""Playlists and manifests over HTTP, with blocking reload."""

import math
import re

from aiohttp import web

from processors.playlist.classic import classic_master, classic_playlist, listed_pairs
from processors.playlist.dash import manifest
from processors.playlist.hls import Shape, media_playlist, target_duration
from processors.playlist.iframes import iframe_playlist
from processors.playlist.master import folder_of, master_playlist
from processors.playlist.window import Listing
from sinks.origin.channel import LiveChannel
from sinks.origin.directives import AHEAD_SECONDS, AHEAD_SEGMENTS, Directives, directives, too_far
from sinks.origin.document import MANIFEST, PLAYLIST, Document
from sinks.origin.problem import late, offline, unknown_rendition
from sinks.origin.relative import led, media_from, signed
from sinks.origin.sessions import PLACE, Sessions
from sinks.origin.views import Views

FRESH = "max-age=1"
"""Half a target duration: how old a playlist asked for without directives may be (RFC 8216bis section 6.2.5.1)."""
BLOCKED = "max-age=12"
"""Six target durations: an answer to a blocking request stays right, for its address names what it holds."""
WAIT_TARGETS = 3
"""Target durations after which a blocking request fails (RFC 8216bis section 6.2.5.2)."""
FIRST_S = 6.0
"""How long to wait for a session's first segment: three target durations."""
HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}")


class Playlists:
    """The routes under /live."""

    def __init__(self, views: Views, sessions: Sessions) -> None:
        self._views = views
        self._sessions = sessions

    def routes(self) -> list[web.RouteDef]:
        """All of them; HEAD is answered too."""
        handlers = {
            "master.m3u8": self.master,
            "classic.m3u8": self.classic,
            "manifest.mpd": self.manifest,
            "{rendition}.m3u8": self.media,
            "{rendition}/iframes.m3u8": self.iframes,
            "{rendition}/ts.m3u8": self.transport_stream,
        }
        folders = ("/live/{login}/", "/live/{login}/~{session}/")
        return [web.get(folder + path, handler) for folder in folders for path, handler in handlers.items()]

    async def master(self, request: web.Request) -> web.Response:
        """The multivariant playlist; `?latency=normal` leads to playlists without parts."""
        channel, parts = self._views.asked(request), directives(request.query).shape.parts
        await _playable(channel, parts=parts)

        def render() -> Document:
            return Document(master_playlist(channel.window, parts=parts, session=PLACE), PLAYLIST)

        return self._sessions.master(request, channel, channel.document(("master", parts), render), PLAYLIST)

    async def media(self, request: web.Request) -> web.Response:
        """A rendition's playlist: at once, or once it holds what the delivery directives ask for."""
        channel, rendition, asked = self._views.asked(request), request.match_info["rendition"], directives(request.query)
        self._sessions.asked(request, channel)
        listing = await _listing(channel, rendition, parts=asked.shape.parts)
        if asked.blocking:
            await _block(channel, listing, asked)
        document = self._media(channel, rendition, asked.shape, media_from(request))
        return document.answer(request, BLOCKED, tagged=False) if asked.blocking else document.answer(request, FRESH)

    async def iframes(self, request: web.Request) -> web.Response:
        """A rendition's key frames."""
        channel, rendition = self._views.asked(request), request.match_info["rendition"]
        await _listing(channel, rendition, parts=False)
        media = media_from(request)

        def render() -> Document:
            listing = _present(channel, rendition)
            return Document(led(iframe_playlist(listing, over=channel.over(rendition)), media), PLAYLIST)

        return channel.document(("iframes", rendition, media), render).answer(request, FRESH)

    async def classic(self, request: web.Request) -> web.Response:
        """The master of protocol version 3."""
        channel = self._views.asked(request)
        await _playable(channel, parts=False)
        document = channel.document("classic", lambda: Document(classic_master(channel.window, PLACE), PLAYLIST))
        return self._sessions.master(request, channel, document, PLAYLIST)

    async def transport_stream(self, request: web.Request) -> web.Response:
        """A rendition's playlist of protocol version 3."""
        channel, rendition = self._views.asked(request), request.match_info["rendition"]
        self._sessions.asked(request, channel)
        listing = await _listing(channel, rendition, parts=False)
        if listing.declared.kind != "video":
            raise unknown_rendition(request.match_info["login"], rendition, _names(channel, "video"))

        def paired() -> bool:
            found = channel.window.listing(rendition)
            return found is not None and bool(listed_pairs(channel.window, found, over=channel.over(rendition)))

        if channel.live:
            await channel.until(("pairs", rendition), paired, FIRST_S)

        media = media_from(request)

        def render() -> Document:
            text = classic_playlist(channel.window, _present(channel, rendition), over=channel.over(rendition))
            return Document(led(text, media), PLAYLIST)

        return channel.document(("ts", rendition, media), render).answer(request, FRESH)

    async def manifest(self, request: web.Request) -> web.Response:
        """The DASH manifest; it names its host and its viewer's session."""
        channel = self._views.asked(request)
        self._sessions.asked(request, channel)
        await _playable(channel, parts=False)
        host = f"{request.headers.get('X-Forwarded-Proto', request.scheme)}://{_host(request)}"
        lead = channel.playable(parts=False)[0].rendition
        media, relative = media_from(request), signed(request)
        place = ("" if relative else f"{host}/live/{request.match_info['login']}/") + f"{folder_of(PLACE)}manifest.mpd"

        def render() -> Document:
            text = manifest(channel.window, f"{host}/time", over=channel.over(lead), location=place)
            if text is None:
                raise offline(_login(channel))
            return Document(led(text, media), MANIFEST)

        document = channel.document(("manifest", place, media), render)
        return self._sessions.master(request, channel, document, MANIFEST, relative=relative)

    def _media(self, channel: LiveChannel, rendition: str, shape: Shape, media: str) -> Document:
        def render() -> Document:
            listing = _present(channel, rendition)
            return Document(led(media_playlist(channel.window, listing, shape, over=channel.over(rendition)), media), PLAYLIST)

        return channel.document((rendition, shape, media), render)


async def _playable(channel: LiveChannel, *, parts: bool) -> None:
    """Waits for the first rendition of a session that has just begun."""
    if channel.playable(parts=parts):
        return
    if not channel.live or not await channel.until(("playable", parts), lambda: bool(channel.playable(parts=parts)), FIRST_S):
        raise offline(_login(channel))


async def _listing(channel: LiveChannel, rendition: str, *, parts: bool) -> Listing:
    """A rendition's listing, waited for where its first part or segment is on its way."""
    await _playable(channel, parts=parts)

    def found() -> Listing | None:
        listing = channel.window.listing(rendition)
        return listing if listing is not None and (parts or listing.entries) else None

    if found() is None and channel.live and channel.window.alive(rendition):
        await channel.until(("listing", rendition, parts), lambda: found() is not None, FIRST_S)
    listing = found()
    if listing is None:
        raise unknown_rendition(_login(channel), rendition, _names(channel))
    return listing


async def _block(channel: LiveChannel, listing: Listing, asked: Directives) -> None:
    """Waits until the playlist holds what was asked for.

    Raises:
        ProblemError: 400, too far ahead; 503, not produced in time.
    """
    rendition, media_sequence, part = listing.rendition, asked.media_sequence or 0, asked.part
    last, parts = channel.window.edge(rendition)
    if channel.over(rendition):
        return
    advance = math.ceil(AHEAD_SECONDS * 1_000_000 / listing.declared.part_target_us)
    newest_part = parts if media_sequence == last + 1 else 0
    if media_sequence > last + bool(parts) + AHEAD_SEGMENTS or (
        media_sequence > last and part is not None and part > newest_part + advance
    ):
        raise too_far(asked)

    def holds() -> bool:
        return channel.window.holds(rendition, media_sequence, part) or channel.over(rendition)

    if not await channel.until((rendition, media_sequence, part), holds, WAIT_TARGETS * target_duration(listing, channel.window)):
        raise late(f"segment {media_sequence}" + ("" if part is None else f" part {part}"))


def _present(channel: LiveChannel, rendition: str) -> Listing:
    """A rendition's listing, known to be there but for a session that replaced it meanwhile."""
    listing = channel.window.listing(rendition)
    if listing is None:
        raise unknown_rendition(_login(channel), rendition, _names(channel))
    return listing


def _names(channel: LiveChannel, kind: str | None = None) -> list[str]:
    return [listing.rendition for listing in channel.window.renditions if kind in {None, listing.declared.kind}]


def _login(channel: LiveChannel) -> str:
    if channel.profile is not None:
        return channel.profile.login
    return channel.broadcast.login if channel.broadcast is not None else channel.channel_id


def _host(request: web.Request) -> str:
    """The host that the client asked, if it can be one."""
    return request.host if HOST.fullmatch(request.host) else "localhost"
