"""The object store's port and its adapter on `obstore` (a local directory, memory, or S3 by URL)."""

import asyncio
import errno
import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Protocol, TypeVar
from urllib.parse import unquote

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from streams.errors import TransientError

R = TypeVar("R")
REQUESTS = 32
"""Requests under way at once: at a remote store's 50 ms for each, some hundred a second."""
SLOW_S = 0.02
"""A write to this machine's disk that took longer has waited for it; into the page cache a part takes 0.1 ms, a segment 0.5 ms."""
SLOW_FOR_S = 10.0
"""How long writes are then left to threads, so that the disk holds up no event loop."""
LARGE = 4 << 20
"""Bytes that are always left to a thread: some milliseconds of copying."""

MULTIPART, PART = 16 << 20, 8 << 20
"""Bytes above which a remote store gets an object in parts, and those of a part: a request has to be through within obstore's 30 s, which
is 2 Mbit/s for a part, and what fails costs a part once more. What is live is smaller: two seconds of 6 Mbit/s are 1.5 MB.
"""

PLAIN = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*", re.ASCII)
"""Addresses that are file names as they are: obstore escapes others."""
NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
NO_LINKS = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP}
"""Errors of link(2) that say that it cannot be done here."""
_numbers = itertools.count()


class ObjectMissingError(KeyError):
    """No object has this address."""


class StoreUnavailableError(TransientError):
    """The object store did not take or give an object. Operator action: see the cause (disk full, no rights, network)."""


class Objects(Protocol):
    """Immutable objects by address. Writing the same address again writes the same bytes.

    A store that fails raises `StoreUnavailableError` where it is remote, and `OSError` where it is a disk of this machine.
    """

    async def put(self, address: str, data: bytes) -> None:
        """Stores it whole: seen whole or not at all."""

    async def get(self, address: str) -> bytes:
        """The whole object.

        Raises:
            ObjectMissingError: there is none.
        """

    async def link(self, address: str, second: str) -> None:
        """Gives an object a second address, without its bytes passing through here: a hard link on a disk, a copy by the server elsewhere.

        Raises:
            ObjectMissingError: there is no such object.
        """

    async def delete(self, addresses: list[str]) -> None:
        """Removes them; those that do not exist are passed over."""

    async def list(self, folder: str) -> Sequence[str]:
        """The addresses in a folder and those below it, in byte order. A folder ends where a `/` is: `a/b` does not hold `a/bc`."""


class StoredObjects:
    """Objects behind an obstore URL: `file:///dir`, `memory://`, `s3://bucket`."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        """`folder` is that of a store on this machine's disk: it is written and read without the store's threads."""
        self._store = store
        self._folder = folder
        self._threads = ThreadPoolExecutor(REQUESTS, "objects")
        self._threads_until = 0.0

    @classmethod
    def at(cls, url: str) -> "StoredObjects":
        """Opens the store at a URL; a local directory is made where it is missing."""
        if url.startswith("file://"):
            return cls(from_url(url, mkdir=True), Path(unquote(url.removeprefix("file://"))))
        return cls(from_url(url))

    async def put(self, address: str, data: bytes) -> None:
        """Stores it whole: written beside and renamed.

        A small one goes to the page cache at once: handing it to a thread and back takes several times the processor time of writing it.
        """
        path = self._path(address)
        if path is not None and len(data) <= LARGE and monotonic() >= self._threads_until:
            began = monotonic()
            _write(path, data)
            if monotonic() - began > SLOW_S:
                self._threads_until = monotonic() + SLOW_FOR_S
            return
        if path is not None:
            await self._do(lambda: _write(path, data))
            return
        try:
            await self._do(lambda: obstore.put(self._store, address, data, use_multipart=len(data) > MULTIPART, chunk_size=PART))
        except FileNotFoundError as cause:  # of the parts: the answer that they had become an object was lost
            raise StoreUnavailableError("the object store failed: it did not say whether it has the whole") from cause

    async def get(self, address: str) -> bytes:
        """The whole object."""
        path = self._path(address)
        try:
            if path is not None:
                return await self._do(lambda: Path(path).read_bytes())
            return await self._do(lambda: bytes(obstore.get(self._store, address).bytes()))
        except FileNotFoundError as missing:
            raise ObjectMissingError(address) from missing

    async def link(self, address: str, second: str) -> None:
        """Gives an object a second address."""
        path, beside = self._path(address), self._path(second)
        try:
            if path is not None and beside is not None:
                await self._do(lambda: _link(path, beside))
            else:
                await self._do(lambda: obstore.copy(self._store, address, second))
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

    def _path(self, address: str) -> str | None:
        """The file of an object; None where the store itself must say how it writes the name."""
        return f"{self._folder}/{address}" if self._folder is not None and PLAIN.fullmatch(address) else None

    async def _do(self, request: Callable[[], R]) -> R:
        """A request on a thread of ours: half the processor time of obstore's own coroutines, whose threads end a process by SIGABRT
        where the interpreter goes down just after a request.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, request)
        except BaseError as cause:
            raise StoreUnavailableError(f"the object store failed: {_first_line(cause)}") from cause


def _first_line(cause: BaseError) -> str:
    """What obstore says, without the dump of the request that follows."""
    return f"{cause}".partition("\n")[0]


@contextmanager
def _beside(path: str) -> Iterator[str]:
    """A name beside a file's place that obstore takes for unfinished. What gets it is moved to the place, or goes where that fails: nothing
    else would ever find it.
    """
    beside = f"{path}#{os.getpid()}{next(_numbers)}"
    try:
        yield beside
        os.replace(beside, path)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def _write(path: str, data: bytes) -> None:
    """Writes a file whole."""
    with _beside(path) as beside:
        try:
            file = os.open(beside, NEW, 0o666)
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            file = os.open(beside, NEW, 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(file, rest) :]  # a disk that is getting full takes a piece, then fails
        finally:
            os.close(file)


def _link(path: str, second: str) -> None:
    """Gives a file a second name, in place of what has it. A file system without hard links gets a copy."""
    Path(second).parent.mkdir(parents=True, exist_ok=True)
    try:
        with _beside(second) as beside:
            os.link(path, beside)
        Path(beside).unlink(missing_ok=True)  # rename(2) does nothing where both names are of one file
    except OSError as cause:
        if cause.errno not in NO_LINKS:
            raise
        _write(second, Path(path).read_bytes())
