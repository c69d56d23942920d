"""`/vod/{vod_id}/chat`: the chat that a VOD is watched with."""

from collections import OrderedDict
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from schemas.errors import KeysUnavailableError, SchemaError
from sinks.archive.vods import Vod
from sinks.chat.replay import ChatReplay, Timeline, Turn
from sinks.helix.calls import Calls
from sinks.helix.errors import HelixError, bad_request, not_found
from streams.errors import StreamingError
from streams.objects import ObjectMissingError, Objects

WINDOW_S = 300.0
"""Longest stretch of one answer."""
TIMELINES = 1_000
"""VODs whose time lines are remembered, some 200 bytes each."""


class Metadata(msgspec.Struct, frozen=True):
    """What is read of a VOD's `metadata.json`."""

    timeline: tuple[Turn, ...]


class VodChats:
    """Chats of VODs."""

    def __init__(self, replay: ChatReplay, objects: Objects) -> None:
        self.replay = replay
        self._objects = objects
        self._timelines: OrderedDict[tuple[str, int], Timeline] = OrderedDict()

    async def timeline(self, vod: Vod) -> Timeline:
        """A VOD's time line.

        Raises:
            ObjectMissingError, msgspec.DecodeError: its metadata are not there, or damaged.
        """
        key = vod.vod_id, vod.archived.revision
        found = self._timelines.get(key)
        if found is None:
            data = await self._objects.get(vod.address("metadata.json"))
            found = self._timelines[key] = Timeline(msgspec.json.decode(data, type=Metadata).timeline)
            if len(self._timelines) > TIMELINES:
                self._timelines.popitem(last=False)
        return found


def router(calls: Calls, chats: VodChats) -> APIRouter:
    """The routes, as they are at the edge."""
    routes = APIRouter(tags=["vod"])

    @routes.get("/vod/{vod_id}/chat")
    async def chat(
        response: Response,
        vod_id: str,
        begin: Annotated[float, Query(alias="from", ge=0)],
        end: Annotated[float, Query(alias="to", ge=0)],
    ) -> dict[str, Any]:
        """What was shown between two times of a VOD, in seconds, as moderation has left it. `to` is how far the answer goes."""
        vod = calls.views.vods.get(vod_id)
        if vod is None:
            not_found(f"There is no VOD {vod_id!r}; it may have been deleted")
        if not begin < end <= begin + WINDOW_S:
            bad_request(f"from and to: seconds of the VOD, at most {WINDOW_S:g} apart")
        try:
            timeline = await chats.timeline(vod)
            walls = timeline.wall(round(begin * 1_000)), timeline.wall(round(end * 1_000))
            part = await chats.replay.between(vod.archived.channel_id, *walls)
        except (ObjectMissingError, msgspec.DecodeError) as cause:
            raise HelixError(HTTPStatus.NOT_FOUND, "The VOD's metadata cannot be read: ./chronicast scrub mends it") from cause
        except (StreamingError, SchemaError, KeysUnavailableError) as cause:
            raise HelixError(HTTPStatus.SERVICE_UNAVAILABLE, f"The chat cannot be read: {cause}", {"Retry-After": "5"}) from cause
        response.headers["Cache-Control"] = "no-store"  # moderation may come at any time
        until = end if part.until >= walls[1] else timeline.at(part.until) / 1_000
        lines = [{"at": timeline.at(line.time) / 1_000, "event": line.event} for line in part.lines]
        return {"vod_id": vod_id, "from": begin, "to": until, "lines": lines}

    return routes
