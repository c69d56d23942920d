"""Sends snapshots beside the folding, and fetches the one that a partition goes on from."""

import asyncio
import shutil
from collections.abc import Coroutine
from concurrent import futures
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import structlog
from prometheus_client import Counter, Histogram
from rocksdict import Checkpoint, Rdict

from streams.errors import TransientError
from streams.snapshots import Snapshot, Snapshots, Whole
from streams.store import Progress

R = TypeVar("R")
logger = structlog.get_logger()
EVERY = 10_000
"""Records between two snapshots of a partition: what a recovery folds anew, a tenth of a second at 100,000 records a second; and a look
at the past, which of four partitions with a fold of 18 us a record stays within a second (`./chronicast bench view_at`)."""
LEAST = 1_000
"""Records that make a snapshot worth its while when a partition is given away: fewer are folded anew in less time than it takes."""
WAITING = 8
"""Snapshots that may wait to be sent: each keeps files on the disk that RocksDB has replaced. Beyond it none is taken: while the object
store is away, what they would hold is on the log."""
CHECKPOINTS = ".checkpoints"
"""Folder beside the stores: checkpoints are hard links, so they lie on the same disk."""
SNAPSHOTS = Counter("store_snapshots_total", "Snapshots of stores: sent, failed, or left out because too many wait.", ["view", "outcome"])
SECONDS = Histogram("store_snapshot_seconds", "From a checkpoint to its manifest.", ["view"])


class SnapshotThread:
    """The snapshots of a process's stores, sent one after another by a thread with an event loop of its own.

    The thread is a daemon: a process that must end does not wait for an object store. What is cut off is never seen: its manifest
    is missing.
    """

    def __init__(self, snapshots: Snapshots, directory: Path) -> None:
        """`directory` is the stores' own; the thread starts with the first request."""
        self._snapshots = snapshots
        self._checkpoints = directory / CHECKPOINTS
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending = asyncio.Lock()
        self._unsent: dict[Path, futures.Future[None]] = {}
        """By checkpoint."""

    def fetch(self, view: str, partition: int, directory: Path, beyond: int, whole: Whole) -> Snapshot | None:
        """Makes `directory`, which must not exist, the store of the newest whole snapshot whose watermark is past `beyond`; None without.

        Raises:
            TransientError: the object store does not answer.
        """
        for left in (self._checkpoints / view / str(partition)).glob("*"):
            if left not in self._unsent:  # of an owner here that was killed
                shutil.rmtree(left, ignore_errors=True)
        try:
            return self._do(self._snapshots.restore(view, partition, directory, beyond=beyond, whole=whole)).result()
        except Exception as cause:  # obstore's errors have no base of their own
            raise TransientError(f"the snapshots of {view}/{partition} cannot be read: {cause}") from cause

    def take(self, view: str, partition: int, db: Rdict, progress: Progress) -> None:
        """Takes a checkpoint at once; it is sent when those before it are."""
        self._unsent = {path: sending for path, sending in self._unsent.items() if not sending.done()}
        if len(self._unsent) >= WAITING:
            SNAPSHOTS.labels(view, "left out").inc()
            return
        checkpoint = self._checkpoints / view / str(partition) / str(progress.watermark)
        shutil.rmtree(checkpoint, ignore_errors=True)
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        Checkpoint(db).create_checkpoint(str(checkpoint))
        self._unsent[checkpoint] = self._do(self._send(view, partition, progress, checkpoint))

    def wait(self, seconds: float) -> bool:
        """Waits until all that was taken is sent, or the time is over; whether it is."""
        return not futures.wait(self._unsent.values(), seconds).not_done

    async def _send(self, view: str, partition: int, progress: Progress, checkpoint: Path) -> None:
        """Sends one, then removes older ones that need not be kept. A failure costs this snapshot alone."""
        try:
            async with self._sending:
                with SECONDS.labels(view).time():
                    await self._snapshots.save(view, partition, progress, checkpoint)
                    await self._snapshots.prune(view, partition)
            SNAPSHOTS.labels(view, "sent").inc()
        except Exception as cause:
            SNAPSHOTS.labels(view, "failed").inc()
            logger.warning("snapshot was not sent", view=view, partition=partition, watermark=progress.watermark, cause=repr(cause))
        finally:
            await asyncio.to_thread(shutil.rmtree, checkpoint, ignore_errors=True)

    def _do(self, work: Coroutine[Any, Any, R]) -> futures.Future[R]:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            Thread(target=self._loop.run_forever, name="snapshots", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)
