"""Speed of the runner beside its peers: `./chronicast bench runner [--events N] [--json FILE]`.

One stateful fold (count per channel), one output for each event, 1,000 channels; Avro and CloudEvents headers in and out; one
broker for all. Faust is the same work with an agent, a table and a sink; Quix Streams has an environment of its own.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from schemas.events import Followed
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.clock import now_us
from streams.errors import BacklogFullError
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher
from streams.store_rocksdict import RocksStores
from tests.bench._environment import python_of
from tests.bench._machine import machine
from tests.bench._reference import ReferenceFold
from tests.conftest import Broker
from tests.folding import fold_silently
from tests.simulation.counting import INPUT, OUTPUT, preloaded

CHECKOUT = Path(__file__).parents[2]
CHANNELS, USERS = 1_000, 77
RATES = (200, 1_000, 5_000)
"""Events a second at which the latency is measured."""
LATENCY_S = 6
WARM_S = 20
"""The broker's JVM compiles what small requests run through for the first 15 s of them; until then p99 at 1,000 a second is 20 to 35 ms."""
IDLE_S = 10
SLOW_S = 20
"""A worker that is not through by then is measured by what it has done."""
START_S = 60
TICKS = os.sysconf("SC_CLK_TCK")


class Work(NamedTuple):
    """What a worker made of the backlog."""

    events_per_s: int
    cpu_us_per_event: float
    """Processor time of the worker, all threads, between the first and the last output."""


class Worker:
    """A worker process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def cpu_s(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None


class Bench:
    """A broker with input on it."""

    def __init__(self, bootstrap: str, folder: Path, events: int) -> None:
        self.bootstrap, self.folder, self.events = bootstrap, folder, events
        ensure_topics(bootstrap)
        self.log, self.codec = KafkaLog(bootstrap), Codec(preloaded(LocalRegistry()))
        self._publisher = Publisher(self.log, self.codec, "bench-1")

    def publish(self, i: int) -> None:
        """Appends one event."""
        while True:
            try:
                self._publisher.publish(Followed(channel_id=str(i % CHANNELS), user_id=str(i % USERS)))
            except BacklogFullError:
                time.sleep(0.01)
            else:
                return

    def fill(self) -> int:
        """Publishes the backlog; events a second."""
        began = time.perf_counter()
        for i in range(self.events):
            self.publish(i)
        assert self.log.flush(120)
        return round(self.events / (time.perf_counter() - began))

    def outputs(self) -> int:
        """Those on the log, of all workers so far."""
        return sum(self.log.ends(OUTPUT).values())

    @contextmanager
    def worker(self, module: str, python: Path | str = sys.executable) -> Iterator[Worker]:
        """A worker on the broker."""
        folder = self.folder / module.rpartition(".")[2]
        folder.mkdir()
        with (folder / "log").open("wb") as log:
            command = [python, "-m", module, self.bootstrap, folder]
            process = subprocess.Popen(command, cwd=CHECKOUT, stdout=log, stderr=log)
            try:
                yield Worker(process)
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def work(self, worker: Worker) -> Work:
        """The backlog from its first output to its last."""
        before, deadline = self.outputs(), time.perf_counter() + START_S
        while (first := self.outputs() - before) == 0:
            assert worker.alive(), f"a worker died: see {self.folder}"
            assert time.perf_counter() < deadline, "a worker does not begin"
            time.sleep(0.01)
        began, cpu = time.perf_counter(), worker.cpu_s()
        while (done := self.outputs() - before) < self.events and time.perf_counter() < began + SLOW_S:
            time.sleep(0.01)
        took, made = time.perf_counter() - began, done - first
        return Work(round(made / took), round((worker.cpu_s() - cpu) / made * 1e6, 1))

    def latency(self, rate: int, seconds: float = LATENCY_S) -> dict[str, float]:
        """From an event's time of publishing to its output's arrival at a reader, milliseconds."""
        took: list[float] = []
        starts = {(OUTPUT, partition): end for partition, end in self.log.ends(OUTPUT).items()}
        tail = self.log.tail(
            starts, lambda batch: took.extend((now_us() - self.codec.decode(r.value or b"").occurred_at) / 1e3 for r in batch)
        )
        began, sent = time.perf_counter(), 0
        while sent < rate * seconds:
            while sent < (time.perf_counter() - began) * rate:
                self.publish(sent)
                sent += 1
            time.sleep(0.001)
        time.sleep(1)
        tail.close()
        took.sort()
        return {"p50": round(took[len(took) // 2], 1), "p99": round(took[len(took) * 99 // 100], 1), "outputs": len(took)}

    def ours(self) -> dict[str, object]:
        """Our worker: the backlog, latency, and what it costs while nothing comes."""
        with self.worker("tests.bench._reference") as worker:
            found: dict[str, object] = self.work(worker)._asdict()
            self.latency(1_000, WARM_S)
            for rate in RATES:
                found[f"latency_ms_at_{rate}_per_s"] = self.latency(rate)
            before = worker.cpu_s()
            time.sleep(IDLE_S)
            found["idle_cpu_percent"] = round((worker.cpu_s() - before) / IDLE_S * 100, 1)
        return found

    def replayed(self) -> dict[str, float]:
        """The fold over the whole input, silently, in one process."""
        ends = self.log.ends(INPUT)
        stores = RocksStores(self.folder / "silent")
        began, cpu = time.perf_counter(), time.process_time()
        asyncio.run(fold_silently(ReferenceFold(), self.log, self.codec, stores))
        total = sum(ends.values())
        return {
            "events_per_s": round(total / (time.perf_counter() - began)),
            "cpu_us_per_event": round((time.process_time() - cpu) / total * 1e6, 1),
        }

    def peer(self, module: str, python: Path | str = sys.executable) -> dict[str, object]:
        """A peer's worker on the same backlog."""
        with self.worker(module, python) as worker:
            return self.work(worker)._asdict()


def table(result: dict[str, dict[str, object]]) -> str:
    """The rates as Markdown."""
    lines = ["| | events/s | CPU an event, us |", "|---|---|---|"]
    lines += [f"| {name} | {found['events_per_s']:,} | {found['cpu_us_per_event']} |" for name, found in result.items()]
    return "\n".join(lines)


def main() -> None:
    """Measures, prints, and ends all that it started."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--json", type=Path, help="also written there")
    arguments = parser.parse_args()
    quix = python_of("quix")
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "kafka")
        broker.start()
        try:
            bench = Bench(broker.bootstrap, Path(folder), arguments.events)
            facts = {"events": arguments.events, "machine": machine(), "load_before": os.getloadavg()[0], "publisher_per_s": bench.fill()}
            rates = {
                "Quix Streams": bench.peer("tests.bench._peer_quix", quix),
                "Faust agent, table and sink": bench.peer("tests.bench._peer_faust"),
                "replay, one process": bench.replayed(),
                "ours, on Faust": bench.ours(),
            }
            bench.log.close()
        finally:
            broker.kill()
    text = json.dumps({**facts, "rates": rates}, indent=2)
    print(text)
    print(table(rates))
    if arguments.json:
        arguments.json.write_text(text)


if __name__ == "__main__":
    main()
