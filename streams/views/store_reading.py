"""A partition's store read beside the worker that holds it: RocksDB opened read-only, without its lock, as it was at the opening."""

from pathlib import Path

from streams.errors import FatalError, StreamingError
from streams.store import BEGINNING, Progress, Store, digest_of
from streams.store_rocksdict import ReadOnlyStore

TRIES = 8
"""An opening that races a flush may miss the write-ahead log that the flush replaced: 3 in 100 did beside a worker that commits without
pause. A store that is really damaged is so each time."""


class NoStoreError(StreamingError):
    """The view has no store for this partition here.

    Operator action: look on the host whose worker has the partition; where the directory was lost, `rebuild` makes it again.
    """


class StoreReading:
    """What a store held at one moment, and whether its rows are those that were written."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.damage = ""
        """Why position and digest cannot be read; empty where they can."""
        try:
            self.progress = store.progress()
        except Exception as cause:  # rocksdict raises nothing more particular
            self.progress, self.damage = BEGINNING, str(cause)
        self.rows_digest = digest_of(store)
        """Computed from the rows. Where it is not the digest kept with them, something but the worker changed them."""

    @property
    def whole(self) -> bool:
        """Whether the rows are those that the digest was kept of."""
        return not self.damage and self.rows_digest == self.progress.digest


def partitions_of(directory: Path) -> list[int]:
    """The partitions that have a store in a view's directory."""
    return sorted(int(path.name) for path in directory.glob("*") if path.name.isdigit() and (path / "CURRENT").exists())


def open_reading(path: Path) -> StoreReading:
    """Opens one partition's directory for reading, again where the opening raced a flush. Close its `store` at the end.

    Raises:
        NoStoreError: there is none.
        FatalError: RocksDB cannot read it, however often it is tried.
    """
    if not (path / "CURRENT").exists():
        raise NoStoreError(f"{path} holds no store: the view was never folded on this host, or the directory was removed")
    for attempt in range(1, TRIES + 1):
        try:
            reading = StoreReading(ReadOnlyStore(path))
        except Exception as cause:  # rocksdict raises nothing more particular
            if attempt == TRIES:
                raise FatalError(f"{path} cannot be read: {cause}. Rebuild the view: ./chronicast rebuild VIEW") from cause
            continue
        if reading.whole or attempt == TRIES:
            return reading
        reading.store.close()
    raise AssertionError


def progress_at(path: Path) -> Progress:
    """How far a partition's store is, without a look at its rows.

    Raises:
        NoStoreError: there is none.
        FatalError: RocksDB cannot read it.
    """
    if not (path / "CURRENT").exists():
        raise NoStoreError(f"{path} holds no store")
    try:
        store = ReadOnlyStore(path)
        try:
            return store.progress()
        finally:
            store.close()
    except Exception as cause:  # rocksdict raises nothing more particular
        raise FatalError(f"{path} cannot be read: {cause}") from cause
