"""Recomputes what the counting fold must have made of its input, without the fold, the runner, the stores or the codec."""

from array import array
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import fastavro

from schemas.released import AVRO
from schemas.wire import Codec
from streams.log import Log, Record
from streams.runner import Runner
from streams.store import Progress, digest_of
from streams.store_memory import MemoryStores
from streams.store_rocksdict import RocksStores
from tests.simulation.counting import INPUT, OUTPUT, CountingFold

VIEW = "counting.v1"
NAMESPACE = uuid5(NAMESPACE_URL, f"chronicast:view:{VIEW}")
HEADER_BYTES = 5
"""Of Confluent's wire format."""


class Verdict(NamedTuple):
    """What was found."""

    events: int
    lost: int
    """Inputs without output."""
    strange: int
    """Outputs that no input accounts for, or whose id or text is not what it must be."""
    conflicting: int
    """Outputs that repeat another's id with other content."""
    repeats: int
    """Identical copies of outputs beyond the first: legal, and dropped by consumers."""
    visible: int
    """Outputs that a consumer sees which keeps one watermark per input partition: each event's once, or it is wrong."""


def records(log: Log, topic: str) -> Iterator[Record]:
    for partition, end in log.ends(topic).items():
        for batch in log.read(topic, partition, 0, end):
            yield from batch


def everything(log: Log, topic: str) -> list[Record]:
    return list(records(log, topic))


def schema(path: str) -> Any:
    return fastavro.schema.load_schema(AVRO / path)


FOLLOWED, POSTED = schema("social/followed.v1.avsc"), schema("chat/message_posted.v1.avsc")


def datum(record: Record, written: Any) -> dict[str, Any]:
    return fastavro.schemaless_reader(BytesIO((record.value or b"")[HEADER_BYTES:]), written)


def short(*parts: object) -> int:
    """64 bits of a hash: two of a million contents agree by chance once in ten million runs."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def verify_outputs(log: Log) -> Verdict:
    """Compares the outputs on the log with what the inputs say."""
    expected = {partition: array("Q", [0]) * end for partition, end in log.ends(INPUT).items()}
    found = {partition: array("Q", [0]) * len(hashes) for partition, hashes in expected.items()}
    totals: Counter[str] = Counter()
    watermarks = dict.fromkeys(expected, -1)
    events = strange = conflicting = repeats = visible = 0
    for record in records(log, INPUT):
        event = datum(record, FOLLOWED)
        channel, follower = event["channel_id"], f"{event['channel_id']} {event['user_id']}"
        totals[channel] += 1
        totals[follower] += 1
        text = f"{totals[channel]} follows, {totals[follower]} by {event['user_id']}, 0 ticks"
        expected[record.partition][record.offset] = short(text, channel, event["event_id"], event["correlation_id"])
        events += 1
    for record in records(log, OUTPUT):
        event = datum(record, POSTED)
        source = dict(record.headers)["x-source"].decode()
        _, partition, offset, index = source.split("/")
        at = int(partition), int(offset)
        said = short(event["text"], event["channel_id"], event["causation_id"], event["correlation_id"])
        if index != "0" or event["event_id"] != str(uuid5(NAMESPACE, source)) or said != expected[at[0]][at[1]]:
            strange += 1
        if at[1] > watermarks[at[0]]:
            watermarks[at[0]] = at[1]
            visible += 1
        content = short(record.partition, record.key, record.value, record.headers, record.timestamp)
        if not found[at[0]][at[1]]:
            found[at[0]][at[1]] = content
        elif found[at[0]][at[1]] == content:
            repeats += 1
        else:
            conflicting += 1
    lost = sum(1 for partition, hashes in expected.items() for offset, what in enumerate(hashes) if what and not found[partition][offset])
    return Verdict(events, lost, strange, conflicting, repeats, visible)


async def fresh_fold(log: Log, codec: Codec, partition: int, end: int) -> tuple[dict[bytes, bytes], Progress]:
    """Rows and progress of a fold from the beginning up to an offset, outputs left out."""
    stores = MemoryStores()
    runner = Runner(CountingFold(), log, codec, stores)
    await runner.open(partition, emitted=end)
    for batch in log.read(INPUT, partition, 0, end):
        await runner.run_batch(partition, batch)
    await runner.close(partition)
    store = stores.open(VIEW, partition)
    return dict(store.scan(b"")), store.progress()


async def verify_stores(log: Log, codec: Codec, directory: Path) -> dict[int, int]:
    """Compares each partition's rows, byte for byte, with a fresh fold up to their watermark; the watermarks."""
    watermarks = {}
    for path in sorted((directory / "stores" / VIEW).iterdir()):
        partition = int(path.name)
        store = RocksStores(directory / "stores").open(VIEW, partition)
        rows, progress = dict(store.scan(b"")), store.progress()
        assert progress.digest == digest_of(store)
        store.close()
        assert (rows, progress) == await fresh_fold(log, codec, partition, progress.watermark + 1)
        watermarks[partition] = progress.watermark
    return watermarks
