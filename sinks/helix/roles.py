"""`/helix/moderation/moderators` and `/helix/channels/vips`: who has a role in a channel."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request

from sinks.helix.calls import Calls, First, page
from sinks.helix.tokens import Caller
from sinks.helix.users import named

Table = Literal["moderators", "vips"]
"""Fields of RoomState."""


def router(calls: Calls) -> APIRouter:
    """The routes, relative to `/helix`."""
    routes = APIRouter(tags=["moderation"])
    _role(routes, calls, "/moderation/moderators", "moderator", "moderators")
    _role(routes, calls, "/channels/vips", "vip", "vips")
    return routes


def _role(routes: APIRouter, calls: Calls, path: str, role: str, table: Table) -> None:
    """The three routes of a role."""
    By = Annotated[Caller, Depends(calls.caller)]  # noqa: N806 - a type

    @routes.get(path, name=f"list {table}")
    async def listed(caller: By, broadcaster_id: str, first: First = 20, after: str = "") -> dict[str, Any]:
        calls.moderator(caller, broadcaster_id, None)
        part = page(list(getattr(calls.views.room(broadcaster_id), table)), first, after)
        return {"data": [named(calls.views.accounts.by_id(each), each) for each in part.rows], "pagination": part.pagination}

    async def change(request: Request, caller: Caller, broadcaster_id: str, user_id: str, *, granted: bool) -> None:
        user = calls.user(caller, broadcaster_id, "broadcaster_id")
        await calls.ordered(request, user, "GrantRole", broadcaster_id, user_id=user_id, role=role, granted=granted)

    @routes.post(path, status_code=HTTPStatus.NO_CONTENT, name=f"add to {table}")
    async def added(request: Request, caller: By, broadcaster_id: str, user_id: str) -> None:
        await change(request, caller, broadcaster_id, user_id, granted=True)

    @routes.delete(path, status_code=HTTPStatus.NO_CONTENT, name=f"remove from {table}")
    async def removed(request: Request, caller: By, broadcaster_id: str, user_id: str) -> None:
        await change(request, caller, broadcaster_id, user_id, granted=False)
