"""Whether a channel's media are open: what the edge asks of this origin before it serves them to anybody."""

from aiohttp import web

from sinks.origin.problem import ProblemError, starting
from sinks.origin.views import Views
from streams.edges.passes import admits, required

FRESH = "max-age=1"
"""How old an answer may be: a channel that is restricted is closed to strangers so soon."""


class Access:
    """The route that edges ask; infra/nginx.conf lets nobody else."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def routes(self) -> list[web.RouteDef]:
        """One."""
        return [web.get("/access-check", self.access)]

    async def access(self, request: web.Request) -> web.Response:
        """204, or 403: `X-Place` says whose media, `X-Grant` what a pass of which the edge has checked the signature grants."""
        if not self._views.caught_up:
            raise starting()
        channel_id = self._channel(request.headers.get("X-Place", ""))
        channel = self._views.by_id(channel_id) if channel_id else None
        needed = required(channel.profile) if channel is not None and channel.profile is not None else ""
        whose, _, granted = request.headers.get("X-Grant", "").partition("/")
        if channel_id is not None and admits(needed, granted if whose == channel_id else ""):
            return web.Response(status=204, headers={"Cache-Control": FRESH})
        problem = ProblemError(403, "restricted", "the channel is restricted", "ask /api/playback for a signed playback URL")
        problem.headers["Cache-Control"] = FRESH
        raise problem

    def _channel(self, place: str) -> str | None:
        """The channel that an address belongs to; empty where there is none, so that the answer is that there is none; None is refused."""
        kind, _, name = place.partition("/")
        if kind == "channel":
            return name
        if kind == "login":
            channel = self._views.by_login(name)
            return "" if channel is None else channel.channel_id
        if kind == "vod":
            vod = self._views.vods.get(name)
            return "" if vod is None else vod.archived.channel_id
        if kind == "clip":
            clip = self._views.clips.get(name)
            return "" if clip is None else clip.asked.channel_id
        return None
