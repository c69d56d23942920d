"""Hot objects in memory, each read once however many ask for it at the same time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from prometheus_client import Counter, Gauge

REQUESTS = Counter("origin_objects_total", "Objects asked for, by where they were: memory, on the way, or the store.", ["found"])
HELD = Gauge("origin_object_cache_bytes", "Bytes of objects held in memory.")


class ObjectCache:
    """Least recently used objects go first. What failed to load is asked for again the next time."""

    def __init__(self, load: Callable[[str], Awaitable[bytes]], capacity: int) -> None:
        """`load` reads an object; `capacity` is in bytes."""
        self._load = load
        self._capacity = capacity
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._loading: dict[str, asyncio.Task[bytes]] = {}

    async def get(self, address: str) -> bytes:
        """The object; raises what `load` raises."""
        data = self._held.get(address)
        if data is not None:
            REQUESTS.labels("memory").inc()
            self._held.move_to_end(address)
            return data
        task = self._loading.get(address)
        if task is None:
            REQUESTS.labels("store").inc()
            task = self._loading[address] = asyncio.create_task(self._fetch(address))
        else:
            REQUESTS.labels("on the way").inc()
        # Shielded: a viewer that goes away does not take the object from the others.
        return await asyncio.shield(task)

    async def _fetch(self, address: str) -> bytes:
        try:
            data = await self._load(address)
            self._hold(address, data)
            return data
        finally:
            del self._loading[address]

    def _hold(self, address: str, data: bytes) -> None:
        self._held[address] = data
        self._size += len(data)
        while self._size > self._capacity and self._held:
            _, dropped = self._held.popitem(last=False)
            self._size -= len(dropped)
        HELD.set(self._size)
