"""`/recommendations`: a page for a viewer, and which of its streams he opened."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query

from processors.directory.rows import Row
from processors.recommend.explain import reasons
from processors.recommend.recommender import LIMIT
from sinks.helix.errors import not_found, unauthorized
from sinks.helix.live import card
from sinks.helix.views import Views
from sinks.recommend.aside import Aside
from sinks.recommend.view import Recommendations

MOST = 100
"""Places of a page at most."""


Adult = Annotated[bool, Query(description="The viewer is of age and wants mature streams too.")]


def router(aside: Aside, views: Views) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["recommendations"])

    @routes.get("/recommendations")
    async def recommendations(
        user_id: Annotated[str | None, Query(description="The viewer; needs his token as `Authorization: Bearer TOKEN`.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
        adult: Adult = False,
        authorization: Annotated[str, Header()] = "",
    ) -> dict[str, Any]:
        """Live streams for a viewer, the best first, each with why it is there; then the editorial rows."""
        if user_id is not None:
            owner = views.accounts.by_token(authorization.partition(" ")[2].strip())
            if owner is None or owner.channel_id != user_id:
                unauthorized("What is recommended to a user tells what he watches: send his token as `Authorization: Bearer TOKEN`")
        page = await aside.call(lambda view: shown(view, user_id, limit, adult=adult))
        return {**page, "rows": [_row(each) for each in views.directory.rows(adult=adult)]}

    @routes.get("/recommendations/rows")
    async def rows(*, adult: Adult = False) -> dict[str, Any]:
        """The editorial rows alone, for anybody: no page is worked out for it."""
        return {"rows": [_row(each) for each in views.directory.rows(adult=adult)]}

    @routes.post("/recommendations/{request_id}/clicks", status_code=HTTPStatus.NO_CONTENT)
    async def clicked(request_id: str, channel_id: Annotated[str, Query()]) -> None:
        """A stream of a page was opened."""
        if not await aside.call(lambda view: view.clicked(request_id, channel_id)):
            not_found(f"No page {request_id!r} of late shows the channel {channel_id!r}: take both from GET /recommendations")

    return routes


def _row(row: Row) -> dict[str, Any]:
    return {
        "row": row.name,
        "label": row.label,
        "data": [card(each) for each in row.channels],
    }


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
        "stages": {stage.name: stage.count for stage in page.stages},
        "relaxed": page.relaxed,
    }
