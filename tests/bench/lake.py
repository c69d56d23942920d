"""The lake: what landing costs, how large it is beside Kafka, how fast it reads back: `./chronicast bench lake [--events N] [--json FILE]`.

Half parts of segments, half chat messages, with ids and hashes as random as real ones; the lake's process alone on one broker.
"""

import argparse
import json
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from pyarrow import parquet

from schemas import events as e
from schemas.event import Event
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.lake.lake import Lake, Limits
from streams.clock import now_us
from streams.errors import BacklogFullError
from streams.lake.shelf import Shelf
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.log_lake import LakeLog
from streams.publisher import Publisher
from tests.bench._machine import machine
from tests.conftest import Broker

CHANNELS = 500
TOPICS = {"media.segment.events.v1": 4, "chat.message.events.v1": 4}
IDLE_S = 10
WORDS = ["that", "play", "was", "clean", "gg", "lol", "what", "a", "save", "no", "way", "clip", "it", "who", "is", "next", "pog", "again"]


def event(number: int) -> Event:
    """A part or a message."""
    digest = sha256(b"%d" % number).digest()
    channel, identity = str(number % CHANNELS), str(UUID(bytes=digest[:16]))
    if number % 2:
        text = " ".join(WORDS[byte % len(WORDS)] for byte in digest[: 1 + digest[0] % 16])
        login = f"viewer{digest[1]}{digest[2]}"
        author = {"user_id": str(int(digest[3:6].hex(), 16)), "user_login": login, "display_name": login}
        return e.MessagePosted(channel_id=channel, message_id=identity, text=text, **author)
    now, session = now_us(), str(UUID(bytes=sha256(channel.encode()).digest()[:16]))
    return e.PartProduced(
        event_id=identity,
        correlation_id=session,
        channel_id=channel,
        session_id=session,
        rendition=("source", "480p30", "audio")[number % 3],
        media_sequence=900_000_000 + number // 10_000,
        part=number % 10,
        decode_time=number * 18_000,
        duration=18_000,
        timescale=90_000,
        programme_date_time=now,
        independent=number % 10 == 0,
        discontinuity_sequence=0,
        address=f"{channel}/{session}/source/{900_000_000 + number // 10_000}.{number % 10}.m4s",
        size=100_000 + digest[7] * 256 + digest[8],
        sha256=digest.hex(),
        received_at=now - 3_000,
        stored_at=now,
    )


def publish(log: KafkaLog, registry: LocalRegistry, count: int) -> None:
    """Puts events on the log."""
    publisher = Publisher(log, Codec(registry), "bench")
    for number in range(count):
        while True:
            try:
                publisher.publish(event(number))
                break
            except BacklogFullError:
                log.flush(10)
    if not log.flush(60):
        raise RuntimeError("the broker did not take the events")


def measured(work: Callable[[], None]) -> dict[str, float]:
    """Seconds that something took, on the wall and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def read_all(log: KafkaLog | LakeLog, ends: dict[str, dict[int, int]]) -> None:
    """Reads every record."""
    for topic, partitions in ends.items():
        for partition, end in partitions.items():
            for _ in log.read(topic, partition, 0, end):
                pass


def column_bytes(folder: Path) -> dict[str, int]:
    """Compressed bytes by column: the fields together, the record's own columns each."""
    found: dict[str, int] = defaultdict(int)
    for path in folder.rglob("*.parquet"):
        metadata = parquet.read_metadata(path)
        for group in range(metadata.num_row_groups):
            for index in range(metadata.num_columns):
                column = metadata.row_group(group).column(index)
                name = column.path_in_schema.partition(".")[0]
                found[name if name.startswith("_") else "fields"] += column.total_compressed_size
    return dict(found)


def bench(count: int, folder: Path) -> dict[str, Any]:
    """All numbers."""
    broker = Broker(folder / "kafka")
    broker.start()
    try:
        ensure_topics(broker.bootstrap)
        log, registry, shelf = KafkaLog(broker.bootstrap, linger_ms=5), LocalRegistry(), Shelf.at(f"file://{folder / 'objects'}")
        publish(log, registry, count)
        ends = {topic: log.ends(topic) for topic in TOPICS}
        lake = Lake(log, registry, shelf, TOPICS, Limits(age_s=2))

        def land() -> None:
            lake.open()
            while {topic: LakeLog(shelf).ends(topic) for topic in TOPICS} != ends:
                time.sleep(0.5)
                lake.land_due()
            lake.close()

        landing = measured(land)
        idle = Lake(log, registry, shelf, TOPICS)
        idle.open()
        resting = measured(lambda: time.sleep(IDLE_S))
        idle.close()
        objects = list((folder / "objects").rglob("*.parquet"))
        columns = column_bytes(folder / "objects")
        sources: dict[str, KafkaLog | LakeLog] = {"kafka": log, "lake": LakeLog(shelf)}
        reads = {name: measured(partial(read_all, source, ends)) for name, source in sources.items()}
        log.close()
        segments = [path for topic in TOPICS for path in (folder / "kafka").rglob(f"{topic}-*/*.log")]
        return {
            "machine": machine(),
            "events": count,
            "landed_per_cpu_s": round(count / landing["cpu_s"]),
            "landed_per_s": round(count / landing["wall_s"]),
            "files": len(objects),
            "kafka_bytes_per_event": round(sum(path.stat().st_size for path in segments) / count, 1),
            "lake_bytes_per_event": round(sum(path.stat().st_size for path in objects) / count, 1),
            "lake_bytes_per_event_by_column": {name: round(size / count, 1) for name, size in sorted(columns.items())},
            "read_per_cpu_s": {name: round(count / took["cpu_s"]) for name, took in reads.items()},
            "idle_cores": round(resting["cpu_s"] / resting["wall_s"], 4),
            "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    finally:
        broker.kill()


def main() -> None:
    """Runs it and prints the numbers."""
    parser = argparse.ArgumentParser(prog="chronicast bench lake")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = bench(options.events, Path(folder))
    for name, value in found.items():
        print(f"{name:32} {value}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
