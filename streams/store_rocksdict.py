"""Stores on RocksDB, a directory for each partition of a view."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import cast

import structlog
from rocksdict import AccessType, BlockBasedOptions, Cache, Options, Rdict, WriteBatch

from streams.errors import FatalError, TransientError
from streams.snapshot_thread import EVERY, LEAST, SnapshotThread
from streams.snapshots import Snapshot, Snapshots
from streams.store import BEGINNING, DIGEST_BYTES, Progress, Store, StoreBusyError, digest_of

logger = structlog.get_logger()
CACHE_BYTES = 64 << 20
"""Read cache of all partitions of a process together: RocksDB's own default is one per database, at 32 MiB each."""
WRITE_BUFFER_BYTES = 8 << 20
WRITE_BUFFERS = 2
"""At most 16 MiB of unflushed rows a partition; the default is 128 MiB, times every partition of a process."""
BLOOM_BITS = 10
"""Bits a key: one look-up of a missing row in a hundred touches the disk."""
LOG_FILES = 2
"""RocksDB's own text logs kept; the default is a thousand."""
FLUSHED_AHEAD = 16
"""The part of the records between two snapshots that is left in memory: a checkpoint then holds the folding for 10-20 ms, otherwise 40."""
PROGRESS = b"\xff\xffprogress"
"""No row lies here: an event key is shorter than 0xFFFF bytes (`store.KEY_MAX`)."""


class RocksStore:
    """One partition's rows.

    The write-ahead log is on and not synced: SIGKILL loses nothing; a power cut may lose the last batches, rows and
    watermark together, and they are folded again from the log.
    """

    def __init__(self, db: Rdict, snapshots: "PartitionSnapshots | None" = None) -> None:
        self._db = db
        self._snapshots = snapshots

    def get(self, address: bytes) -> bytes | None:
        """The row, or None."""
        row: bytes | None = self._db.get(address)
        return row

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The rows with a prefix, in order, as of the call."""
        items = cast(Iterator[tuple[bytes, bytes]], self._db.items(from_key=max(prefix, start)))
        for address, row in items:
            if not address.startswith(prefix) or address == PROGRESS:
                return
            yield address, row

    def progress(self) -> Progress:
        """As of the last commit."""
        kept = self._db.get(PROGRESS)
        if kept is None:
            return BEGINNING
        return Progress(int.from_bytes(kept[DIGEST_BYTES:], "big"), int.from_bytes(kept[:DIGEST_BYTES], "big"))

    def commit(self, changes: Mapping[bytes, bytes | None], progress: Progress) -> None:
        """Writes rows and progress in one batch."""
        batch = WriteBatch(raw_mode=True)
        for address, row in changes.items():
            if row is None:
                batch.delete(address)
            else:
                batch.put(address, row)
        batch.put(PROGRESS, progress.digest.to_bytes(DIGEST_BYTES, "big") + progress.watermark.to_bytes(8, "big"))
        self._db.write(batch)
        if self._snapshots is not None:
            self._snapshots.committed(self._db, progress)

    def close(self) -> None:
        """Closes the database and its lock; what is worth a snapshot is taken before."""
        if self._snapshots is not None:
            self._snapshots.closing(self._db, self.progress())
        self._db.close()


class ReadOnlyStore(RocksStore):
    """A store that cannot be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_only(False)))


def is_whole(path: Path, snapshot: Snapshot) -> bool:
    """Whether the store at `path` holds the rows that the snapshot's digest was kept of: some 300,000 a second are read for it."""
    try:
        with closing(ReadOnlyStore(path)) as store:
            return store.progress() == snapshot.progress and digest_of(store) == snapshot.progress.digest
    except Exception:  # damaged files; rocksdict raises nothing more particular
        return False


class PartitionSnapshots:
    """When a partition's snapshots are taken."""

    def __init__(self, thread: SnapshotThread, view: str, partition: int, newest: int, every: int) -> None:
        """`newest`: the watermark from which records are counted."""
        self._thread = thread
        self._at = (view, partition)
        self._newest = newest
        self._every = every
        self._flushing = False

    def committed(self, db: Rdict, progress: Progress) -> None:
        """By the number of records. Shortly before, rows begin to be written to files, so that a checkpoint finds few that are not."""
        behind = progress.watermark - self._newest
        if behind >= self._every:
            self._take(db, progress)
        elif behind >= self._every - self._every // FLUSHED_AHEAD and not self._flushing:
            self._flushing = True
            db.flush(wait=False)

    def closing(self, db: Rdict, progress: Progress) -> None:
        """For the next owner, who may be on another host."""
        if progress.watermark - self._newest >= LEAST:
            self._take(db, progress)

    def _take(self, db: Rdict, progress: Progress) -> None:
        self._newest, self._flushing = progress.watermark, False
        self._thread.take(*self._at, db, progress)


class RocksStores:
    """The stores of a process, under one directory, with one block cache."""

    def __init__(self, directory: Path, cache_bytes: int = CACHE_BYTES, snapshots: Snapshots | None = None, every: int = EVERY) -> None:
        """With `snapshots`, one is taken every so many records; a partition that is not here, or was long ago, goes on from the newest."""
        self._directory = directory
        self._cache = Cache(cache_bytes)
        self._snapshots = None if snapshots is None else SnapshotThread(snapshots, directory)
        self._every = every

    def open(self, view: str, partition: int) -> Store:
        """Opens `{directory}/{view}/{partition}`, made where it is missing.

        Raises:
            StoreBusyError: another process has it open.
            FatalError: RocksDB cannot open it.
            TransientError: it is not here and the object store does not answer.
        """
        path = self._directory / view / str(partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._snapshots is None:
            return RocksStore(self._open(path))
        if path.exists():
            self._renew(self._snapshots, view, partition, path)
        elif restored := self._snapshots.fetch(view, partition, path, -1, is_whole):
            logger.info("store restored", view=view, partition=partition, watermark=restored.watermark)
        db = self._open(path)
        return RocksStore(db, PartitionSnapshots(self._snapshots, view, partition, RocksStore(db).progress().watermark, self._every))

    def sent(self, seconds: float) -> bool:
        """Waits until the snapshots that were taken are sent, or the time is over; whether they are."""
        return self._snapshots is None or self._snapshots.wait(seconds)

    def _renew(self, snapshots: SnapshotThread, view: str, partition: int, path: Path) -> None:
        """Replaces a store that was left here long ago by a newer snapshot.

        Folding on from it would be right only as long as the log holds what it lacks, and would take longer.
        """
        db = self._open(path)
        try:
            watermark = RocksStore(db).progress().watermark
        finally:
            db.close()
        newer = path.with_name(f"{path.name}.newer")
        shutil.rmtree(newer, ignore_errors=True)
        try:
            if renewed := snapshots.fetch(view, partition, newer, watermark + self._every, is_whole):
                shutil.rmtree(path)
                newer.rename(path)
                logger.info("store renewed", view=view, partition=partition, watermark=watermark, by=renewed.watermark)
        except TransientError as cause:
            logger.warning("goes on from the store that is here", view=view, partition=partition, watermark=watermark, cause=str(cause))

    def _open(self, path: Path) -> Rdict:
        try:
            return Rdict(str(path), self._options())
        except Exception as cause:  # rocksdict raises nothing more particular
            if "lock" in str(cause).lower():
                raise StoreBusyError(f"{path} is open in another process") from cause
            raise FatalError(f"{path} cannot be opened: {cause}. Remove the directory and the view is folded again from the log") from cause

    def _options(self) -> Options:
        table = BlockBasedOptions()
        table.set_block_cache(self._cache)
        table.set_bloom_filter(BLOOM_BITS, block_based=False)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(table)
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        options.set_max_write_buffer_number(WRITE_BUFFERS)
        options.set_keep_log_file_num(LOG_FILES)
        return options
