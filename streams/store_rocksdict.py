"""Stores on RocksDB, a directory for each partition of a view."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch

from streams.errors import FatalError
from streams.store import BEGINNING, DIGEST_BYTES, Progress, Store, StoreBusyError

CACHE_BYTES = 64 << 20
"""Read cache of all partitions of a process together: RocksDB's own default is one per database, at 32 MiB each."""
WRITE_BUFFER_BYTES = 8 << 20
WRITE_BUFFERS = 2
"""At most 16 MiB of unflushed rows a partition; the default is 128 MiB, times every partition of a process."""
BLOOM_BITS = 10
"""Bits a key: one look-up of a missing row in a hundred touches the disk."""
LOG_FILES = 2
"""RocksDB's own text logs kept; the default is a thousand."""
PROGRESS = b"\xff\xffprogress"
"""No row lies here: an event key is shorter than 0xFFFF bytes (`store.KEY_MAX`)."""


class RocksStore:
    """One partition's rows.

    The write-ahead log is on and not synced: SIGKILL loses nothing; a power cut may lose the last batches, rows and
    watermark together, and they are folded again from the log.
    """

    def __init__(self, db: Rdict) -> None:
        self._db = db

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

    def close(self) -> None:
        """Closes the database and its lock."""
        self._db.close()


class RocksStores:
    """The stores of a process, under one directory, with one block cache."""

    def __init__(self, directory: Path, cache_bytes: int = CACHE_BYTES) -> None:
        self._directory = directory
        self._cache = Cache(cache_bytes)

    def open(self, view: str, partition: int) -> Store:
        """Opens `{directory}/{view}/{partition}`, made where it is missing.

        Raises:
            StoreBusyError: another process has it open.
            FatalError: RocksDB cannot open it.
        """
        path = self._directory / view / str(partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return RocksStore(Rdict(str(path), self._options()))
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
