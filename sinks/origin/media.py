"""Media objects over HTTP: immutable, by range, and waited for where a player asks for the next part ahead."""

import asyncio
import re
from collections.abc import Sequence
from typing import NamedTuple

from aiohttp import hdrs, web
from multidict import CIMultiDict

from processors.playlist.state import DECLARED, SEGMENTS, Declared, declared_key, segment_key
from sinks.origin.cache import ObjectCache
from sinks.origin.channel import LiveChannel
from sinks.origin.problem import ProblemError, missing
from sinks.origin.transport_stream import to_transport_stream
from sinks.origin.views import Views
from streams.objects import ObjectMissingError, Objects

IMMUTABLE = "public, max-age=31536000, immutable"
ADDRESS = re.compile(
    r"(?P<channel>\d{1,20})/(?P<session>[\w-]{1,64})/(?P<rendition>\w{1,32})/"
    r"(?:init-\d{1,18}\.mp4|(?P<sequence>\d{1,18})(?:(?:\.(?P<part>\d{1,4}))?\.m4s|(?:-(?P<last>\d{1,18}))?\.(?P<suffix>ts)))",
    re.ASCII,
)
"""What `streams.media.address` writes: nothing else in the store is served."""
MOST_JOINED = 2
"""Segments in one of MPEG-TS: what a classic playlist lists."""
HINT_S = 6.0
"""Longest wait for a hinted part: three target durations."""


class Place(NamedTuple):
    """What an address names."""

    channel_id: str
    session_id: str
    rendition: str
    media_sequence: int
    part: int | None


class Media:
    """The routes under /media."""

    def __init__(self, views: Views, objects: Objects, cache_bytes: int) -> None:
        self._views = views
        self._objects = objects
        self._cache = ObjectCache(self._load, cache_bytes)

    def routes(self) -> list[web.RouteDef]:
        """All of them; HEAD is answered too."""
        return [web.get("/media/{address:.+}", self.media)]

    async def object(self, address: str) -> bytes:
        """An immutable object by its address in the store.

        Raises:
            ProblemError: there is none.
        """
        try:
            return await self._cache.get(address)
        except ObjectMissingError as cause:
            raise missing(address) from cause

    async def media(self, request: web.Request) -> web.Response:
        """An object, or a range of it."""
        address = request.match_info["address"]
        named = ADDRESS.fullmatch(address)
        if named is None:
            raise missing(address)
        if named["part"] is not None:
            await self._hinted(_place(named))
        return answer(request, await self.object(address), _content_type(address, named["rendition"]))

    async def _hinted(self, place: Place) -> None:
        """Waits for a part that the session has not come to yet; what it has passed, or never was, is left to the store."""
        channel = self._views.by_id(place.channel_id)
        if channel is None or channel.window.session_id != place.session_id:
            return
        last, parts = channel.window.edge(place.rendition)
        ahead = (last, 0) < (place.media_sequence, 0) <= (last + 2, 0) and (place.media_sequence, place.part or 0) >= (last + 1, parts)
        if ahead and channel.window.alive(place.rendition) and not channel.over(place.rendition):
            await channel.until(place, lambda: _has_come(channel, place), HINT_S)

    async def _load(self, address: str) -> bytes:
        named = ADDRESS.fullmatch(address)
        if named is None or named["suffix"] is None:
            return await self._objects.get(address)
        first, last = int(named["sequence"]), int(named["last"] or named["sequence"])
        if not first <= last < first + MOST_JOINED:
            raise ObjectMissingError(address)
        places = [_place(named)._replace(media_sequence=number) for number in range(first, last + 1)]
        picture = [self._track(place, named["rendition"]) for place in places]
        sound = [self._track(place, "audio") for place in places]
        if any(track is None or track.declared.kind != "video" for track in picture):
            raise ObjectMissingError(address)
        fragments = [
            await self._joined(found) for tracks in (picture, sound) if (found := [track for track in tracks if track is not None])
        ]
        return await asyncio.to_thread(to_transport_stream, *fragments)

    def _track(self, place: Place, rendition: str) -> "_Track | None":
        """A rendition's whole segment at a place in the window."""
        channel = self._views.by_id(place.channel_id)
        if channel is None or channel.window.session_id != place.session_id:
            return None
        segment = channel.rows[SEGMENTS].get(segment_key(rendition, place.media_sequence))
        if segment is None or not segment.whole:
            return None
        declared = channel.rows[DECLARED].get(declared_key(place.session_id, rendition, segment.discontinuity))
        return None if declared is None else _Track(declared, segment.address)

    async def _joined(self, tracks: "Sequence[_Track]") -> bytes:
        """Segments of one track behind the initialisation segment that they share."""
        addresses = [tracks[0].declared.address, *(track.address for track in tracks)]
        return b"".join(await asyncio.gather(*(self._cache.get(address) for address in addresses)))


class _Track(NamedTuple):
    declared: Declared
    address: str


def _place(named: re.Match[str]) -> Place:
    part = None if named["part"] is None else int(named["part"])
    return Place(named["channel"], named["session"], named["rendition"], int(named["sequence"]), part)


def _has_come(channel: LiveChannel, place: Place) -> bool:
    """Whether the part is there, or never will be."""
    window = channel.window
    return (
        window.session_id != place.session_id
        or window.holds(place.rendition, place.media_sequence, place.part)
        or place.media_sequence <= window.edge(place.rendition).last
        or channel.over(place.rendition)
    )


def _content_type(address: str, rendition: str) -> str:
    if address.endswith(".ts"):
        return "video/mp2t"
    return "audio/mp4" if rendition == "audio" else "video/mp4"


def answer(request: web.Request, data: bytes, content_type: str, cache_control: str = IMMUTABLE) -> web.Response:
    """The whole, or the one range that was asked for (RFC 9110 section 14)."""
    headers = CIMultiDict(
        (
            (hdrs.CONTENT_TYPE, content_type),
            (hdrs.CACHE_CONTROL, cache_control),
            (hdrs.ACCEPT_RANGES, "bytes"),
            (hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        )
    )
    wanted = request.headers.get(hdrs.RANGE)
    if wanted is None or not wanted.startswith("bytes=") or "," in wanted:  # other units and several ranges: the whole is a right answer
        return web.Response(body=data, headers=headers)
    try:
        asked = request.http_range
    except ValueError:
        return web.Response(body=data, headers=headers)
    begin, end, _ = asked.indices(len(data))
    if begin >= end:
        raise _unsatisfiable(len(data))
    headers[hdrs.CONTENT_RANGE] = f"bytes {begin}-{end - 1}/{len(data)}"
    return web.Response(status=206, body=data[begin:end], headers=headers)


def _unsatisfiable(size: int) -> ProblemError:
    problem = ProblemError(416, "range_not_satisfiable", f"the range lies outside the {size} bytes", "ask for a range within them")
    problem.headers[hdrs.CONTENT_RANGE] = f"bytes */{size}"
    return problem
