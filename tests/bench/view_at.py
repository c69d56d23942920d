"""How long a look at the past takes: `./chronicast bench view_at [--events N] [--every N] [--looks N]`.

A log on a broker of its own, the counting view folded with a snapshot every so many records, and looks at random moments: all rows, and
the rows of one key; with the snapshots and without.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from schemas.events import Followed
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.clock import now_us
from streams.errors import BacklogFullError
from streams.kafka_source import KafkaSource
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.objects import StoredObjects
from streams.outputs import view_name
from streams.publisher import Publisher
from streams.snapshot_thread import EVERY
from streams.snapshots import Snapshots
from streams.store_rocksdict import RocksStores
from streams.views.moments import Archive, PastView, key_at, view_at
from streams.views.refolding import Refold, refold
from tests.bench._machine import machine
from tests.conftest import Broker
from tests.simulation.counting import INPUT, CountingFold, preloaded

CHANNELS, USERS = 1_009, 77
AGO_US = 3_600_000_000
"""Events begin an hour ago: within the topic's retention."""
STEP_US = 1_000
"""Events lie 1 ms apart."""
MOST_S = 1.0
"""95 of 100 looks with snapshots may take so long (E12)."""
Look = Callable[[Archive, int, Path], Awaitable[PastView]]


def fill(bootstrap: str, codec: Codec, began_us: int, events: int) -> None:
    """Puts the events on the log."""
    ensure_topics(bootstrap)
    log = KafkaLog(bootstrap, linger_ms=5)
    publisher = Publisher(log, codec, "bench-1")
    for i in range(events):
        event = replace(Followed(channel_id=str(i % CHANNELS), user_id=str(i % USERS)), occurred_at=began_us + i * STEP_US)
        while True:
            try:
                publisher.publish(event)
            except BacklogFullError:
                time.sleep(0.01)
            else:
                break
    assert log.flush(120)
    log.close()


async def fold(archive: Archive, folder: Path, every: int) -> None:
    """Folds the view, which leaves its snapshots."""
    stores = RocksStores(folder, snapshots=archive.snapshots, every=every)
    for partition, end in archive.source.ends(INPUT).items():
        store = stores.open(view_name(archive.fold), partition)
        await refold(Refold(archive.fold, archive.codec, store, partition), archive.source, end)
        store.close()
    assert stores.sent(60)


async def all_rows(archive: Archive, at_ms: int, folder: Path) -> PastView:
    return await view_at(archive, archive.positions(at_ms), folder)


async def one_key(archive: Archive, at_ms: int, folder: Path) -> PastView:
    return await key_at(archive, str(at_ms % CHANNELS), archive.positions(at_ms), folder)


async def measure(archive: Archive, look: Look, moments: list[int], folder: Path) -> dict[str, float]:
    """Seconds of the looks, and the records that each folded."""
    seconds, folded = [], []
    for number, at in enumerate(moments):
        began = time.perf_counter()
        past = await look(archive, at, folder / str(number))
        assert sum(1 for _ in past.rows())
        seconds.append(time.perf_counter() - began)
        folded.append(past.folded)
        past.close()
    seconds.sort()
    return {
        "p50_s": round(seconds[len(seconds) // 2], 3),
        "p95_s": round(seconds[int(0.95 * (len(seconds) - 1))], 3),
        "folded_mean": round(sum(folded) / len(folded)),
    }


async def run(bootstrap: str, codec: Codec, folder: Path, began_us: int, options: argparse.Namespace) -> dict[str, Any]:
    """Measures; the result."""
    snapshots = Snapshots(StoredObjects.at(f"file://{folder / 'objects'}"), [CountingFold()])
    archive = Archive(CountingFold(), KafkaSource(bootstrap), codec, view_name(CountingFold()), snapshots)
    await fold(archive, folder / "live", options.every)
    dice = random.Random(1)
    moments = [began_us // 1_000 + dice.randrange(options.events * STEP_US // 1_000) for _ in range(options.looks)]
    few = moments[: max(5, options.looks // 8)]
    result: dict[str, Any] = {"events": options.events, "every": options.every, "looks": options.looks, "machine": machine()}
    for name, look in (("all rows", all_rows), ("one key", one_key)):
        with_them = await measure(archive, look, moments, folder / "with")
        without = await measure(archive._replace(snapshots=None), look, few, folder / "without")
        result[name] = {"with": with_them, "without": without, "ratio": round(without["p95_s"] / with_them["p95_s"], 1)}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--every", type=int, default=EVERY, help="records of a partition between two snapshots")
    parser.add_argument("--looks", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "kafka")
        (Path(folder) / "kafka").mkdir()
        broker.start()
        try:
            codec, began_us = Codec(preloaded(LocalRegistry())), now_us() - AGO_US
            fill(broker.bootstrap, codec, began_us, options.events)
            result = asyncio.run(run(broker.bootstrap, codec, Path(folder), began_us, options))
            print(json.dumps(result, indent=2))
            raise SystemExit(result["all rows"]["with"]["p95_s"] > MOST_S)
        finally:
            broker.kill()


if __name__ == "__main__":
    main()
