"""`/helix/moderation/*`: bans, deletions, held messages."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from sinks.helix.calls import Calls, First, page
from sinks.helix.errors import not_found
from sinks.helix.tokens import Caller
from sinks.helix.users import named
from streams.envelope import rfc3339

LONGEST_S = 1_209_600
"""Two weeks, as SanctionUser has it."""


class Sanction(BaseModel):
    """Whom, for how long, why."""

    user_id: str
    duration: Annotated[int, Field(ge=1, le=LONGEST_S)] | None = None
    reason: Annotated[str, Field(max_length=500)] = ""


class Banning(BaseModel):
    """Body of POST moderation/bans."""

    data: Sanction


class Review(BaseModel):
    """Body of POST moderation/automod/message."""

    user_id: str
    msg_id: str
    action: Literal["ALLOW", "DENY"]


def router(calls: Calls) -> APIRouter:
    """The routes, relative to `/helix`."""
    routes = APIRouter(tags=["moderation"])
    nothing = HTTPStatus.NO_CONTENT
    By = Annotated[Caller, Depends(calls.caller)]  # noqa: N806 - a type

    @routes.post("/moderation/bans")
    async def ban(request: Request, caller: By, body: Banning, broadcaster_id: str, moderator_id: str) -> dict[str, Any]:
        """Bans a user, or times him out."""
        user = calls.moderator(caller, broadcaster_id, moderator_id)
        target, seconds = body.data.user_id, body.data.duration
        event = await calls.ordered(request, user, "SanctionUser", broadcaster_id, user_id=target, seconds=seconds, reason=body.data.reason)
        end = None if seconds is None else rfc3339(event.occurred_at + seconds * 1_000_000)
        told = {"broadcaster_id": broadcaster_id, "moderator_id": moderator_id, "user_id": target}
        return {"data": [{**told, "created_at": rfc3339(event.occurred_at), "end_time": end}]}

    @routes.delete("/moderation/bans", status_code=nothing)
    async def unban(request: Request, caller: By, broadcaster_id: str, moderator_id: str, user_id: str) -> None:
        """Lets a user write again."""
        user = calls.moderator(caller, broadcaster_id, moderator_id)
        await calls.ordered(request, user, "LiftSanction", broadcaster_id, user_id=user_id)

    @routes.get("/moderation/banned")
    async def banned(
        caller: By,
        broadcaster_id: str,
        user_id: Annotated[list[str], Query(default_factory=list)],
        first: First = 20,
        after: str = "",
    ) -> dict[str, Any]:
        """Who may not write, newest first."""
        calls.moderator(caller, broadcaster_id, None)
        accounts = calls.views.accounts
        found = [ban for ban in calls.views.bans(broadcaster_id) if not user_id or ban.user_id in user_id]
        part = page(found, first, after)
        rows = []
        for ban in part.rows:
            moderator = accounts.by_id(ban.moderator_id)
            rows.append(
                {
                    **named(accounts.by_id(ban.user_id), ban.user_id),
                    "expires_at": "" if ban.until is None else rfc3339(ban.until),
                    "created_at": rfc3339(ban.occurred_at),
                    "reason": ban.reason,
                    "moderator_id": ban.moderator_id,
                    "moderator_login": moderator.login if moderator else "",
                    "moderator_name": moderator.display_name if moderator else "",
                }
            )
        return {"data": rows, "pagination": part.pagination}

    @routes.delete("/moderation/chat", status_code=nothing)
    async def delete(request: Request, caller: By, broadcaster_id: str, moderator_id: str, message_id: str | None = None) -> None:
        """Takes a message away, or all of them."""
        user = calls.moderator(caller, broadcaster_id, moderator_id)
        if message_id is None:
            await calls.ordered(request, user, "ClearChat", broadcaster_id)
            return
        author = calls.views.author(message_id)
        if author is None or author[0] != broadcaster_id:
            not_found("There is no such message in this channel, or it is older than two hours")
        await calls.ordered(request, user, "DeleteMessage", broadcaster_id, message_id=message_id, user_id=author[1])

    @routes.post("/moderation/automod/message", status_code=nothing)
    async def review(request: Request, caller: By, body: Review, broadcaster_id: str) -> None:
        """Lets a held message through, or not. `broadcaster_id` is ours: ids of held messages are a channel's."""
        user = calls.moderator(caller, broadcaster_id, body.user_id)
        await calls.ordered(request, user, "ReviewMessage", broadcaster_id, message_id=body.msg_id, approved=body.action == "ALLOW")

    return routes
