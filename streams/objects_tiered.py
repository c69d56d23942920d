"""Object stores of several prices as one: an object lies in one of them, and is read wherever it lies."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from streams.objects import ObjectMissingError, Objects

HOT = "hot"
AT_ONCE = 32
"""Objects on their way at once."""


class TieredObjects:
    """New objects go to the hot store. What moves is written before it is removed, so that it can be read throughout."""

    def __init__(self, stores: Mapping[str, Objects], tier: str = HOT) -> None:
        """`stores`: by tier, the hot one first; tiers that share a store need no moves. `tier`: the one of what is put."""
        self._stores = stores
        self._hot = stores[HOT]
        self._own = stores[tier]
        self._distinct = tuple({id(store): store for store in (self._own, *stores.values())}.values())

    def at(self, tier: str) -> "TieredObjects":
        """The same objects, for whoever adds to what lies in a tier: it is put there too, and read there first."""
        return TieredObjects(self._stores, tier)

    async def put(self, address: str, data: bytes) -> None:
        """Stores it; what a colder store has of a former time does not stay in another."""
        await self._own.put(address, data)
        if self._own is not self._hot:  # what is live is new: no other store has it
            for store in self._distinct[1:]:
                await store.delete([address])

    async def get(self, address: str) -> bytes:
        """The whole object, from the first store that has it.

        Raises:
            ObjectMissingError: none has it.
        """
        # Once more: an object that moves between the two looks is in the store that was looked at first.
        for store in (*self._distinct, *self._distinct[:1]):
            try:
                return await store.get(address)
            except ObjectMissingError:
                continue
        raise ObjectMissingError(address)

    async def link(self, address: str, second: str) -> None:
        """Gives an object of the hot store a second address."""
        await self._hot.link(address, second)

    async def delete(self, addresses: list[str]) -> None:
        """Removes them wherever they lie."""
        for store in self._distinct:
            await store.delete(addresses)

    async def list(self, folder: str) -> Sequence[str]:
        """The addresses in a folder and those below it, in byte order, of all stores."""
        found = {address for store in self._distinct for address in await store.list(folder)}
        return sorted(found, key=str.encode)

    async def lying(self, folder: str, tier: str) -> Sequence[str]:
        """The addresses of a folder that lie in a tier's store, and could be elsewhere; none where all tiers are one store."""
        return await self._stores[tier].list(folder) if len(self._distinct) > 1 else []

    async def move(self, addresses: Iterable[str], tier: str) -> tuple[int, int]:
        """Moves objects to a tier's store; how many, and their bytes. Where all tiers are one store nothing moves."""
        target, gate = self._stores[tier], asyncio.Semaphore(AT_ONCE)
        if len(self._distinct) == 1:
            return 0, 0

        async def move(address: str) -> int:
            async with gate:
                data = await self.get(address)
                await target.put(address, data)
                for store in self._distinct:
                    if store is not target:
                        await store.delete([address])
                return len(data)

        sizes = await asyncio.gather(*(move(address) for address in addresses))
        return len(sizes), sum(sizes)
