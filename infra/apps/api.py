"""The API: what clients made for Twitch ask over HTTP, behind the edge."""

import asyncio
import gc
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from infra.apps.chat_edge import chat_edge
from infra.apps.service import App, run
from infra.parts import passes
from schemas.events import BanState, ChannelProfile, ClipRequested, EventSubscription
from schemas.privacy_codec import OpeningCodec
from sinks.chat.replay import ChatReplay
from sinks.edges.admission import Admissions
from sinks.edges.health import Health
from sinks.edges.routes import router as playback
from sinks.edges.warmer import Warmer
from sinks.eventsub.service import EventSub
from sinks.features.store import FeatureStore
from sinks.helix.app import make_app
from sinks.helix.errors import ANSWERS
from sinks.helix.replay import VodChats
from sinks.helix.views import Views
from sinks.recommend.aside import Aside
from sinks.recommend.routes import router as recommendations
from sinks.recommend.view import Recommendations
from streams.edges.clips import ClipEdge
from streams.log import Log, Source

END_S = 2
"""For calls under way at the end; the longest waits 5 s for an answer of the chat view and is told that it is under way."""


class Server(uvicorn.Server):
    """Leaves signals to the process."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """None are taken."""
        return nullcontext()


async def api(app: App) -> None:
    """Serves until stopped."""
    settings, parts = app.settings, app.parts
    node = f"api-{settings.node}"
    keys = await asyncio.to_thread(parts.keys, node)
    publisher = await asyncio.to_thread(parts.publisher, node, keys)
    views = Views(parts.log, OpeningCodec(parts.registry, keys, opens=[BanState, ClipRequested, EventSubscription]))
    edge = chat_edge(settings, publisher, keys, views.accounts, node)
    views.answered = edge.answered
    app.checks["views"] = views.lacks
    events = EventSub(views, parts.log, parts.codec, publisher=publisher, keys=keys, node=node, private=settings.private_callbacks)
    replay = ChatReplay(lambda: _past(settings.objects_url, parts.log), OpeningCodec(parts.registry, keys), views.accounts)
    clips, chats = ClipEdge(publisher, keys), VodChats(replay, parts.objects)
    admissions = Admissions(views, passes(settings))

    def own(channel: ChannelProfile) -> str:
        return settings.page_url + admissions.own(channel).folder

    application = make_app(views, edge, publisher, events, playback=own, clips_edge=clips, chats=chats)
    store = FeatureStore(settings.redis_url) if settings.features else None
    recommend = Aside(Recommendations(parts.log, parts.codec, publisher, views.directory.viewers, store=store))
    app.checks["recommendations"] = recommend.lacks
    application.include_router(recommendations(recommend, views), responses=ANSWERS)
    health = Health(settings.edge_nodes)
    warmer = Warmer(views, health, publisher, admissions)
    views.listeners.append(warmer.heard)
    application.include_router(playback(views, health, publisher, admissions), responses=ANSWERS)
    add_probes(application, app)
    config = uvicorn.Config(
        application,
        host=settings.listen_inside,
        port=settings.ports.api,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=END_S,
        ws="websockets-sansio",
    )
    edge.start()
    await health.start()
    await views.start()  # before the first call: half a view would say that there is no such user
    await events.start()
    recommend.start()
    gc.collect()
    gc.freeze()  # the views live as long as the process: looking at each of their objects again would stop it for 50 ms
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(app.stopping.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    events.leave()
    server.should_exit = True
    await serving
    await events.close()
    await warmer.close()
    await health.close()
    await edge.close()
    await recommend.close()
    await views.close()


def _past(objects_url: str, log: Log) -> Source:
    """The log, and the lake below its start."""
    from streams.lake.shelf import Shelf  # noqa: PLC0415 - Arrow takes half a second to import
    from streams.log_joined import JoinedLog  # noqa: PLC0415
    from streams.log_lake import LakeLog  # noqa: PLC0415

    return JoinedLog(log, LakeLog(Shelf.at(objects_url)))


def add_probes(application: FastAPI, app: App) -> None:
    """`/healthz`, `/readyz` and `/metrics`, as all processes have them."""

    async def health() -> Any:
        return {"status": "ok"}

    async def ready() -> Any:
        lacks = app.lacks()
        return JSONResponse({"ready": not lacks, "reasons": lacks}, 503 if lacks else 200)

    async def metrics() -> Any:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    for path, answer in (("/healthz", health), ("/readyz", ready), ("/metrics", metrics)):
        application.add_api_route(path, answer, include_in_schema=False)


if __name__ == "__main__":
    run("api", api)
