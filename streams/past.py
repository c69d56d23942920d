"""Past states of a view's partition, from its snapshots."""

import shutil
from pathlib import Path

import structlog

from streams.snapshots import Snapshots
from streams.store import Progress
from streams.store_reading import ReadOnlyStore, StoreReading

logger = structlog.get_logger()


async def restore_whole(
    snapshots: Snapshots | None, view: str, partition: int, path: Path, *, at_most: int, beyond: int = -2
) -> Progress | None:
    """Makes `path`, which must not exist, the newest snapshot whose rows are those that its digest was kept of; None without.

    A snapshot's files are checked when they are fetched; the rows are checked here, for they may have been damaged before it was taken.
    """
    while snapshots is not None:
        snapshot = await snapshots.restore(view, partition, path, at_most=at_most, beyond=beyond)
        if snapshot is None:
            return None
        store = ReadOnlyStore(path)
        try:
            reading = StoreReading(store)
        finally:
            store.close()
        if reading.whole and reading.progress == snapshot.progress:
            return snapshot.progress
        logger.warning("snapshot passed over: its rows were damaged", view=view, partition=partition, watermark=snapshot.watermark)
        shutil.rmtree(path)
        at_most = snapshot.watermark - 1
    return None
