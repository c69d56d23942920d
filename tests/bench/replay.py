"""Speed of replays from a real Kafka: `python -m tests.bench.replay [--events N]`. By what is done, and processes.

The input is Avro with CloudEvents headers, 1,009 channels. The counting fold reads two rows, writes two and makes one output per event.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from schemas.events import Followed
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.errors import BacklogFullError
from streams.kafka_source import KafkaSource
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher
from streams.replay.bounded import replay
from streams.replay.partition import Connection, Plan
from streams.replay.ranges import ranges
from tests.bench._machine import machine
from tests.conftest import Broker
from tests.simulation.counting import INPUT, CountingFold, preloaded

CHANNELS, USERS = 1_009, 77


def connect(bootstrap: str) -> Connection:
    registry = preloaded(LocalRegistry())
    return Connection(KafkaSource(bootstrap), Codec(registry), registry)


def cpu() -> float:
    """Seconds of processor time of this process and of those that it has waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def fill(bootstrap: str, events: int) -> None:
    ensure_topics(bootstrap)
    log = KafkaLog(bootstrap, linger_ms=5)
    publisher = Publisher(log, Codec(preloaded(LocalRegistry())), "bench-1")
    for number in range(events):
        event = Followed(channel_id=str(number % CHANNELS), user_id=str(number % USERS))
        while True:
            try:
                publisher.publish(event)
                break
            except BacklogFullError:
                time.sleep(0.01)
    log.close()


def measure(bootstrap: str) -> list[dict[str, object]]:
    found = []
    source = KafkaSource(bootstrap)
    whole = Plan(INPUT, ranges(source, INPUT, None, None))
    for what, plan in (
        ("topic", whole),
        ("view, rows alone", whole._replace(fold=CountingFold(), outputs=False)),
        ("view, rows and outputs", whole._replace(fold=CountingFold())),
    ):
        for processes in (1, 2):
            began, used = time.perf_counter(), cpu()
            manifest = replay(plan, partial(connect, bootstrap), processes=processes)
            seconds = time.perf_counter() - began
            found.append(
                {
                    "replay": what,
                    "processes": processes,
                    "seconds": round(seconds, 2),
                    "per_second": round(manifest.records / seconds),
                    "cpu_us_per_record": round((cpu() - used) / manifest.records * 1e6, 1),
                    "id": manifest.id,
                }
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "kafka")
        broker.start()
        try:
            fill(broker.bootstrap, events)
            found = measure(broker.bootstrap)
        finally:
            broker.kill()
    json.dump({"machine": machine(), "events": events, "replays": found}, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
