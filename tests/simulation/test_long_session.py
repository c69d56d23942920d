"""A session that lives longer than the log keeps its segments: its live window, its VOD and its numbers are as if the log kept all."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from processors.vod.documents import SEGMENTS as TABLE
from processors.vod.documents import read_table
from schemas.events import StreamEnded, StreamStarted, VodArchived
from sinks.archive.archivist import Archivist
from sinks.archive.config import ArchiveConfig
from sinks.archive.session import SEGMENTS, STREAMS, recorded
from sinks.archive.vods import TOPIC
from sinks.lake.lake import Lake
from streams.errors import MissingRangeError
from streams.keys import partition_for
from streams.lake.shelf import Shelf
from streams.log import Record, Source
from streams.log_deep import DeepLog
from streams.log_lake import LakeLog
from streams.log_memory import MemoryLog
from streams.media import address
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher
from streams.reading import whole
from streams.topics import PARTITIONS
from tests.unit.test_live_window import BEGAN, HOURS_US, LENGTH_S, VOD, Live

pytestmark = pytest.mark.row("V1", "V11")
COUNT = 1_200
"""Segments: four hours."""
KEPT = 700
"""Of which the log has the last ones."""
NOW = BEGAN + COUNT * LENGTH_S * 1_000_000
CHANNEL = partition_for(b"42", PARTITIONS[SEGMENTS])


class ShortLog(MemoryLog):
    """Retention has cut the segments, and nothing else."""

    kept = 0

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        found = super().starts_at(topic, timestamp)
        return {**found, CHANNEL: max(found[CHANNEL], self.kept)} if topic == SEGMENTS else found

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[list[Record]]:
        return super().read(topic, partition, max(start, self.kept) if (topic, partition) == (SEGMENTS, CHANNEL) else start, end)


async def session(folder: Path, *, landed: bool = True) -> tuple[Live, Source]:
    """Four hours live, of which the log has not quite half; and the log with the lake."""
    log = ShortLog()
    live = Live(folder / "objects", log)
    source = {"width": 1_280, "height": 720, "frame_rate": 30.0, "has_audio": False}
    about = {"channel_id": "42", "session_id": "s1", "login": "ana", "tier": "partner", "region": "local", "ingest_node": "i"}
    live.publisher.publish(StreamStarted(**about, **source, occurred_at=BEGAN))
    await live.objects.put("42/s1/source/init-0.mp4", b"i")
    await live.produce(range(COUNT))
    declared = next(iter(live.events(0)))
    for rendition in ("source", "480p30"):  # as ingest and encoders do every few segments
        live.publisher.publish(replace(declared, rendition=rendition, occurred_at=NOW - 1_000_000))
    shelf = Shelf.at((folder / "lake").as_uri())
    if landed:
        lake = Lake(log, live.registry, shelf, {SEGMENTS: PARTITIONS[SEGMENTS]})
        lake.open()
        assert lake._tail is not None
        while lake._tail.lag():
            await asyncio.sleep(0.002)
        await asyncio.to_thread(lake.close)
    log.kept = log.ends(SEGMENTS)[CHANNEL] - KEPT
    return live, DeepLog(log, lambda: LakeLog(shelf, {SEGMENTS: PARTITIONS[SEGMENTS]}))


def archivist(live: Live, past: Source | None) -> Archivist:
    """One that has just started, of which nothing of the session's beginning is within reach."""
    config = ArchiveConfig(live_us=2 * HOURS_US, late_us=0, reach_us=HOURS_US)
    publisher = Publisher(live.log, live.codec, "archivist")
    objects = TieredObjects({"hot": live.objects})
    return Archivist(live.log, live.codec, objects, publisher, config, past=past, clock=lambda: NOW, rest_s=0.01)


async def end(live: Live) -> None:
    counts = dict.fromkeys(("frames_in", "frames_out", "frames_dropped", "bytes_in", "media_ms"), 0)
    live.publisher.publish(
        StreamEnded(channel_id="42", session_id="s1", reason="unpublished", media_sequence=500 + COUNT - 1, **counts, occurred_at=NOW)
    )


async def until(holds) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


def vods(live: Live) -> list[VodArchived]:
    return [event for record in whole(live.log, TOPIC) if isinstance(event := live.codec.decode(record.value or b""), VodArchived)]


@pytest.mark.parametrize("ends_while_nobody_looks", [False, True])
async def test_the_vod_has_all_of_it_under_the_numbers_that_the_window_gave(tmp_path: Path, ends_while_nobody_looks: bool) -> None:
    live, past = await session(tmp_path)
    if ends_while_nobody_looks:
        await end(live)
    working = archivist(live, past)
    await working.start()
    if not ends_while_nobody_looks:
        await until(lambda: "s1" in working._window._sessions)
        live.publisher.publish(replace(live.segment("source", COUNT - 1), occurred_at=NOW))  # it goes on
        await until(lambda: working._window._sessions["s1"].newest)
        await working._window.look()
        await until(live.told)  # what is two hours behind the live edge has its names in the archive
        assert address.vod("42", VOD, "720p30/00001.m4s") in await live.names(f"42/{VOD}")
        assert address.segment("42", "s1", "source", 500) not in await live.names("42/s1")
        await end(live)
    await until(lambda: vods(live))
    await working.close()
    [vod] = vods(live)
    assert (vod.started_at, vod.segments) == (BEGAN, COUNT + COUNT - 10)
    recording = read_table(await live.objects.get(address.vod("42", VOD, TABLE))).recording
    assert (recording.first, recording.last) == (500, 500 + COUNT - 1)
    source = recording.track("source")
    assert source is not None
    assert [recording.number(piece) for piece in source.pieces] == list(range(1, COUNT + 1))
    for piece in source.pieces:
        name = address.vod("42", VOD, f"720p30/{address.vod_segment(recording.number(piece))}")
        assert await live.objects.get(name) == f"{piece.address} {piece.media_sequence - 500}".encode()


async def test_what_was_never_landed_is_lost_and_the_rest_becomes_a_vod(tmp_path: Path) -> None:
    live, past = await session(tmp_path, landed=False)
    await end(live)
    working = archivist(live, past)
    await working.start()
    await until(lambda: vods(live))
    await working.close()
    [vod] = vods(live)
    assert 0 < vod.segments < KEPT


async def test_the_lake_is_opened_only_for_what_the_log_has_lost(tmp_path: Path) -> None:
    live, _ = await session(tmp_path, landed=False)
    opened = []

    def lake() -> Source:
        opened.append(True)
        raise MissingRangeError("nothing was landed")

    past = DeepLog(live.log, lake)
    recent = recorded(past, live.codec, "42", "s1", NOW - HOURS_US // 2).recording()
    assert recent is not None
    assert recent.last == 500 + COUNT - 1
    assert list(whole(past, STREAMS)) == list(whole(live.log, STREAMS))
    assert not opened
    with pytest.raises(MissingRangeError):
        recorded(past, live.codec, "42", "s1", BEGAN)
    assert opened
