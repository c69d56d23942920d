"""Commands about VODs, of which some cannot be done: none holds up another VOD's, and a VOD's own keep their order."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

import pytest

from schemas.event import Event
from schemas.events import DeleteVod, MakeRendition, MoveVod, VodArchived, VodDeleted, VodTierMoved
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.archive import keeper
from sinks.archive.config import ArchiveConfig
from sinks.archive.keeper import Keeper
from sinks.archive.vods import TOPIC, Vods
from sinks.archive.working import in_turn
from streams.fold import At
from streams.log_memory import MemoryLog
from streams.media import address
from streams.objects import StoredObjects
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher
from streams.reading import whole


class Ill(TieredObjects):
    """Stores that do not move what lies in one folder."""

    sick = ""

    async def move(self, addresses: Iterable[str], tier: str) -> tuple[int, int]:
        places = list(addresses)
        if self.sick and any(place.startswith(f"{self.sick}/") for place in places):
            raise OSError("a bad sector")
        return await super().move(places, tier)


class Library:
    """Two VODs of an object each, and their keeper."""

    def __init__(self) -> None:
        self.log, self.codec = MemoryLog(), Codec(LocalRegistry())
        self.hot, warm = StoredObjects.at("memory://"), StoredObjects.at("memory://")
        self.objects = Ill({"hot": self.hot, "warm": warm})
        self.vods = Vods()
        self.keeper = Keeper(self.objects, Publisher(self.log, self.codec, "keeper"), self.vods, ArchiveConfig())

    async def fill(self) -> None:
        for name in ("a", "b"):
            self.apply(archived(name))
            await self.hot.put(address.vod("7", name, "x"), name.encode())

    def apply(self, event: Event) -> None:
        self.vods.apply(event, At(TOPIC, 0, 0, 1))

    def order(self, *orders: DeleteVod | MoveVod | MakeRendition) -> None:
        for each in orders:
            self.keeper.ordered(each)

    async def told(self, count: int) -> list[Event]:
        """What the log was told, once it is that much."""
        async with asyncio.timeout(10):
            while len(found := [self.codec.decode(record.value) for record in whole(self.log, TOPIC) if record.value]) < count:
                await asyncio.sleep(0.01)
        for event in found:
            self.apply(event)
        return found


def archived(name: str) -> VodArchived:
    return VodArchived(
        channel_id="7", vod_id=name, session_id=f"s{name}", revision=1, login="ana", tier="partner", retention_days=60, started_at=1,
        ended_at=2, duration_ms=1, width=2, height=2, frame_rate=30.0, renditions=("source",), segments=1, size=1, documents=(),
    )  # fmt: skip


def move(name: str) -> MoveVod:
    return MoveVod(channel_id="7", vod_id=name, storage="warm")


def delete(name: str) -> DeleteVod:
    return DeleteVod(channel_id="7", vod_id=name, reason="expired")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LOOK_S", 0.05)


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    found = Library()
    await found.fill()
    running = asyncio.create_task(found.keeper.run())
    yield found
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_one_that_fails_holds_up_no_other_vod_and_is_done_once_it_can_be(library: Library) -> None:
    library.objects.sick = address.vod("7", "a")
    library.order(move("a"), move("b"))
    assert [event.vod_id for event in await library.told(1) if isinstance(event, VodTierMoved)] == ["b"]
    library.objects.sick = ""
    assert [event.vod_id for event in await library.told(2) if isinstance(event, VodTierMoved)] == ["b", "a"]
    assert [await library.hot.list(address.vod("7", name)) for name in ("a", "b")] == [[], []]


async def test_a_rendition_whose_source_is_gone_is_not_waited_for(library: Library) -> None:
    library.order(MakeRendition(channel_id="7", vod_id="a", job_id="j", rendition="160p30"), move("a"))
    [moved] = await library.told(1)
    assert isinstance(moved, VodTierMoved)


async def test_a_deletion_does_not_wait_for_what_it_makes_void(library: Library) -> None:
    library.objects.sick = folder = address.vod("7", "a")
    library.order(move("a"), delete("a"))
    [gone] = await library.told(1)
    assert isinstance(gone, VodDeleted)
    assert await library.hot.list(folder) == []


async def test_what_fails_goes_behind_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.archive.working.RETRY_S", 0.01)
    queue: asyncio.Queue[str] = asyncio.Queue()
    done: list[str] = []
    tries: Counter[str] = Counter()

    async def work(name: str) -> None:
        tries[name] += 1
        if name == "bad" and tries[name] < 3:
            raise OSError("not yet")
        done.append(name)

    for name in ("bad", "good", "better"):
        queue.put_nowait(name)
    running = asyncio.create_task(in_turn(queue, work, str))
    async with asyncio.timeout(5):
        while len(done) < 3:
            await asyncio.sleep(0.01)
    running.cancel()
    assert done == ["good", "better", "bad"]
    assert tries["bad"] == 3
