"""A partition's snapshots beside its worker's: whole ones fetched, and a store that is closed saved."""

import asyncio
import shutil
from pathlib import Path

from rocksdict import Checkpoint, Options, Rdict

from streams.snapshots import Snapshot, Snapshots
from streams.store_rocksdict import ReadOnlyStore, is_whole


async def restore_whole(
    snapshots: Snapshots | None, view: str, partition: int, path: Path, *, at_most: int, beyond: int = -1
) -> Snapshot | None:
    """Makes `path`, which must not exist, the newest snapshot whose rows are those that its digest was kept of; None without."""
    if snapshots is None:
        return None
    return await snapshots.restore(view, partition, path, at_most=at_most, beyond=beyond, whole=is_whole)


async def restore_base(
    snapshots: Snapshots | None, view: str, partition: int, path: Path, *, start: int, at_most: int, newest: bool = False
) -> int | None:
    """Makes `path` a whole snapshot from which the log, which begins at offset `start`, can be folded on; its watermark, None without.

    The oldest that will do, for it had the least time to go wrong, or the newest.
    """
    there = await snapshots.watermarks(view, partition, at_most) if snapshots else []
    usable = [watermark for watermark in there if watermark >= start - 1]
    for watermark in usable if newest else reversed(usable):
        if await restore_whole(snapshots, view, partition, path, at_most=watermark, beyond=watermark - 1):
            return watermark
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
