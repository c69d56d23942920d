"""The object store's port and its adapter on `obstore` (a local directory, memory, or S3 by URL)."""

from collections.abc import Sequence
from typing import Protocol

import obstore
from obstore.store import ObjectStore, from_url


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

    @classmethod
    def at(cls, url: str) -> "StoredObjects":
        """Opens the store at a URL; a local directory is made where it is missing."""
        if url.startswith("file://"):
            return cls(from_url(url, mkdir=True))
        return cls(from_url(url))

    async def put(self, address: str, data: bytes) -> None:
        """Stores it whole: obstore writes beside and renames."""
        await obstore.put_async(self._store, address, data, use_multipart=False)

    async def get(self, address: str) -> bytes:
        """The whole object."""
        try:
            found = await obstore.get_async(self._store, address)
            return bytes(await found.bytes_async())
        except FileNotFoundError as missing:
            raise ObjectMissingError(address) from missing

    async def delete(self, addresses: list[str]) -> None:
        """Removes them."""
        try:
            await obstore.delete_async(self._store, addresses)
        except FileNotFoundError:
            if len(addresses) > 1:
                for address in addresses:
                    await self.delete([address])

    async def list(self, folder: str) -> Sequence[str]:
        """The addresses in a folder and those below it, in byte order."""
        found = await obstore.list(self._store, folder).collect_async()
        return sorted((entry["path"] for entry in found), key=str.encode)
