"""The read API: a channel, its renditions, and where the time goes."""

from typing import Any

import msgspec
from aiohttp import web

from processors.playlist.rendition import rendition
from processors.playlist.text import date_time
from sinks.origin.channel import LiveChannel
from sinks.origin.stages import Stages
from sinks.origin.views import Views
from streams.clock import now_us
from streams.fold import Clock

HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache", "Content-Type": "application/json"}


class Api:
    """The routes under /api that read, and /time."""

    def __init__(self, views: Views, stages: Stages, clock: Clock = now_us) -> None:
        self._views = views
        self._stages = stages
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get("/api/channels/{login}", self.channel),
            web.get("/api/channels/{login}/latency", self.latency),
            web.get("/time", self.time),
        ]

    async def channel(self, request: web.Request) -> web.Response:
        """One channel, live or not."""
        return json_answer(describe(self._views.asked(request), self._clock()))

    async def latency(self, request: web.Request) -> web.Response:
        """What each stage between camera and screen took lately, beside its budget."""
        channel = self._views.asked(request)
        return json_answer({"channel_id": channel.channel_id, "stages": self._stages.table(channel.channel_id)})

    async def time(self, _: web.Request) -> web.Response:
        """The wall clock as xs:dateTime, by which players place themselves (DASH UTCTiming)."""
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
        return web.Response(text=date_time(self._clock()), headers=headers)


def describe(channel: LiveChannel, now: int) -> dict[str, Any]:
    """A channel as the API tells it at a moment, microseconds."""
    profile, broadcast = channel.profile, channel.broadcast
    login = profile.login if profile is not None else broadcast.login if broadcast is not None else channel.channel_id
    found: dict[str, Any] = {
        "channel_id": channel.channel_id,
        "login": login,
        "display_name": profile.display_name if profile is not None else login,
        "live": channel.live,
        "state": broadcast.state if broadcast is not None else "offline",
        "category": profile.category if profile is not None else "",
        "language": profile.language if profile is not None else "",
        "mature": profile.mature if profile is not None else False,
        "subscribers_only": profile.watch_subscribers_only if profile is not None else False,
        "tier": profile.tier if profile is not None else broadcast.tier if broadcast is not None else "regular",
        "title": "",
        "session_id": None,
        "started_at": None,
        "ended_at": None,
        "viewers": channel.viewers(now) if channel.live else 0,
        "renditions": [],
    }
    if broadcast is not None:
        found["session_id"] = broadcast.session_id
        found["started_at"] = date_time(broadcast.started_at)
        found["ended_at"] = date_time(broadcast.ended_at) if broadcast.ended_at is not None else None
        found["title"] = broadcast.title
        found["category"] = broadcast.category or found["category"]
        found["language"] = broadcast.language or found["language"]
    if channel.live:
        folder = f"/live/{login}"
        found["renditions"] = [
            {**rendition(listing), "playlist": f"{folder}/{listing.rendition}.m3u8"} for listing in channel.playable(parts=True)
        ]
        found["playlists"] = {
            "hls": f"{folder}/master.m3u8",
            "hls_normal": f"{folder}/master.m3u8?latency=normal",
            "hls_classic": f"{folder}/classic.m3u8",
            "dash": f"{folder}/manifest.mpd",
        }
    return found


def json_answer(content: Any) -> web.Response:
    """An answer for programs."""
    return web.Response(body=msgspec.json.encode(content), headers=HEADERS)
