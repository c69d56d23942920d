"""Hot objects: read once, however many ask."""

import asyncio

import pytest

from sinks.origin.cache import ObjectCache


class Store:
    """Counts what is read."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.open = asyncio.Event()

    async def load(self, address: str) -> bytes:
        self.reads.append(address)
        await self.open.wait()
        if address == "missing":
            raise KeyError(address)
        return bytes(100)


@pytest.mark.row("P12")
async def test_many_who_ask_at_once_cost_one_read_even_if_the_first_goes_away() -> None:
    store = Store()
    cache = ObjectCache(store.load, 1000)
    asking = [asyncio.create_task(cache.get("a")) for _ in range(100)]
    await asyncio.sleep(0)
    asking.pop(0).cancel()
    store.open.set()
    assert {len(data) for data in await asyncio.gather(*asking)} == {100}
    await cache.get("a")
    assert store.reads == ["a"]


async def test_the_least_recently_used_goes_first_and_a_failure_is_not_kept() -> None:
    store = Store()
    store.open.set()
    cache = ObjectCache(store.load, 250)
    for address in ("a", "b", "a", "c", "a", "b"):
        await cache.get(address)
    assert store.reads == ["a", "b", "c", "b"]
    for _ in range(2):
        with pytest.raises(KeyError):
            await cache.get("missing")
    assert store.reads[-2:] == ["missing", "missing"]
