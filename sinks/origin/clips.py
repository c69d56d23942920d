"""Clips over HTTP: their video and their picture; while one is being made, the nearest picture of the stream that it is cut from."""

from aiohttp import web

from processors.vod.pictures import INTERVAL_S
from schemas.events import ClipRequested
from sinks.clips.clips import Clip
from sinks.origin.media import answer
from sinks.origin.problem import ProblemError, starting
from sinks.origin.views import Views
from streams.media import address
from streams.objects import ObjectMissingError, Objects

FRESH = "no-cache"
"""Of a picture that the clip's own takes the place of in a moment."""
NEAR = 3
"""Pictures looked at: the one before the newest is there even where the newest is being taken."""


class ClipMedia:
    """The routes under /clips."""

    def __init__(self, views: Views, objects: Objects) -> None:
        self._views = views
        self._objects = objects

    def routes(self) -> list[web.RouteDef]:
        """All of them; HEAD is answered too."""
        return [web.get("/clips/{clip_id}/video.mp4", self.video), web.get("/clips/{clip_id}/thumb.jpg", self.thumbnail)]

    async def video(self, request: web.Request) -> web.Response:
        """The MP4, or a range of it."""
        clip = self._find(request)
        if clip.ready is None:
            raise _unready(clip)
        return answer(request, await self._object(clip.ready.address), "video/mp4")

    async def thumbnail(self, request: web.Request) -> web.Response:
        """The picture from its middle, or one near it."""
        clip = self._find(request)
        if clip.ready is not None:
            return answer(request, await self._object(clip.ready.thumbnail_address), "image/jpeg")
        for place in self._near(clip.asked):
            try:
                return answer(request, await self._objects.get(place), "image/jpeg", FRESH)
            except ObjectMissingError:
                continue
        raise _unready(clip)

    async def _object(self, place: str) -> bytes:
        try:
            return await self._objects.get(place)
        except ObjectMissingError as cause:
            raise ProblemError(
                404, "no_such_object", f"there is no object {place!r}", "the operator finds it in a copy of the store"
            ) from cause

    def _near(self, asked: ClipRequested) -> list[str]:
        """Addresses of the pictures nearest to a clip's end, newest first: they are taken each ten seconds of media."""
        if asked.source == "vod":
            vod_id, seconds = asked.vod_id or "", asked.offset_ms / 1_000
        else:
            channel = self._views.by_id(asked.channel_id)
            if channel is None or channel.broadcast is None:
                return []
            vod_id = address.vod_id(channel.broadcast.session_id)
            seconds = max(0.0, (asked.ends_at - channel.broadcast.started_at) / 1_000_000)
        newest = int(seconds // INTERVAL_S)
        found = [address.vod_thumbnail(number) for number in range(newest, max(-1, newest - NEAR), -1)]
        return [address.vod(asked.channel_id, vod_id, path) for path in found]

    def _find(self, request: web.Request) -> Clip:
        if not self._views.caught_up:
            raise starting()
        clip_id = request.match_info["clip_id"]
        clip = self._views.clips.get(clip_id)
        if clip is None:
            raise ProblemError(404, "unknown_clip", f"there is no clip {clip_id!r}", "/api/clips lists those that are there")
        return clip


def _unready(clip: Clip) -> ProblemError:
    what = "could not be made" if clip.status == "failed" else "is being made"
    fix = f"/api/clips/{clip.asked.clip_id} says why" if clip.status == "failed" else "try again in a second"
    return ProblemError(404, f"clip_{clip.status}", f"the clip {what}", fix)
