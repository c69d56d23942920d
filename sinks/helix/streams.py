"""`/helix/streams`: what is live."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from processors.directory.categories import category_id
from processors.directory.listing import Listing, Rank, rank
from sinks.helix.calls import Calls, First
from sinks.helix.cursors import cursor, rank_of
from sinks.helix.errors import bad_request
from sinks.helix.tokens import Caller
from streams.envelope import rfc3339

Many = Annotated[list[str], Query(default_factory=list, max_length=100)]
"""A parameter that may be given up to a hundred times, as Helix documents."""


def router(calls: Calls) -> APIRouter:
    """The routes, relative to `/helix`."""
    routes = APIRouter(tags=["streams"])
    By = Annotated[Caller, Depends(calls.caller)]  # noqa: N806 - a type
    directory = calls.views.directory

    @routes.get("/streams")
    async def streams(
        *,
        _: By,
        user_id: Many,
        user_login: Many,
        game_id: Many,
        language: Many,
        type_: Annotated[Literal["all", "live"], Query(alias="type")] = "all",
        first: First = 20,
        after: str = "",
        before: str = "",
        order: Literal["viewers", "viewers_ascending"] = "viewers",
    ) -> dict[str, Any]:
        """Live channels, those with most viewers first. `order` is ours."""
        if after and before:
            bad_request("after and before exclude each other")
        behind, upwards = rank_of(after or before, "after" if after else "before"), (order == "viewers_ascending") != bool(before)
        one = game_id[0] if len(game_id) == 1 else None
        wanted = _wanted(calls, set(game_id), set(language))
        if user_id or user_login:
            ranks = sorted(rank(each) for each in _named(calls, user_id, user_login) if each.live and wanted(each.channel_id))
            if upwards:
                ranks.reverse()
            found = [each for each in ranks if behind is None or (each < behind if upwards else each > behind)][: first + 1]
        else:
            filtered = wanted if language or len(game_id) > 1 else None
            found = directory.ranking(one).page(first + 1, behind, upwards=upwards, wanted=filtered)
        shown = found[:first]
        more = len(found) > first or bool(before)
        if before:
            shown.reverse()
        return {"data": [_stream(calls, each) for each in shown], "pagination": {"cursor": cursor(shown[-1])} if more and shown else {}}

    @routes.get("/streams/followed")
    async def followed(caller: By, user_id: str, first: First = 20, after: str = "") -> dict[str, Any]:
        """Live channels that the caller follows."""
        calls.user(caller, user_id, "user_id")
        behind = rank_of(after)
        channels = (directory.channel(each) for each in directory.following(user_id))
        ranks = sorted(rank(each) for each in channels if each is not None and each.live)
        found = [each for each in ranks if behind is None or each > behind][: first + 1]
        more = {"cursor": cursor(found[first - 1])} if len(found) > first else {}
        return {"data": [_stream(calls, each) for each in found[:first]], "pagination": more}

    return routes


def described(listed: Listing) -> dict[str, Any]:
    """A live channel as Helix has it."""
    return {
        "id": listed.session_id,
        "user_id": listed.channel_id,
        "user_login": listed.login,
        "user_name": listed.display_name,
        "game_id": category_id(listed.category),
        "game_name": listed.category,
        "type": "live",
        "title": listed.title,
        "tags": listed.tags,
        "viewer_count": listed.viewers,
        "started_at": rfc3339(listed.started_at),
        "language": listed.language,
        "thumbnail_url": "",
        "tag_ids": [],
        "is_mature": listed.mature,
    }


def _stream(calls: Calls, at: Rank) -> dict[str, Any]:
    listed = calls.views.directory.channel(at[2])
    assert listed is not None  # what is ranked is listed
    return described(listed)


def _named(calls: Calls, ids: list[str], logins: list[str]) -> list[Listing]:
    """Channels by id and login, each once."""
    accounts = calls.views.accounts
    found = {*ids, *(user.channel_id for each in logins if (user := accounts.by_login(each)) is not None)}
    return [each for one in found if (each := calls.views.directory.channel(one)) is not None]


def _wanted(calls: Calls, games: set[str], languages: set[str]) -> Callable[[str], bool]:
    """Says by its id whether a channel is in the categories and languages that are asked for; those left out ask for all."""

    def fits(channel_id: str) -> bool:
        listed = calls.views.directory.channel(channel_id)
        return (
            listed is not None and (not games or category_id(listed.category) in games) and (not languages or listed.language in languages)
        )

    return fits
