"""The origin: playlists, media, API and the page, behind the edge."""

import asyncio

from infra.apps.service import App, run
from sinks.origin.app import SESSIONS, VIEWS, make_app
from sinks.origin.config import OriginConfig
from sinks.page.routes import routes as page


async def origin(app: App) -> None:
    """Serves until stopped."""
    publisher = await asyncio.to_thread(app.parts.publisher, f"origin-{app.settings.node}")
    settings, parts = app.settings, app.parts
    application = make_app(OriginConfig(), parts.log, parts.codec, parts.objects, publisher, parts.signer(), region=settings.region)
    app.checks["views"] = application[VIEWS].lacks
    application.add_routes(app.probes())
    application.add_routes(page())  # last: a channel's page is at any single name
    async with app.serving(settings.ports.origin, application):
        place = (settings.listen_inside, settings.ports.sessions)
        reports, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: application[SESSIONS], local_addr=place)
        await app.stopping.wait()
        reports.close()


if __name__ == "__main__":
    run("origin", origin)
