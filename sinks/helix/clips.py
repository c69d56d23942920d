"""`/helix/clips`: create and read clips; and `/api/clips`, which anybody may read, for the page."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from processors.clips.fold import LONGEST_MS, SHORTEST_MS
from schemas.errors import KeysUnavailableError
from schemas.events import CreateClip
from sinks.chat.sending import InvalidCommandError
from sinks.clips.clips import Clip, describe
from sinks.helix.calls import Calls, First, page
from sinks.helix.errors import HelixError, bad_request, forbidden, not_found
from sinks.helix.tokens import Caller
from streams.clock import now_us
from streams.edges.clips import ClipEdge
from streams.envelope import rfc3339
from streams.errors import StreamingError

USUAL_S = 30.0
"""Length where none is given, as Twitch's."""
DELAY_US = 2_000_000
"""Between camera and viewer where a client does not say what it shows: low latency is at 1 s, normal at 5 s."""
BACK_US = 2 * 3_600_000_000
"""How far back a viewer can have rewound."""
AHEAD_US = 5_000_000
"""Clients' clocks may be ahead by so much; what is not there yet is waited for."""


def router(calls: Calls, edge: ClipEdge) -> APIRouter:
    """The routes, relative to `/helix`."""
    routes = APIRouter(tags=["clips"])

    @routes.post("/clips", status_code=HTTPStatus.ACCEPTED)
    async def create(
        caller: Annotated[Caller, Depends(calls.caller)],
        broadcaster_id: str,
        *,
        title: str = "",
        duration: float = USUAL_S,
        at: int | None = None,
        vod_id: str | None = None,
        offset: float = 0.0,
    ) -> dict[str, Any]:
        """Asks for a clip.

        Of what is live, up to `at` (milliseconds since 1970, the picture that is on screen), or of a VOD, from `offset` seconds on.
        """
        user = calls.user(caller)
        channel = calls.channel(broadcaster_id)
        if any(ban.user_id == user.channel_id for ban in calls.views.bans(channel.channel_id)):
            forbidden("You are banned from this channel's chat, so you may not make clips of it")
        duration_ms = round(duration * 1_000)
        if not SHORTEST_MS <= duration_ms <= LONGEST_MS:
            bad_request(f"duration: {duration:g} s cannot be: a clip has {SHORTEST_MS // 1_000} to {LONGEST_MS // 1_000} s")
        if offset < 0:
            bad_request("offset: a clip cannot begin before its VOD")
        asked = CreateClip(
            channel_id=channel.channel_id,
            clip_id="",
            creator_id=user.channel_id,
            title=title,
            source="live" if vod_id is None else "vod",
            vod_id=vod_id,
            ends_at=_moment(at) if vod_id is None else 0,
            offset_ms=0 if vod_id is None else round(offset * 1_000),
            duration_ms=duration_ms,
        )
        try:
            clip_id = await edge.create(asked)
        except InvalidCommandError as cause:
            bad_request(f"title: {cause}")
        except (StreamingError, KeysUnavailableError) as cause:
            raise HelixError(
                HTTPStatus.SERVICE_UNAVAILABLE, "The log does not take events now: try again", {"Retry-After": "10"}
            ) from cause
        return {"data": [{"id": clip_id, "edit_url": f"/clips/{clip_id}"}]}

    @routes.get("/clips")
    async def clips(
        caller: Annotated[Caller, Depends(calls.caller)],
        ids: Annotated[list[str], Query(alias="id", default_factory=list)],
        broadcaster_id: str | None = None,
        first: First = 20,
        after: str = "",
    ) -> dict[str, Any]:
        """Clips that are ready, by id or channel, newest first."""
        if not ids and broadcaster_id is None:
            bad_request("id or broadcaster_id is missing")
        found = calls.views.clips.all(broadcaster_id)
        ready = [clip for clip in found if clip.status == "ready" and (not ids or clip.asked.clip_id in ids)]
        rows, pagination = page(ready, first, after)
        return {"data": [helix(calls, clip) for clip in rows], "pagination": pagination}

    @routes.post("/clips/retry", status_code=HTTPStatus.ACCEPTED)
    async def retry(caller: Annotated[Caller, Depends(calls.caller)], id: str) -> dict[str, Any]:  # noqa: A002 - Helix's word
        """Tries a clip that failed again: for its creator, and the channel's moderators."""
        user = calls.user(caller)
        clip = calls.views.clips.get(id)
        if clip is None:
            not_found(f"There is no clip {id!r}")
        if user.channel_id != clip.asked.creator_id and not calls.moderates(user.channel_id, clip.asked.channel_id):
            forbidden("Only its creator and the channel's moderators may try a clip again")
        if clip.status != "failed":
            bad_request(f"The clip is {clip.status}: only one that failed can be tried again")
        try:
            await edge.retry(clip.asked.channel_id, id)
        except StreamingError as cause:
            raise HelixError(
                HTTPStatus.SERVICE_UNAVAILABLE, "The log does not take events now: try again", {"Retry-After": "10"}
            ) from cause
        return {"data": [{"id": id, "edit_url": f"/clips/{id}"}]}

    return routes


def public(calls: Calls) -> APIRouter:
    """What anybody may read, relative to `/api`."""
    routes = APIRouter(tags=["clips"])

    @routes.get("/clips")
    async def clips(channel: str | None = None, first: First = 20) -> dict[str, Any]:
        """Clips, newest first; of a channel by its login."""
        owner = calls.views.accounts.by_login(channel.lower()) if channel is not None else None
        if channel is not None and owner is None:
            not_found(f"There is no channel {channel!r}")
        found = calls.views.clips.all(owner.channel_id if owner is not None else None)
        return {"clips": [told(calls, clip) for clip in found[:first]]}

    @routes.get("/clips/{clip_id}")
    async def clip(clip_id: str) -> dict[str, Any]:
        """One clip, and where it stands."""
        found = calls.views.clips.get(clip_id)
        if found is None:
            not_found(f"There is no clip {clip_id!r}; one that was asked for just now is there in a moment")
        return told(calls, found)

    return routes


def _moment(at: int | None) -> int:
    """Where a live clip ends, UTC microseconds."""
    now = now_us()
    if at is None:
        return now - DELAY_US
    moment = at * 1_000
    if not now - BACK_US <= moment <= now + AHEAD_US:
        bad_request("at: the moment on screen lies within the last two hours, in milliseconds since 1970; older ones are in the VOD")
    return moment


def told(calls: Calls, clip: Clip) -> dict[str, Any]:
    """A clip with its title and names."""
    owner, creator = calls.views.accounts.by_id(clip.asked.channel_id), calls.views.accounts.by_id(clip.asked.creator_id)
    return {
        **describe(clip),
        "title": str(clip.asked.title),
        "login": owner.login if owner is not None else "",
        "display_name": owner.display_name if owner is not None else "",
        "creator": creator.display_name if creator is not None else "",
    }


def helix(calls: Calls, clip: Clip) -> dict[str, Any]:
    """A clip as Helix has it."""
    found = told(calls, clip)
    return {
        "id": found["clip_id"],
        "url": found["page"],
        "embed_url": found["page"],
        "broadcaster_id": found["channel_id"],
        "broadcaster_name": found["display_name"],
        "creator_id": found["creator_id"],
        "creator_name": found["creator"],
        "video_id": found["vod_id"] or "",
        "game_id": "",
        "language": "",
        "title": found["title"],
        "view_count": 0,
        "created_at": rfc3339(clip.asked.created_at),
        "thumbnail_url": found["thumbnail"],
        "duration": found["duration_ms"] / 1_000,
        "vod_offset": clip.asked.offset_ms // 1_000 if clip.asked.source == "vod" else None,
        "is_featured": False,
    }
