"""`/recommendations`: a page for a viewer, and which of its streams he opened."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query

from processors.recommend.explain import reasons
from processors.recommend.recommender import LIMIT
from sinks.helix.errors import not_found, unauthorized
from sinks.recommend.aside import Aside
from sinks.recommend.view import Recommendations
from streams.edges.accounts import Accounts

MOST = 100
"""Places of a page at most."""


def router(aside: Aside, accounts: Accounts) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["recommendations"])

    @routes.get("/recommendations")
    async def recommendations(
        user_id: Annotated[str | None, Query(description="The viewer; needs his token as `Authorization: Bearer TOKEN`.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
        adult: Annotated[bool, Query(description="The viewer is of age and wants mature streams too.")] = False,
        authorization: Annotated[str, Header()] = "",
    ) -> dict[str, Any]:
        """Live streams for a viewer, the best first, each with why it is there; then the editorial rows."""
        if user_id is not None:
            owner = accounts.by_token(authorization.partition(" ")[2].strip())
            if owner is None or owner.channel_id != user_id:
                unauthorized("What is recommended to a user tells what he watches: send his token as `Authorization: Bearer TOKEN`")
        return await aside.call(lambda view: shown(view, user_id, limit, adult=adult))

    @routes.post("/recommendations/{request_id}/clicks", status_code=HTTPStatus.NO_CONTENT)
    async def clicked(request_id: str, channel_id: Annotated[str, Query()]) -> None:
        """A stream of a page was opened."""
        if not await aside.call(lambda view: view.clicked(request_id, channel_id)):
            not_found(f"No page {request_id!r} of late shows the channel {channel_id!r}: take both from GET /recommendations")

    return routes


def shown(view: Recommendations, user_id: str | None, limit: int, *, adult: bool) -> dict[str, Any]:
    """A page as it is answered."""
    page = view.page(user_id, limit, adult=adult)
    return {
        "request_id": page.request_id,
        "model": page.model,
        "data": [
            {
                **view.describe(item.channel_id),
                "probability": round(item.probability, 4),
                "sources": item.sources,
                "rules": item.rules,
                "explored": item.explored,
                "why": reasons(item),
            }
            for item in page.items
        ],
        "rows": [
            {"row": name, "label": label, "data": [view.describe(channel) for channel in channels]}
            for name, label, channels in view.rows(adult=adult)
        ],
        "stages": {stage.name: stage.count for stage in page.stages},
        "relaxed": page.relaxed,
    }
