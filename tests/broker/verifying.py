"""Recomputes what the counting fold must have made of its input, without the fold, the runner or the stores."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from schemas.events import Followed
from schemas.wire import Codec
from streams.log import Log, Record
from streams.runner import Runner
from streams.store import Progress, digest_of
from streams.store_memory import MemoryStores
from streams.store_rocksdict import RocksStores
from tests.simulation.counting import INPUT, OUTPUT, CountingFold

VIEW = "counting.v1"


class Verdict(NamedTuple):
    """What was found."""

    events: int
    lost: int
    """Inputs without output."""
    strange: int
    """Outputs that no input accounts for."""
    conflicting: int
    """Ids with more than one content."""
    repeats: int
    """Identical copies of outputs beyond the first: legal, and dropped by consumers."""


def everything(log: Log, topic: str) -> list[Record]:
    return [r for partition, end in log.ends(topic).items() for batch in log.read(topic, partition, 0, end) for r in batch]


def verify_outputs(log: Log, codec: Codec) -> Verdict:
    """Compares the outputs on the log with what the inputs say."""
    namespace = uuid5(NAMESPACE_URL, f"chronicast:view:{VIEW}")
    totals: Counter[str] = Counter()
    expected: dict[str, str] = {}
    inputs = everything(log, INPUT)
    for record in inputs:
        event = codec.decode(record.value or b"")
        assert isinstance(event, Followed)
        totals[event.channel_id] += 1
        follower = f"{event.channel_id} {event.user_id}"
        totals[follower] += 1
        name = f"{INPUT}/{record.partition}/{record.offset}/0"
        expected[str(uuid5(namespace, name))] = f"{totals[event.channel_id]} follows, {totals[follower]} by {event.user_id}, 0 ticks"
    contents: dict[str, set[tuple]] = defaultdict(set)
    outputs = everything(log, OUTPUT)
    for record in outputs:
        event = codec.decode(record.value or b"")
        contents[event.event_id].add((record.partition, record.key, record.value, record.headers, record.timestamp, event.text))
    strange = sum(1 for found, said in contents.items() for content in said if content[-1] != expected.get(found))
    return Verdict(
        len(inputs),
        len(set(expected) - set(contents)),
        strange,
        sum(len(said) > 1 for said in contents.values()),
        len(outputs) - len(contents),
    )


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
