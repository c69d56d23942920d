"""The Faust worker: runs the folds that decide."""

import asyncio

from infra.apps.service import App, run
from infra.version import code_version
from infra.views import DECIDING
from streams.faust_driver import FaustWorker
from streams.snapshots import Snapshots
from streams.store_rocksdict import RocksStores
from streams.ticker import Ticker

SENT_S = 2.0
"""For the snapshots of the end; what is not sent by then is folded anew by the next owner. The worker's own end takes up to 4 s of 12."""


async def folds(app: App) -> None:
    """Folds until stopped."""
    settings = app.settings
    publisher = await asyncio.to_thread(app.parts.publisher, f"ticker-{settings.node}")
    stores = RocksStores(settings.folder / "views", snapshots=Snapshots(app.parts.objects, DECIDING, code_version()))
    worker = FaustWorker(
        DECIDING,
        app.parts.log,
        app.parts.codec,
        stores,
        bootstrap=settings.bootstrap,
        directory=settings.folder / "faust",
        ticker=Ticker(publisher),
        instance=settings.node,
        code_version=code_version(),
    )
    app.checks["views"] = worker.lacks
    async with app.serving(settings.ports.folds):
        await worker.run(app.stopping)
    await asyncio.to_thread(stores.sent, SENT_S)


if __name__ == "__main__":
    run("folds", folds)
