"""`/helix/users`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from schemas.events import ChannelProfile
from sinks.helix.calls import Calls
from sinks.helix.errors import bad_request
from sinks.helix.tokens import Caller
from streams.envelope import rfc3339

MOST = 100
"""Users in one call."""
KINDS = {"partner": "partner", "affiliate": "affiliate", "regular": ""}
"""Our tiers as Twitch calls broadcasters."""


def router(calls: Calls) -> APIRouter:
    """The routes, relative to `/helix`."""
    routes = APIRouter(tags=["users"])

    @routes.get("/users")
    async def users(
        caller: Annotated[Caller, Depends(calls.caller)],
        ids: Annotated[list[str], Query(alias="id", default_factory=list)],
        logins: Annotated[list[str], Query(alias="login", default_factory=list)],
    ) -> dict[str, Any]:
        """Users by id and login; without either the caller. One that is unknown is left out."""
        if len(ids) + len(logins) > MOST:
            bad_request(f"At most {MOST} of id and login together")
        accounts = calls.views.accounts
        found = [*map(accounts.by_id, ids), *map(accounts.by_login, logins)] if ids or logins else [calls.user(caller)]
        unique = {user.channel_id: user for user in found if user is not None}
        return {"data": [described(user) for user in unique.values()]}

    return routes


def described(user: ChannelProfile) -> dict[str, Any]:
    """A user as Helix has it."""
    return {
        "id": user.channel_id,
        "login": user.login,
        "display_name": user.display_name,
        "type": "",
        "broadcaster_type": KINDS[user.tier],
        "description": "",
        "profile_image_url": "",
        "offline_image_url": "",
        "view_count": 0,
        "created_at": rfc3339(user.created_at),
    }


def named(user: ChannelProfile | None, user_id: str) -> dict[str, str]:
    """Id, login and name; empty names for a user whose account has gone."""
    return {"user_id": user_id, "user_login": user.login if user else "", "user_name": user.display_name if user else ""}
