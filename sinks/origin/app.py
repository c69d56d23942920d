"""The origin's HTTP application."""

from collections.abc import AsyncIterator

from aiohttp import web

from schemas.wire import Codec
from sinks.origin.api import Api
from sinks.origin.config import OriginConfig
from sinks.origin.library import Library
from sinks.origin.media import Media
from sinks.origin.playlists import Playlists
from sinks.origin.problem import problems
from sinks.origin.rewind import Rewind
from sinks.origin.stages import Stages
from sinks.origin.viewers import Viewers
from sinks.origin.views import Views
from streams.clock import now_us
from streams.edges.viewers import ViewerEdge
from streams.fold import Clock
from streams.log import Log
from streams.objects import Objects
from streams.publisher import Publisher

VIEWS: web.AppKey[Views] = web.AppKey("views", Views)
"""The application's views, for readiness checks: `app[VIEWS].lacks()`."""


def make_app(
    config: OriginConfig, log: Log, codec: Codec, objects: Objects, publisher: Publisher, *, clock: Clock = now_us
) -> web.Application:
    """An application that begins to read the log when it starts and answers 503 until it has; probes are the host's."""
    stages = Stages(clock)
    views = Views(config, log, codec, stages, clock)
    edge = ViewerEdge(publisher, lambda channel_id: views.by_id(channel_id) is not None)

    async def reading(_: web.Application) -> AsyncIterator[None]:
        views.start()
        yield
        await views.close()

    app = web.Application(middlewares=[problems])
    app[VIEWS] = views
    app.cleanup_ctx.append(reading)
    media = Media(views, objects, config.object_cache_bytes)
    app.add_routes(Rewind(views, log, codec).routes())
    app.add_routes(Playlists(views).routes())
    app.add_routes(media.routes())
    app.add_routes(Library(views, objects, media).routes())
    app.add_routes(Api(views, stages, clock).routes())
    app.add_routes(Viewers(edge, stages).routes())
    return app
