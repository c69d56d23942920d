"""`/helix/search/*` and `/helix/games`: channels and categories by text, categories by id and by viewers."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from processors.directory.categories import Category, category_id
from processors.directory.listing import Listing
from sinks.helix.calls import Calls, First, page
from sinks.helix.errors import bad_request
from sinks.helix.streams import Many
from sinks.helix.tokens import Caller
from streams.envelope import rfc3339

Text = Annotated[str, Query(min_length=1, max_length=100)]


def router(calls: Calls) -> APIRouter:
    """The routes, relative to `/helix`."""
    routes = APIRouter(tags=["search"])
    By = Annotated[Caller, Depends(calls.caller)]  # noqa: N806 - a type
    directory = calls.views.directory

    @routes.get("/search/channels")
    async def channels(_: By, query: Text, live_only: bool = False, first: First = 20, after: str = "") -> dict[str, Any]:
        """Channels whose names begin so, typing errors forgiven, live ones first."""
        part = page(directory.find(query, live_only=live_only), first, after)
        return {"data": [_channel(each) for each in part.rows], "pagination": part.pagination}

    @routes.get("/search/categories")
    async def categories(_: By, query: Text, first: First = 20, after: str = "") -> dict[str, Any]:
        """Categories whose names have words that begin so."""
        part = page(directory.find_categories(query), first, after)
        return {"data": [_searched(each) for each in part.rows], "pagination": part.pagination}

    @routes.get("/games/top")
    async def top(_: By, first: First = 20, after: str = "") -> dict[str, Any]:
        """Categories that are on, those with most viewers first."""
        part = page([each for each in directory.categories() if directory.live_in(each.id).channels], first, after)
        return {"data": [game(each) for each in part.rows], "pagination": part.pagination}

    @routes.get("/games")
    async def games(_: By, ids: Annotated[Many, Query(alias="id")], name: Many, igdb_id: Many) -> dict[str, Any]:
        """Categories by id and exact name; one that is unknown is left out. None has a number at IGDB."""
        if not 1 <= len(ids) + len(name) + len(igdb_id) <= 100:
            bad_request("id, name and igdb_id: 1 to 100 of them together")
        found = dict.fromkeys(directory.category(each) for each in (*ids, *map(category_id, name)))
        return {"data": [game(each) for each in found if each is not None]}

    return routes


def game(category: Category) -> dict[str, str]:
    """A category as Helix has it."""
    return {**_searched(category), "igdb_id": ""}


def _searched(category: Category) -> dict[str, str]:
    return {"id": category.id, "name": category.name, "box_art_url": ""}


def _channel(listed: Listing) -> dict[str, Any]:
    return {
        "broadcaster_language": listed.language,
        "broadcaster_login": listed.login,
        "display_name": listed.display_name,
        "game_id": category_id(listed.category),
        "game_name": listed.category,
        "id": listed.channel_id,
        "is_live": listed.live,
        "tag_ids": [],
        "tags": listed.tags,
        "thumbnail_url": "",
        "title": listed.title,
        "started_at": rfc3339(listed.started_at) if listed.live else "",
    }
