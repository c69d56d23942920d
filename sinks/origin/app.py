"""The origin's HTTP application."""

import asyncio
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from schemas.wire import Codec
from sinks.origin.access import Access
from sinks.origin.api import Api
from sinks.origin.clips import ClipMedia
from sinks.origin.config import OriginConfig
from sinks.origin.library import Library
from sinks.origin.media import Media
from sinks.origin.playlists import Playlists
from sinks.origin.problem import problems
from sinks.origin.rewind import Rewind
from sinks.origin.sessions import Sessions
from sinks.origin.stages import Stages
from sinks.origin.viewers import Viewers
from sinks.origin.views import Views
from streams.clock import now_us
from streams.edges.audience import Audience
from streams.edges.sessions import Signer
from streams.edges.viewers import ViewerEdge
from streams.errors import BacklogFullError
from streams.fold import Clock
from streams.log import Log
from streams.objects import Objects
from streams.publisher import Publisher

logger = structlog.get_logger()
VIEWS: web.AppKey[Views] = web.AppKey("views", Views)
"""The application's views, for readiness checks: `app[VIEWS].lacks()`."""
SESSIONS: web.AppKey[Sessions] = web.AppKey("sessions", Sessions)
"""Takes the reports of edges, as an asyncio datagram protocol."""
SWEEP_S = 1.0
"""Seconds between two looks for sessions that have gone silent."""


def make_app(  # noqa: PLR0917 - the parts of a process, each once
    config: OriginConfig,
    log: Log,
    codec: Codec,
    objects: Objects,
    publisher: Publisher,
    signer: Signer,
    *,
    region: str = "",
    clock: Clock = now_us,
) -> web.Application:
    """An application that begins to read the log when it starts and answers 503 until it has; probes are the host's.

    `signer` signs the sessions of viewers: origins of one system have the same. `region` is where viewers are taken to be.
    """
    stages = Stages(clock)
    views = Views(config, log, codec, stages, clock)
    audience = Audience(publisher, region, clock)
    sessions = Sessions(audience, signer, views)
    edge = ViewerEdge(publisher, audience, signer, lambda channel_id: views.by_id(channel_id) is not None)

    async def reading(_: web.Application) -> AsyncIterator[None]:
        views.start()
        sweeping = asyncio.create_task(_sweep(audience))
        yield
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        await views.close()

    app = web.Application(middlewares=[problems])
    app[VIEWS] = views
    app[SESSIONS] = sessions
    app.cleanup_ctx.append(reading)
    media = Media(views, objects, config.object_cache_bytes)
    app.add_routes(Access(views).routes())
    app.add_routes(Rewind(views, log, codec).routes())
    app.add_routes(Playlists(views, sessions).routes())
    app.add_routes(media.routes())
    app.add_routes(ClipMedia(views, objects).routes())
    app.add_routes(Library(views, objects, media, publisher).routes())
    app.add_routes(Api(views, stages, clock).routes())
    app.add_routes(Viewers(edge, stages).routes())
    return app


async def _sweep(audience: Audience) -> None:
    """Ends silent sessions, once a second."""
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            audience.sweep()
        except BacklogFullError as cause:  # they stay, and are looked at again
            logger.warning("a viewer's end was not told to the log", cause=str(cause))
