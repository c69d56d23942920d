"""The origin: playlists, media, API and the page, behind the edge."""

import asyncio

from infra.apps.service import App, run
from sinks.origin.app import VIEWS, make_app
from sinks.origin.config import OriginConfig
from sinks.page.routes import routes as page


async def origin(app: App) -> None:
    """Serves until stopped."""
    publisher = await asyncio.to_thread(app.parts.publisher, f"origin-{app.settings.node}")
    application = make_app(OriginConfig(), app.parts.log, app.parts.codec, app.parts.objects, publisher)
    app.checks["views"] = application[VIEWS].lacks
    application.add_routes(app.probes())
    application.add_routes(page())  # last: a channel's page is at any single name
    async with app.serving(app.settings.ports.origin, application):
        await app.stopping.wait()


if __name__ == "__main__":
    run("origin", origin)
