"""The ingest: takes RTMP and RTMPS in, and turns it into objects and events."""

import asyncio
import ssl

import structlog

from infra.apps.service import App, run
from infra.settings import Settings
from processors.routing.choice import REPORTED_US
from processors.routing.regions import REGIONS
from schemas.events import IngestNode
from streams.edges.ingest.config import IngestConfig
from streams.edges.ingest.server import Ingest
from streams.errors import StreamingError
from streams.publisher import Publisher

logger = structlog.get_logger()


async def ingest(app: App) -> None:
    """Takes publishers until stopped."""
    settings = app.settings
    node = f"ingest-{settings.region}-{settings.node}"
    publisher = await asyncio.to_thread(app.parts.publisher, node)
    tls = _tls(settings)
    config = IngestConfig(
        node=node,
        region=settings.region,
        host=settings.listen,
        port=settings.ports.rtmp,
        tls=tls,
        tls_port=settings.ports.rtmps if tls else None,
        grace_s=settings.grace_seconds,
    )
    edge = Ingest(config, app.parts.log, app.parts.codec, publisher, app.parts.objects)
    app.checks["publishers"] = lambda: "; ".join(edge.unready())
    async with app.serving(settings.ports.ingest):
        await edge.start()
        reporting = asyncio.create_task(report(edge, config, publisher, settings.rtmp_url))
        await app.stopping.wait()
        reporting.cancel()
        await edge.close()


async def report(edge: Ingest, config: IngestConfig, publisher: Publisher, url: str) -> None:
    """Tells of the node for as long as it runs, so that publishers are sent to it."""
    north, east = REGIONS.get(config.region, (0.0, 0.0))
    while True:
        node = IngestNode(
            node_id=config.node,
            region=config.region,
            url=url,
            latitude=north,
            longitude=east,
            publishers=edge.publishers,
            capacity=config.most_publishers,
            healthy=not edge.unready(),
        )
        try:
            publisher.publish(node)
        except StreamingError as cause:
            logger.warning("the node could not be told of", cause=str(cause))
        await asyncio.sleep(REPORTED_US / 1_000_000)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """The context of RTMPS, if a certificate was given."""
    if not settings.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
    return context


if __name__ == "__main__":
    run("ingest", ingest)
