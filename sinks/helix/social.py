"""`/helix/users/follows`, `/helix/subscriptions`, `/helix/raids`: what users and channels do to each other."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from schemas.events import Followed, Raided, Unfollowed
from sinks.eventsub.notices import TIERS
from sinks.helix.calls import Calls, First, page
from sinks.helix.channels import broadcaster
from sinks.helix.errors import HelixError, bad_request, not_found
from sinks.helix.streams import Many
from sinks.helix.tokens import Caller
from sinks.helix.users import named
from streams.clock import now_us
from streams.envelope import rfc3339

POINTS = {"1000": 1, "2000": 2, "3000": 6}
"""Subscriber points of a tier, as Helix documents."""


def router(calls: Calls) -> APIRouter:
    """The routes, relative to `/helix`."""
    routes = APIRouter(tags=["social"])
    nothing = HTTPStatus.NO_CONTENT
    By = Annotated[Caller, Depends(calls.caller)]  # noqa: N806 - a type
    directory = calls.views.directory

    @routes.post("/users/follows", status_code=nothing, response_class=Response)
    async def follow(response: Response, caller: By, from_id: str, to_id: str) -> None:
        """The caller follows a channel from now on; nothing happens where he does already."""
        user, channel = calls.user(caller, from_id, "from_id"), calls.channel(to_id)
        if user.channel_id == channel.channel_id:
            bad_request("from_id and to_id are the same: nobody follows himself")
        if to_id not in directory.following(from_id):
            await calls.written(response, Followed(channel_id=to_id, user_id=from_id))

    @routes.delete("/users/follows", status_code=nothing, response_class=Response)
    async def unfollow(response: Response, caller: By, from_id: str, to_id: str) -> None:
        """The caller follows it no more."""
        calls.user(caller, from_id, "from_id")
        calls.channel(to_id)
        if to_id in directory.following(from_id):
            await calls.written(response, Unfollowed(channel_id=to_id, user_id=from_id))

    @routes.get("/subscriptions")
    async def subscriptions(caller: By, broadcaster_id: str, user_id: Many, first: First = 20, after: str = "") -> dict[str, Any]:
        """The caller's subscribers."""
        channel = calls.user(caller, broadcaster_id, "broadcaster_id")
        all_ = directory.subscribers(broadcaster_id)
        found = [(user, each) for user, each in all_.items() if not user_id or user in user_id]
        part = page(found, first, after)
        by_id = calls.views.accounts.by_id
        rows = []
        for user, each in part.rows:
            gifter = named(by_id(each.gifter_id or ""), each.gifter_id or "")
            rows.append(
                {
                    **broadcaster(named(channel, broadcaster_id)),
                    **{name.replace("user_", "gifter_"): value for name, value in gifter.items()},
                    "is_gift": each.gifter_id is not None,
                    "plan_name": each.plan,
                    "tier": TIERS[each.plan],
                    **named(by_id(user), user),
                }
            )
        points = sum(POINTS[TIERS[each.plan]] for each in all_.values())
        return {"data": rows, "pagination": part.pagination, "total": len(all_), "points": points}

    @routes.get("/subscriptions/user")
    async def subscription(caller: By, broadcaster_id: str, user_id: str) -> dict[str, Any]:
        """The caller's own subscription to a channel."""
        calls.user(caller, user_id, "user_id")
        channel = calls.channel(broadcaster_id)
        found = directory.subscribers(broadcaster_id).get(user_id)
        if found is None:
            not_found("The user is not subscribed to this broadcaster")
        told = {"is_gift": found.gifter_id is not None, "tier": TIERS[found.plan]}
        return {"data": [{**broadcaster(named(channel, broadcaster_id)), **told}]}

    @routes.post("/raids")
    async def raid(response: Response, caller: By, from_broadcaster_id: str, to_broadcaster_id: str) -> dict[str, Any]:
        """The caller sends his viewers to another live channel."""
        user, target = calls.user(caller, from_broadcaster_id, "from_broadcaster_id"), calls.channel(to_broadcaster_id)
        if user.channel_id == target.channel_id:
            bad_request("from_broadcaster_id and to_broadcaster_id are the same: nobody raids himself")
        own, their = directory.channel(user.channel_id), directory.channel(target.channel_id)
        if own is None or not own.live or their is None or not their.live:
            raise HelixError(HTTPStatus.CONFLICT, "Both channels have to be live for a raid")
        raided = Raided(channel_id=target.channel_id, from_channel_id=user.channel_id, viewers=own.viewers, occurred_at=now_us())
        await calls.written(response, raided)
        return {"data": [{"created_at": rfc3339(raided.occurred_at), "is_mature": their.mature}]}

    return routes
