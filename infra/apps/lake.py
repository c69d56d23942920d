"""The lake's writer: lands every topic as Parquet in the object store."""

import asyncio

from infra.apps.service import App, run
from sinks.lake.lake import Lake, Limits
from streams.lake.shelf import Shelf


async def lake(app: App) -> None:
    """Lands until stopped, and at the end what has been read."""
    writer = Lake(app.parts.log, app.parts.registry, Shelf.at(app.settings.objects_url), limits=Limits(app.settings.lake_seconds))
    app.checks["lake"] = writer.lacks
    async with app.serving(app.settings.ports.lake):
        landing = asyncio.create_task(asyncio.to_thread(writer.run))
        stopping = asyncio.create_task(app.stopping.wait())
        await asyncio.wait((landing, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await asyncio.to_thread(writer.close)
        await landing


if __name__ == "__main__":
    run("lake", lake)
