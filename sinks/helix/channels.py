"""`/helix/channels`: what channels say of themselves, and who follows them."""

import re
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from processors.directory.categories import category_id
from processors.directory.listing import Listing
from schemas.event import Event
from schemas.events import ChannelInfo, StreamUpdated
from sinks.helix.calls import Calls, First, page
from sinks.helix.errors import bad_request
from sinks.helix.tokens import Caller
from sinks.helix.users import named
from streams.edges.passes import restricted
from streams.envelope import rfc3339

NO_GAME = ("", "0")
"""Ids that take the category away, as Helix documents."""
TAG = re.compile(r"\w{1,25}")
"""Helix: at most 25 characters, no blanks or special ones."""


class Description(BaseModel):
    """Body of PATCH channels; what is left out stays."""

    title: Annotated[str, Field(min_length=1, max_length=140)] | None = None
    game_id: str | None = None
    broadcaster_language: Annotated[str, Field(pattern=r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*|other)$", max_length=35)] | None = None
    tags: Annotated[list[str], Field(max_length=10)] | None = None
    delay: int | None = None


class Restriction(BaseModel):
    """Body of PUT channels/restriction."""

    mature: bool | None = None
    subscribers_only: bool | None = None


def router(calls: Calls) -> APIRouter:
    """The routes, relative to `/helix`."""
    routes = APIRouter(tags=["channels"])
    By = Annotated[Caller, Depends(calls.caller)]  # noqa: N806 - a type
    directory = calls.views.directory

    @routes.get("/channels")
    async def channels(_: By, broadcaster_id: Annotated[list[str], Query(min_length=1, max_length=100)]) -> dict[str, Any]:
        """Channels by id; one that is unknown is left out."""
        found = (directory.channel(each) for each in dict.fromkeys(broadcaster_id))
        return {"data": [described(each) for each in found if each is not None]}

    @routes.patch("/channels", status_code=HTTPStatus.NO_CONTENT, response_class=Response)
    async def describe(response: Response, caller: By, body: Description, broadcaster_id: str) -> None:
        """Changes title, category, language, tags."""
        user = calls.user(caller, broadcaster_id, "broadcaster_id")
        listed = directory.channel(user.channel_id)
        assert listed is not None  # the caller's account is known
        await calls.written(response, *changed(calls, listed, body))

    @routes.put("/channels/restriction")
    async def restrict(response: Response, caller: By, body: Restriction, broadcaster_id: str) -> dict[str, Any]:
        """Who may watch, live and recorded; holds within seconds, for those who watch too. What is left out stays. Ours."""
        user = calls.user(caller, broadcaster_id, "broadcaster_id")
        restricted_ = restricted(user, mature=body.mature, subscribers_only=body.subscribers_only)
        await calls.written(response, restricted_)
        return {"data": [{"mature": restricted_.mature, "subscribers_only": restricted_.watch_subscribers_only}]}

    @routes.get("/channels/followers")
    async def followers(caller: By, broadcaster_id: str, user_id: str | None = None, first: First = 20, after: str = "") -> dict[str, Any]:
        """Who follows, newest first; to those who do not moderate the channel only how many."""
        calls.channel(broadcaster_id)
        all_ = directory.followers(broadcaster_id)
        if caller.user is None or not calls.moderates(caller.user.channel_id, broadcaster_id):
            return {"total": len(all_), "data": [], "pagination": {}}
        found = list(reversed(all_.items())) if user_id is None else [(user_id, all_[user_id])] if user_id in all_ else []
        part = page(found, first, after)
        by_id = calls.views.accounts.by_id
        rows = [{**named(by_id(user), user), "followed_at": rfc3339(since.since)} for user, since in part.rows]
        return {"total": len(all_), "data": rows, "pagination": part.pagination}

    @routes.get("/channels/followed")
    async def followed(caller: By, user_id: str, broadcaster_id: str | None = None, first: First = 20, after: str = "") -> dict[str, Any]:
        """Whom the caller follows, newest first."""
        calls.user(caller, user_id, "user_id")
        all_ = directory.following(user_id)
        found = [each for each in reversed(all_.items()) if broadcaster_id in (None, each[0])]
        part = page(found, first, after)
        by_id = calls.views.accounts.by_id
        rows = [{**broadcaster(named(by_id(channel), channel)), "followed_at": rfc3339(since)} for channel, since in part.rows]
        return {"total": len(all_), "data": rows, "pagination": part.pagination}

    return routes


def broadcaster(user: dict[str, str]) -> dict[str, str]:
    """A user's id, login and name as a broadcaster's."""
    return {name.replace("user_", "broadcaster_"): value for name, value in user.items()}


def described(listed: Listing) -> dict[str, Any]:
    """A channel as Helix has it."""
    return {
        "broadcaster_id": listed.channel_id,
        "broadcaster_login": listed.login,
        "broadcaster_name": listed.display_name,
        "broadcaster_language": listed.language,
        "game_id": category_id(listed.category),
        "game_name": listed.category,
        "title": listed.title,
        "delay": 0,
        "tags": listed.tags,
        "content_classification_labels": ["MatureGame"] if listed.mature else [],
        "is_branded_content": False,
    }


def changed(calls: Calls, listed: Listing, body: Description) -> list[Event]:
    """The events of a change: the channel's row, and the news of a session that is on.

    Raises:
        HelixError: nothing to change, or a value that is none.
    """
    given = body.model_dump(exclude_none=True)
    if body.delay:
        bad_request("delay: streams are not delayed here; leave it out")
    if not given:
        bad_request("The body names nothing to change: title, game_id, broadcaster_language or tags")
    category = listed.category
    if body.game_id is not None:
        known = calls.views.directory.category(body.game_id)
        if known is None and body.game_id not in NO_GAME:
            bad_request(f"game_id: there is no category {body.game_id[:50]!r}: GET search/categories finds them")
        category = known.name if known else ""
    for tag in body.tags or ():
        if not TAG.fullmatch(tag):
            bad_request(f"tags: {tag[:50]!r} is none: 1 to 25 letters and digits, without blanks")
    info = ChannelInfo(
        channel_id=listed.channel_id,
        title=listed.title if body.title is None else body.title,
        category=category,
        language=listed.language if body.broadcaster_language is None else body.broadcaster_language,
        tags=listed.tags if body.tags is None else tuple(dict.fromkeys(body.tags)),
    )
    if not listed.live:
        return [info]
    updated = StreamUpdated(
        channel_id=listed.channel_id,
        session_id=listed.session_id,
        title=info.title,
        category=info.category,
        language=info.language,
    )
    return [info, updated]
