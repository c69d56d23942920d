"""A partition's snapshots beside its worker's: whole ones fetched, and a store that is closed saved."""

import asyncio
import shutil
from pathlib import Path

import structlog
from rocksdict import Checkpoint, Options, Rdict

from streams.snapshots import Snapshots
from streams.store import Progress
from streams.views.store_reading import ReadOnlyStore, StoreReading

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


async def save_closed(snapshots: Snapshots | None, view: str, partition: int, path: Path, checkpoint: Path) -> None:
    """Sends the store at `path`, which nobody has open, as a snapshot; nothing where it is empty. `checkpoint`: a place beside it."""
    if snapshots is None:
        return
    database = Rdict(str(path), Options(raw_mode=True))
    try:
        Checkpoint(database).create_checkpoint(str(checkpoint))
    finally:
        database.close()
    store = ReadOnlyStore(checkpoint)
    progress = store.progress()
    store.close()
    if progress.watermark >= 0:
        await snapshots.save(view, partition, progress, checkpoint)
    await asyncio.to_thread(shutil.rmtree, checkpoint)
