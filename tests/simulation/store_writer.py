"""A process that commits to a RocksDB store as fast as it can, until it is killed: `python -m tests.simulation.store_writer DIRECTORY`.

Batch number n writes n to every one of 50 rows, and n as the watermark.
"""

import sys
from pathlib import Path

import msgspec

from streams.fold import Table
from streams.rows import Batch
from streams.store import Progress
from streams.store_rocksdict import RocksStores


class Number(msgspec.Struct, frozen=True):
    n: int
    padding: bytes = b""


NUMBERS = Table("numbers", Number)
DECODERS = {NUMBERS.name: msgspec.msgpack.Decoder(Number)}
ROWS = 50


def write(directory: Path) -> None:
    store = RocksStores(directory).open("writer.v1", 0)
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
    write(Path(sys.argv[1]))
