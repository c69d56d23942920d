"""Clips go to the cold store when they are sixty days old by the log's time, and stay."""

import asyncio

import pytest

from processors.vod.fold import DAY_US
from schemas.events import ClipRequested, Tick
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.archive.archivist import SHELF
from sinks.clips.shelf import ClipShelf
from streams.log_memory import MemoryLog
from streams.media import address
from streams.objects import Objects, StoredObjects
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher

BEGAN = 1_767_225_600_000_000
BAD, OLD, LATER, NEW = "bad", "old", "later", "new"


class Ill(TieredObjects):
    """Stores that do not give one clip."""

    async def get(self, address: str) -> bytes:
        if address.startswith(f"clips/{BAD}/"):
            raise OSError("a bad sector")
        return await super().get(address)


@pytest.mark.row("V6")
async def test_a_clip_is_cold_from_its_sixtieth_day_on_whatever_becomes_of_others() -> None:
    log, codec = MemoryLog(), Codec(LocalRegistry())
    stores: dict[str, Objects] = {tier: StoredObjects.at("memory://") for tier in ("hot", "warm", "cold")}
    objects, publisher = Ill(stores), Publisher(log, codec, "test")
    for name, days in ((OLD, 0), (BAD, 0), (LATER, 2), (NEW, 30)):
        asked = {"channel_id": "7", "clip_id": name, "creator_id": "8", "source": "live", "ends_at": 1, "offset_ms": 0}
        publisher.publish(ClipRequested(**asked, duration_ms=5_000, attempt=1, created_at=BEGAN + days * DAY_US))
        for each in ("video.mp4", "thumb.jpg"):
            await stores["hot"].put(address.clip(name, each), each.encode())

    async def hot_after(days: int, expected: set[str]) -> None:
        """What is hot on a day, by a process that starts then. It goes through the newest first: the oldest is the last to go."""
        now = BEGAN + days * DAY_US
        Publisher(log, codec, "ticker", clock=lambda: now).tick(Tick(), SHELF, 0)
        shelf = ClipShelf(log, codec, objects, clock=lambda: now, rest_s=0.01)
        await shelf.start()
        async with asyncio.timeout(10):
            while {place.split("/")[1] for place in await stores["hot"].list("")} != expected:
                await asyncio.sleep(0.01)
        await shelf.close()

    await hot_after(61, {BAD, LATER, NEW})
    assert await objects.get(address.clip(OLD, "video.mp4")) == b"video.mp4"
    await stores["hot"].put(address.clip(OLD, "video.mp4"), b"video.mp4")  # a scrub has made it again
    await hot_after(63, {BAD, NEW})
    moved = [address.clip(name, each) for name in (LATER, OLD) for each in ("thumb.jpg", "video.mp4")]
    assert [list(await stores[tier].list("")) for tier in ("warm", "cold")] == [[], moved]
