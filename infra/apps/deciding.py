"""A Faust worker's process: runs folds that decide, with their stores on this machine's disk."""

import asyncio
import gc
from collections.abc import Sequence

from infra.apps.service import App
from infra.version import code_version
from schemas.events import ViewCutOver
from schemas.wire import Codec
from streams.faust_driver import FaustWorker
from streams.fold import Fold
from streams.follower import Follower
from streams.outputs import view_name
from streams.publisher import Publisher
from streams.snapshots import Snapshots
from streams.store_rocksdict import RocksStores
from streams.ticker import Ticker
from streams.views.generations import TOPIC, ActiveStores, Generations, register

COLLECT_AFTER = 50_000
"""Objects made until Python looks for cycles among them. A batch makes tens of thousands, and none is in a cycle; at the default of
700 looking takes a tenth of the time (16.0 us an event against 14.2)."""
SENT_S = 2.0
"""For the snapshots of the end; what is not sent by then is folded anew by the next owner. The worker's own end takes up to 4 s of 12."""


async def decide(app: App, folds: Sequence[Fold], codec: Codec, publisher: Publisher, port: int, *, ticks: bool) -> None:
    """Folds until stopped.

    `port` is for probes. `ticks`: whether this worker is the one that writes the system's ticks.
    """
    gc.set_threshold(COLLECT_AFTER)
    settings, parts = app.settings, app.parts
    generations = Generations()
    registry = Follower(parts.log, parts.codec, [TOPIC], generations.apply)
    await registry.start()
    for fold in folds:
        await asyncio.to_thread(register, generations, publisher, fold)
    stores = RocksStores(settings.folder / "views", snapshots=Snapshots(parts.objects, folds, code_version()))
    active = ActiveStores(stores, generations)
    running = [fold for fold in folds if generations.runs(fold)]
    worker = FaustWorker(
        running,
        parts.log,
        codec,
        active,
        bootstrap=settings.bootstrap,
        directory=settings.folder / "faust",
        ticker=Ticker(publisher) if ticks else None,
        instance=settings.node,
        code_version=code_version(),
        sent=generations.sent,
    )
    tasks = set()

    def cut_over(event: ViewCutOver) -> None:
        """Another set of stores takes over; another version of a fold is for a process that starts with it."""
        for fold in folds:
            if fold.name == event.view and generations.runs(fold) != (fold in running):
                app.stopping.set()
            elif fold.name == event.view and active.outdated(view_name(fold)):
                tasks.add(asyncio.create_task(worker.reopen(view_name(fold))))

    generations.changed = cut_over
    app.checks["views"] = worker.lacks
    app.checks["versions"] = lambda: _waiting(folds, generations)
    async with app.serving(port):
        await (worker.run(app.stopping) if running else app.stopping.wait())
    await registry.close()
    await asyncio.to_thread(stores.sent, SENT_S)


def _waiting(folds: Sequence[Fold], generations: Generations) -> str:
    """Which views another version is in use of than this build's."""
    others = [fold for fold in folds if not generations.runs(fold)]
    return "; ".join(
        f"{fold.name} is in use as {generations.active(fold).stores(fold.name)} and this build has v{fold.version}: "
        f"./chronicast rebuild {fold.name}"
        for fold in others
    )
