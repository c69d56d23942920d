"""The object store's port and its adapter on `obstore` (a local directory, memory, or S3 by URL)."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import obstore
from obstore.store import ObjectStore, from_url

R = TypeVar("R")
REQUESTS = 32
"""Requests under way at once: at a remote store's 50 ms for each, some hundred a second."""


class ObjectMissingError(KeyError):
    """No object has this address."""


class Objects(Protocol):
    """Immutable objects by address. Writing the same address again writes the same bytes."""

    async def put(self, address: str, data: bytes) -> None:
        """Stores it whole: seen whole or not at all."""

    async def get(self, address: str) -> bytes:
        """The whole object.

        Raises:
            ObjectMissingError: there is none.
        """

    async def delete(self, addresses: list[str]) -> None:
        """Removes them; those that do not exist are passed over."""

    async def list(self, folder: str) -> Sequence[str]:
        """The addresses in a folder and those below it, in byte order. A folder ends where a `/` is: `a/b` does not hold `a/bc`."""


class StoredObjects:
    """Objects behind an obstore URL: `file:///dir`, `memory://`, `s3://bucket`."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(REQUESTS, "objects")

    @classmethod
    def at(cls, url: str) -> "StoredObjects":
        """Opens the store at a URL; a local directory is made where it is missing."""
        if url.startswith("file://"):
            return cls(from_url(url, mkdir=True))
        return cls(from_url(url))

    async def put(self, address: str, data: bytes) -> None:
        """Stores it whole: obstore writes beside and renames."""
        await self._do(lambda: obstore.put(self._store, address, data, use_multipart=False))

    async def get(self, address: str) -> bytes:
        """The whole object."""
        try:
            return await self._do(lambda: bytes(obstore.get(self._store, address).bytes()))
        except FileNotFoundError as missing:
            raise ObjectMissingError(address) from missing

    async def delete(self, addresses: list[str]) -> None:
        """Removes them."""
        try:
            await self._do(lambda: obstore.delete(self._store, addresses))
        except FileNotFoundError:
            if len(addresses) > 1:
                for address in addresses:
                    await self.delete([address])

    async def list(self, folder: str) -> Sequence[str]:
        """The addresses in a folder and those below it, in byte order."""
        found = await self._do(lambda: obstore.list(self._store, folder).collect())
        return sorted((entry["path"] for entry in found), key=str.encode)

    async def _do(self, request: Callable[[], R]) -> R:
        """A request on a thread of ours: half the processor time of obstore's own coroutines, whose threads end a process by SIGABRT
        where the interpreter goes down just after a request.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, request)
