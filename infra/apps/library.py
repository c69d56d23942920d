"""The library's process: makes VODs and clips of what was live, keeps them, and writes what there is into tables."""

import asyncio

from infra.apps.service import App, run
from sinks.archive.archivist import Archivist
from sinks.archive.config import ArchiveConfig
from sinks.clips.shelf import ClipShelf
from sinks.clips.worker import ClipWorker
from sinks.tables.projection import Projection


async def library(app: App) -> None:
    """Archives until stopped."""
    settings, parts = app.settings, app.parts
    publisher = await asyncio.to_thread(parts.publisher, f"archivist-{settings.node}")
    config = ArchiveConfig(partner_days=settings.retention_days_partner, other_days=settings.retention_days)
    tables = Projection(parts.log, parts.codec, settings.postgres_url)
    archivist = Archivist(parts.log, parts.codec, parts.objects, publisher, config, past=parts.past())
    clips = ClipWorker(parts.log, parts.codec, parts.objects, publisher, past=parts.past())
    shelf = ClipShelf(parts.log, parts.codec, parts.objects)
    app.checks["archivist"] = archivist.lacks
    app.checks["clips"] = clips.lacks
    app.checks["clip shelf"] = shelf.lacks
    app.checks["tables"] = tables.lacks
    async with app.serving(settings.ports.library):
        await archivist.start()
        await clips.start()
        await shelf.start()
        await asyncio.to_thread(tables.start)
        await app.stopping.wait()
        await shelf.close()
        await clips.close()
        await archivist.close()
        await asyncio.to_thread(tables.close)


if __name__ == "__main__":
    run("library", library)
