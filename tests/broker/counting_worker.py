"""A process that runs the counting fold in a Faust worker: what the kill tests kill.

`python -m tests.broker.counting_worker BOOTSTRAP DIRECTORY [INSTANCE]`; with SNAPSHOTS=URL in the environment, stores are saved to that
object store every 2,000 records.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.faust_driver import FaustWorker
from streams.log_kafka import KafkaLog
from streams.objects import StoredObjects
from streams.snapshots import Snapshots
from streams.store_rocksdict import RocksStores
from tests.simulation.counting import CountingFold, preloaded

SESSION_S = 3.0
"""Shorter than the product's, for the tests' sake."""


async def work(bootstrap: str, directory: Path, instance: str | None) -> None:
    url = os.environ.get("SNAPSHOTS")
    snapshots = Snapshots(StoredObjects.at(url), [CountingFold()]) if url else None
    stores = RocksStores(directory / "stores", snapshots=snapshots, every=2_000)
    log, stopping = KafkaLog(bootstrap), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    worker = FaustWorker(
        [CountingFold()],
        log,
        Codec(preloaded(LocalRegistry())),
        stores,
        bootstrap=bootstrap,
        directory=directory / "faust",
        instance=instance,
        session_s=SESSION_S,
    )
    try:
        await worker.run(stopping)
        stores.sent(2)
    finally:
        log.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None))
