"""The work that the runner's bench gives to all: how many followed a channel, said in its chat, one output for each event.

`python -m tests.bench._reference BOOTSTRAP DIRECTORY` does it in our Faust worker.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import uvloop

from infra.apps.deciding import COLLECT_AFTER
from schemas.event import Event
from schemas.events import Followed, MessagePosted
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.faust_driver import FaustWorker
from streams.fold import At, Rows, Table
from streams.log_kafka import KafkaLog
from streams.store_rocksdict import RocksStores
from tests.bench._peer_event import said
from tests.simulation.counting import INPUT, preloaded


class Count(msgspec.Struct, frozen=True):
    total: int


COUNT = Table("count", Count)


class ReferenceFold:
    """Counts per channel."""

    name, version, inputs, outputs, tables = "reference", 1, (INPUT,), (MessagePosted,), (COUNT,)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        if isinstance(event, Followed):
            counts = rows[COUNT]
            known = counts.get("all")
            total = 1 if known is None else known.total + 1
            counts["all"] = Count(total)
            yield said(event, total)


async def work(bootstrap: str, directory: Path) -> None:
    log, stopping = KafkaLog(bootstrap), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    codec, stores = Codec(preloaded(LocalRegistry())), RocksStores(directory / "stores")
    try:
        await FaustWorker([ReferenceFold()], log, codec, stores, bootstrap=bootstrap, directory=directory / "faust").run(stopping)
    finally:
        log.close()


if __name__ == "__main__":
    gc.freeze()  # as the product's processes do
    gc.set_threshold(COLLECT_AFTER)
    uvloop.run(work(sys.argv[1], Path(sys.argv[2])))
