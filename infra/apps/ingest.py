"""The ingest: takes RTMP and RTMPS in, and turns it into objects and events."""

import asyncio
import ssl

from infra.apps.service import App, run
from infra.settings import Settings
from streams.edges.ingest.config import IngestConfig
from streams.edges.ingest.server import Ingest


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
        await app.stopping.wait()
        await edge.close()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """The context of RTMPS, if a certificate was given."""
    if not settings.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
    return context


if __name__ == "__main__":
    run("ingest", ingest)
