"""The Faust worker: runs the folds that decide."""

import asyncio

from infra.apps.service import App, run
from infra.version import code_version
from infra.views import DECIDING
from streams.faust_driver import FaustWorker
from streams.store_rocksdict import RocksStores
from streams.ticker import Ticker


async def folds(app: App) -> None:
    """Folds until stopped."""
    settings = app.settings
    publisher = await asyncio.to_thread(app.parts.publisher, f"ticker-{settings.node}")
    worker = FaustWorker(
        DECIDING,
        app.parts.log,
        app.parts.codec,
        RocksStores(settings.folder / "views"),
        bootstrap=settings.bootstrap,
        directory=settings.folder / "faust",
        ticker=Ticker(publisher),
        instance=settings.node,
        code_version=code_version(),
    )
    app.checks["views"] = worker.lacks
    async with app.serving(settings.ports.folds):
        await worker.run(app.stopping)


if __name__ == "__main__":
    run("folds", folds)
