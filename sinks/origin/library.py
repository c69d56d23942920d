"""VODs over HTTP: their objects by the names that they have in the archive, and lists of them."""

import asyncio
import re

from aiohttp import web

from processors.transcode.ladder import Source, below
from processors.vod.documents import MANIFEST
from schemas.events import MakeRendition
from sinks.archive.vods import Vod, describe
from sinks.origin.api import json_answer
from sinks.origin.document import PLAYLIST, Document
from sinks.origin.media import Media, answer
from sinks.origin.problem import missing, starting, unknown_channel, unknown_rendition_of_vod, unknown_vod
from sinks.origin.views import Views
from streams.media import address
from streams.objects import ObjectMissingError, Objects
from streams.publisher import Publisher

MEDIA = re.compile(r"(?P<rendition>\w{1,32})/(?:init-\d{1,18}\.mp4|\d{5,18}\.m4s)", re.ASCII)
DOCUMENT = re.compile(
    r"manifest\.m3u8|metadata\.json|segments\.json|\w{1,32}/(?:index|iframes)\.m3u8|thumbnails/(?:[\w-]{1,64}\.jpg|sprites\.vtt)", re.ASCII
)
"""What lies in a VOD's folder: nothing else is served."""
TYPES = {"m3u8": PLAYLIST, "json": "application/json", "vtt": "text/vtt; charset=utf-8", "jpg": "image/jpeg"}
FRESH = "max-age=60"
"""How old a document may be: a repair or another rendition writes it anew, and a deleted VOD is soon gone."""
MOST = 1_000
"""VODs in a list."""


class Library:
    """The routes under /vod and /api/vods."""

    def __init__(self, views: Views, objects: Objects, media: Media, publisher: Publisher) -> None:
        self._views = views
        self._publisher = publisher
        self._asked: set[tuple[str, str]] = set()
        """VODs and renditions whose job is on the log."""
        self._objects = objects
        self._media = media

    def routes(self) -> list[web.RouteDef]:
        """All of them; HEAD is answered too."""
        return [
            web.get("/vod/{vod_id}/master.m3u8", self.manifest),
            web.get("/vod/{vod_id}/{path:.+}", self.object),
            web.get("/api/vods", self.vods),
            web.get("/api/vods/{vod_id}", self.vod),
            web.get("/api/vods/{vod_id}/renditions/{rendition}", self.rendition),
            web.post("/api/vods/{vod_id}/renditions/{rendition}", self.make),
        ]

    async def manifest(self, request: web.Request) -> web.Response:
        """The multivariant playlist."""
        return await self._document(request, self._find(request), MANIFEST)

    async def object(self, request: web.Request) -> web.Response:
        """Any other object of a VOD, by its name in the archive."""
        vod, path = self._find(request), request.match_info["path"]
        named = MEDIA.fullmatch(path)
        if named is not None:
            kind = "audio/mp4" if named["rendition"] == "audio" else "video/mp4"
            return answer(request, await self._media.object(vod.address(path)), kind)
        if DOCUMENT.fullmatch(path) is None:
            raise missing(path)
        return await self._document(request, vod, path)

    async def vods(self, request: web.Request) -> web.Response:
        """VODs, newest first; `?channel=LOGIN` for those of one channel."""
        if not self._views.caught_up:
            raise starting()
        login = request.query.get("channel")
        if login is not None and self._views.by_login(login) is None:
            raise unknown_channel(login)
        found = self._views.vods.all(None if login is None else login.lower())
        return json_answer({"vods": [describe(vod) for vod in found[:MOST]]})

    async def vod(self, request: web.Request) -> web.Response:
        """One VOD."""
        return json_answer(describe(self._find(request)))

    async def rendition(self, request: web.Request) -> web.Response:
        """Whether a VOD has a rendition, and the job that makes it."""
        vod, name = self._find(request), request.match_info["rendition"]
        found = {"vod_id": vod.vod_id, "rendition": name, "job_id": address.rendition_job(vod.vod_id, name)}
        return json_answer({**found, "ready": name in vod.archived.renditions})

    async def make(self, request: web.Request) -> web.Response:
        """Asks for a rendition: made once, however often and by whomever it is asked for."""
        vod, name = self._find(request), request.match_info["rendition"]
        made = vod.archived
        ladder = [one.name for one in below(Source(made.width, made.height, made.frame_rate))]
        if name not in {*ladder, *made.renditions}:
            raise unknown_rendition_of_vod(vod.vod_id, name, ladder)
        if name not in made.renditions and (vod.vod_id, name) not in self._asked:
            job = address.rendition_job(vod.vod_id, name)
            order = MakeRendition(event_id=job, channel_id=made.channel_id, vod_id=vod.vod_id, rendition=name, job_id=job)
            await asyncio.wrap_future(self._publisher.publish(order))
            self._asked.add((vod.vod_id, name))
        return await self.rendition(request)

    async def _document(self, request: web.Request, vod: Vod, path: str) -> web.Response:
        try:
            data = await self._objects.get(vod.address(path))
        except ObjectMissingError as cause:
            raise missing(path) from cause
        kind = TYPES[path.rpartition(".")[2]]
        if kind == TYPES["jpg"]:
            return answer(request, data, kind, FRESH)
        return Document(data.decode(), kind).answer(request, FRESH)

    def _find(self, request: web.Request) -> Vod:
        if not self._views.caught_up:
            raise starting()
        vod_id = request.match_info["vod_id"]
        vod = self._views.vods.get(vod_id)
        if vod is None:
            raise unknown_vod(vod_id)
        return vod
