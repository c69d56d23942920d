"""Speed of the runner: `python -m tests.bench.runner [--events N]`.

The counting fold (one Avro event in, two rows and one Avro event with its headers out), a broker of its own.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from schemas.events import Followed
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.clock import now_us
from streams.errors import BacklogFullError
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.plain_driver import follow, replay
from streams.publisher import Publisher
from streams.runner import Runner
from streams.store_rocksdict import RocksStores
from tests.conftest import Broker
from tests.simulation.counting import INPUT, OUTPUT, CountingFold, preloaded

CHANNELS, USERS = 1_009, 77
RATES = (200, 1_000, 5_000)
"""Events a second at which the latency is measured."""
SECONDS = 8


class Bench:
    """A broker with input on it."""

    def __init__(self, bootstrap: str, folder: Path, events: int) -> None:
        self.bootstrap, self.folder, self.events = bootstrap, folder, events
        ensure_topics(bootstrap)
        self.log, self.codec = KafkaLog(bootstrap), Codec(preloaded(LocalRegistry()))
        self._publisher = Publisher(self.log, self.codec, "bench-1")

    def publish(self, i: int) -> None:
        while True:
            try:
                self._publisher.publish(Followed(channel_id=str(i % CHANNELS), user_id=str(i % USERS)))
            except BacklogFullError:
                time.sleep(0.01)
            else:
                return

    def fill(self) -> float:
        began = time.perf_counter()
        for i in range(self.events):
            self.publish(i)
        assert self.log.flush(120)
        return self.events / (time.perf_counter() - began)

    def count(self) -> int:
        return sum(self.log.ends(OUTPUT).values())

    def _rate(self, target: int) -> float:
        """Outputs a second from the first to the last."""
        while not (first := self.count()):
            time.sleep(0.01)
        began = time.perf_counter()
        while self.count() < target:
            time.sleep(0.01)
        return (target - first) / (time.perf_counter() - began)

    def worker(self) -> dict[str, object]:
        """A Faust worker: what it makes of a backlog, then its latency."""
        command = [sys.executable, "-m", "tests.broker.counting_worker", self.bootstrap, str(self.folder / "faust")]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            found: dict[str, object] = {"events_per_s": round(self._rate(self.events))}
            for rate in RATES:
                found[f"latency_ms_at_{rate}_per_s"] = self._latency(rate)
            os.kill(process.pid, signal.SIGTERM)
        return found

    def _latency(self, rate: int) -> dict[str, float]:
        """From an event's time of publishing to its output's arrival at a reader, milliseconds."""
        took: list[float] = []
        starts = {(OUTPUT, partition): end for partition, end in self.log.ends(OUTPUT).items()}
        tail = self.log.tail(
            starts, lambda batch: took.extend((now_us() - self.codec.decode(r.value or b"").occurred_at) / 1e3 for r in batch)
        )
        began, sent = time.perf_counter(), 0
        while sent < rate * SECONDS:
            while sent < (time.perf_counter() - began) * rate:
                self.publish(sent)
                sent += 1
            time.sleep(0.001)
        time.sleep(1)
        tail.close()
        took.sort()
        return {"p50": round(took[len(took) // 2], 1), "p99": round(took[len(took) * 99 // 100], 1), "outputs": len(took)}

    def plain(self) -> dict[str, int]:
        """The same fold without Faust: live into new stores, and as a silent replay."""
        ends = self.log.ends(INPUT)
        total = sum(ends.values())

        async def live() -> float:
            stopping, before = asyncio.Event(), self.count()
            runner = Runner(CountingFold(), self.log, self.codec, RocksStores(self.folder / "live"))
            began = time.perf_counter()
            work = asyncio.create_task(follow(runner, self.log, stopping))
            while await asyncio.to_thread(self.count) < before + total:
                await asyncio.sleep(0.02)
            took = time.perf_counter() - began
            stopping.set()
            await work
            return total / took

        async def silent() -> tuple[float, float]:
            runner = Runner(CountingFold(), self.log, self.codec, RocksStores(self.folder / "silent"))
            began, cpu = time.perf_counter(), time.process_time()
            await replay(runner, self.log, ends)
            return total / (time.perf_counter() - began), (time.process_time() - cpu) / total * 1e6

        rate, cost = asyncio.run(silent())
        return {"live_events_per_s": round(asyncio.run(live())), "replay_events_per_s": round(rate), "replay_cpu_us_per_event": round(cost)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "kafka")
        broker.start()
        try:
            bench = Bench(broker.bootstrap, Path(folder), events)
            result = {"publisher_events_per_s": round(bench.fill()), "faust": bench.worker(), "plain": bench.plain()}
            bench.log.close()
        finally:
            broker.kill()
    print(json.dumps({"events": events, "load": os.getloadavg()[0], **result}, indent=2))


if __name__ == "__main__":
    main()
