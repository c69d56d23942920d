"""`POST /helix/streams` and `/helix/streams/key`: what somebody needs to go live. Ours: Twitch has them on pages."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from processors.routing.choice import assigned, candidates
from schemas.events import ChannelProfile
from sinks.helix.calls import Calls
from sinks.helix.errors import HelixError, not_found
from sinks.helix.tokens import Caller
from streams.clock import now_us
from streams.edges.stream_keys import rekeyed

SHOWN_ONCE = "A stream key is shown once, when it is made, and only its hash is kept: POST /helix/streams/key makes a new one"
Microseconds = Annotated[int, Field(ge=0, le=60_000_000)]
North = Annotated[float, Field(ge=-90, le=90)]
East = Annotated[float, Field(ge=-180, le=180)]


class Stream(BaseModel):
    """Body of POST streams: where the client is, and the round trips that it measured, microseconds by node."""

    latency: Literal["low", "normal"] = "low"
    latitude: North | None = None
    longitude: East | None = None
    measured_us: Annotated[dict[str, Microseconds], Field(max_length=100)] = {}


def router(calls: Calls, playback: Callable[[ChannelProfile], str]) -> APIRouter:
    """The routes, relative to `/helix`. `playback` gives the address before `/live/` of an owner's channel."""
    routes = APIRouter(tags=["streams"])
    By = Annotated[Caller, Depends(calls.caller)]  # noqa: N806 - a type

    @routes.post("/streams", status_code=HTTPStatus.CREATED)
    async def create(response: Response, caller: By, body: Stream) -> dict[str, Any]:
        """An ingest endpoint, a new stream key and the address to watch at, usable at once."""
        user = calls.user(caller)
        client = None if body.latitude is None or body.longitude is None else (body.latitude, body.longitude)
        routes_, now = calls.views.routes, now_us()
        found = candidates(routes_.nodes(), client, body.measured_us, routes_.given(now), now)
        decision = assigned(user.channel_id, client, found)
        node = routes_.node(decision.node_id)
        if node is None:
            await calls.written(response, decision)
            raise HelixError(HTTPStatus.SERVICE_UNAVAILABLE, "No ingest node takes publishers now", {"Retry-After": "5"})
        key = await _rekey(calls, response, user, decision)
        slow = "" if body.latency == "low" else "?latency=normal"
        told = {
            "ingest_endpoint": node.url,
            "ingest_node": node.node_id,
            "stream_key": key,
            "playback_url": f"{playback(user)}/live/{user.login}/master.m3u8{slow}",
            "latency": body.latency,
        }
        return {"data": [told]}

    @routes.get("/streams/key")
    async def shown(caller: By, broadcaster_id: str) -> None:
        """None is shown again."""
        calls.user(caller, broadcaster_id, "broadcaster_id")
        not_found(SHOWN_ONCE)

    @routes.post("/streams/key")
    async def renew(response: Response, caller: By, broadcaster_id: str) -> dict[str, Any]:
        """A new stream key; the present one is refused from now on."""
        user = calls.user(caller, broadcaster_id, "broadcaster_id")
        return {"data": [{"stream_key": await _rekey(calls, response, user)}]}

    return routes


async def _rekey(calls: Calls, response: Response, user: ChannelProfile, *before: Any) -> str:
    """Gives a channel that is not live a new key, after some other events.

    Raises:
        HelixError: it is live: its encoder could not come back.
    """
    listed = calls.views.directory.channel(user.channel_id)
    if listed is not None and listed.live:
        raise HelixError(HTTPStatus.CONFLICT, "The channel is live: a new key would cut it off. End the stream first")
    profile, key = rekeyed(user)
    await calls.written(response, *before, profile)
    response.headers["Cache-Control"] = "no-store"
    return key
