"""A process that commits to a RocksDB store as fast as it can, until it is killed.

`python -m tests.simulation.store_writer DIRECTORY [OBJECTS]`; with the URL of an object store, the store is saved there every 20 batches.

Batch number n writes n to every one of 50 rows, and n as the watermark.
"""

import sys
from pathlib import Path

import msgspec
import structlog

from streams.fold import Table
from streams.objects import StoredObjects
from streams.rows import Batch
from streams.snapshots import Snapshots
from streams.store import Progress
from streams.store_rocksdict import RocksStores
from tests.simulation.counting import CountingFold


class Number(msgspec.Struct, frozen=True):
    n: int
    padding: bytes = b""


NUMBERS = Table("numbers", Number)
DECODERS = {NUMBERS.name: msgspec.msgpack.Decoder(Number)}
ROWS = 50


class Writer(CountingFold):
    """What is known of the rows in snapshots."""

    name = "writer"
    tables = (NUMBERS,)


def write(directory: Path, objects: str | None) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    snapshots = Snapshots(StoredObjects.at(objects), [Writer()]) if objects else None
    store = RocksStores(directory, snapshots=snapshots, every=20).open("writer.v1", 0)
    progress = store.progress()
    while True:
        batch = Batch(store, DECODERS)
        number = progress.watermark + 1
        for row in range(ROWS):
            batch.rows(b"key")[NUMBERS][str(row)] = Number(number, bytes(number % 400))
        changes, digest = batch.changes(progress.digest)
        progress = Progress(number, digest)
        store.commit(changes, progress)
        print(number, flush=True)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
