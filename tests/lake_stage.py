"""Records to land, and the lake's files read by nothing of ours but Parquet."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from schemas import events as e
from schemas.events.chat import EmoteSpan
from schemas.registry import LocalRegistry, Registry
from schemas.wire import Codec
from sinks.lake.lake import Lake, Limits
from streams.envelope import headers
from streams.lake.shelf import Shelf
from streams.log import Log, Outgoing, Record
from streams.log_lake import LakeLog

TOPIC = "chat.message.events.v1"
EPOCH = 1_795_000_000_000
"""Some time in November 2026, ms."""
STEP_MS = 1_700
"""Between two records of a partition: about 2,100 an hour, so a range spans hours now and then."""


def outgoing(codec: Codec, partition: int, offset: int) -> Outgoing:
    """The record at a place of the tests' log: a function of the place, so that a process that starts anew makes the same log."""
    at = EPOCH + offset * STEP_MS
    key = b"%d" % (offset % 7)
    match offset % 29:
        case 3:
            return Outgoing(TOPIC, key, None, timestamp=at, partition=partition)
        case 4:
            return Outgoing(TOPIC, key, b"junk %d" % offset, (("why", b"test"), ("why", b"")), at, partition)
        case kind:
            envelope = {"event_id": f"{partition}-{offset}", "occurred_at": at * 1_000, "producer": "test", "correlation_id": "c"}
            event: e.MessagePosted | e.MessageDeleted
            if kind < 9:
                event = e.MessageDeleted(channel_id=key.decode(), message_id=f"m{offset}", user_id="9", moderator_id="1", **envelope)
            else:
                event = posted(key.decode(), f"m{offset}", "é " * (offset % 40), **envelope)
            return Outgoing(TOPIC, key, codec.encode(TOPIC, event), headers(event), at, partition)


def posted(channel: str, message: str, text: str, **envelope) -> e.MessagePosted:
    emotes = tuple(EmoteSpan(emote_id="1", begin=at, end=at + 1) for at in range(len(text) % 3))
    reply_to = message if len(text) % 4 == 0 else None
    author = {"user_id": "9", "user_login": "u", "display_name": "U"}
    return e.MessagePosted(channel_id=channel, message_id=message, text=text, emotes=emotes, reply_to=reply_to, **author, **envelope)


def fill(log: Log, codec: Codec, ends: dict[int, int], count: int) -> None:
    """Appends so many records to each partition."""
    for partition, end in ends.items():
        log.append_all([outgoing(codec, partition, offset) for offset in range(end, end + count)]).result()
        ends[partition] = end + count


def codec() -> tuple[Codec, LocalRegistry]:
    registry = LocalRegistry()
    found = Codec(registry)
    for kind in (4, 10, 8):  # both types get their ids in one order, whatever is encoded first
        outgoing(found, 0, kind)
    return found, registry


def expected(codec: Codec, partition: int, offset: int) -> Record:
    _, key, value, heads, at, _ = outgoing(codec, partition, offset)
    return Record(TOPIC, partition, offset, key, value, heads, at or 0)


def files(store: Path) -> Iterator[tuple[Path, pa.Table]]:
    """The files that anybody sees who looks for Parquet, and what is in them."""
    for path in sorted((store / "lake").glob("[!_]*/**/*.parquet")):
        yield path, parquet.ParquetFile(path).read()


def rows(store: Path) -> list[Record]:
    """Every row that is visible, in no order."""
    return [
        Record(
            row["_topic"],
            row["_partition"],
            row["_offset"],
            row["_key"],
            row["_value"],
            tuple((header["name"], header["value"]) for header in row["_headers"]),
            int(row["_timestamp"].timestamp() * 1_000),
        )
        for _, table in files(store)
        for row in table.select(["_topic", "_partition", "_offset", "_key", "_value", "_headers", "_timestamp"]).to_pylist()
    ]


def places(store: Path) -> Counter[tuple[int, int]]:
    """How often each (partition, offset) is visible."""
    found: Counter[tuple[int, int]] = Counter()
    for _, table in files(store):
        found.update(zip(table["_partition"].to_pylist(), table["_offset"].to_pylist(), strict=True))
    return found


def land(log: Log, registry: Registry, url: str, topic: str) -> None:
    """Lands all that is on a log; returns once the lake has all of one topic."""
    shelf = Shelf.at(url)
    lake, lake_log = Lake(log, registry, shelf, limits=Limits(0.1)), LakeLog(shelf)
    thread = threading.Thread(target=lake.run)
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while any(lake_log.ends(topic)[partition] < end for partition, end in log.ends(topic).items()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        lake.close()
        thread.join()
