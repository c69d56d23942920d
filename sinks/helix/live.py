"""`/api/channels`: what is live, for anybody, page by page."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from processors.directory.categories import category_id
from processors.directory.listing import Listing
from sinks.helix.cursors import cursor, rank_of
from sinks.helix.views import Views
from streams.envelope import rfc3339

TILES = 50
"""Categories told beside the first page: what fits on screens."""


def public(views: Views) -> APIRouter:
    """The route, relative to `/api`."""
    routes = APIRouter(tags=["streams"])
    directory = views.directory

    @routes.get("/channels")
    async def channels(
        *,
        first: Annotated[int, Query(ge=1, le=100)] = 100,
        after: str = "",
        order: Literal["viewers", "viewers_ascending"] = "viewers",
        category: Annotated[str, Query(max_length=100, description="The name of a category.")] = "",
        channel_id: Annotated[list[str], Query(default_factory=list, max_length=100, description="Of these the live ones, in this order.")],
        query: Annotated[str, Query(max_length=100, description="Words to find channels by, in place of all others.")] = "",
    ) -> dict[str, Any]:
        """Live channels, those with most viewers first, or last. `cursor` begins the next page; null on the last.

        The first page has the categories with most viewers too.
        """
        if channel_id:
            asked = (directory.channel(each) for each in dict.fromkeys(channel_id))
            return {"channels": [_told(views, each) for each in asked if each is not None and each.live], "cursor": None}
        if query:
            found = directory.find(query, live_only=True)
            return {"channels": [_told(views, each) for each, _ in zip(found, range(first), strict=False)], "cursor": None}
        one = category_id(category) if category else None
        ranks = directory.ranking(one).page(first + 1, rank_of(after), upwards=order == "viewers_ascending")
        listed = (directory.channel(at[2]) for at in ranks[:first])
        told: dict[str, Any] = {
            "channels": [_told(views, each) for each in listed if each is not None],
            "cursor": cursor(ranks[first - 1]) if len(ranks) > first else None,
        }
        if not after:
            named = ((each.name, directory.live_in(each.id)) for each in directory.categories()[:TILES])
            told["categories"] = [{"name": name, "channels": on.channels, "viewers": on.viewers} for name, on in named if on.channels]
            told["total"] = len(directory.ranking(one))
        return told

    return routes


def _told(views: Views, listed: Listing) -> dict[str, Any]:
    """A live channel, as the origin tells it in full at `/api/channels/{login}`."""
    profile = views.accounts.by_id(listed.channel_id)
    return {
        **card(listed),
        "live": listed.live,
        "subscribers_only": profile is not None and profile.watch_subscribers_only,
        "tier": profile.tier if profile is not None else "regular",
    }


def card(listed: Listing) -> dict[str, Any]:
    """What lists of channels show of each."""
    return {
        "channel_id": listed.channel_id,
        "login": listed.login,
        "display_name": listed.display_name,
        "title": listed.title,
        "category": listed.category,
        "language": listed.language,
        "mature": listed.mature,
        "viewers": listed.viewers,
        "started_at": rfc3339(listed.started_at),
    }
