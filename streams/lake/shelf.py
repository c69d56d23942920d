"""The object store as the lake needs it: objects that are made once, listed in order, from any thread."""

import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlparse
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore, from_url

from streams.lake import layout
from streams.objects import ObjectMissingError, StoreUnavailableError

LEFT_S = 3_600.0
"""Age at which a file that is being written is one that a killed process left: it takes some milliseconds."""


class Shelf:
    """Objects behind an obstore URL. A call blocks until it is done."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        """`folder`: where the objects lie, if that is a local directory."""
        self._store = store
        self._folder = folder
        if folder is not None:
            self._staging = folder / layout.STAGING
            self._staging.mkdir(parents=True, exist_ok=True)
            for left in self._staging.iterdir():
                if left.stat().st_mtime < time.time() - LEFT_S:
                    left.unlink(missing_ok=True)

    @classmethod
    def at(cls, url: str) -> "Shelf":
        """Opens the store at a URL (`file:///dir`, `memory://`, `s3://bucket`); a local directory is made where it is missing."""
        if url.startswith("file://"):
            return cls(from_url(url, mkdir=True), Path(unquote(urlparse(url).path)))
        return cls(from_url(url))

    def create(self, address: str, data: bytes) -> bool:
        """Makes an object, seen whole or not at all; False where there is one already, which is left as it is.

        Raises:
            StoreUnavailableError: the store failed.
        """
        try:
            if self._folder is not None:
                return self._link(self._folder / address, data)
            obstore.put(self._store, address, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as cause:
            raise StoreUnavailableError(f"{address} could not be written: {cause}") from cause
        return True

    def exclusive(self) -> bool:
        """Whether the store refuses to make an object twice. S3 does (If-None-Match); some servers that speak its language ignore it.

        Raises:
            StoreUnavailableError: the store failed.
        """
        if self._folder is not None:
            return True
        probe = f"{layout.STAGING}/{uuid4().hex}"
        self.create(probe, b"")
        refused = not self.create(probe, b"")
        self.delete(probe)
        return refused

    def _link(self, path: Path, data: bytes) -> bool:
        """Makes a file. Not by obstore, which would write it beside its place: what a kill left there, Flink would take for data."""
        staging = self._staging / uuid4().hex
        try:
            staging.write_bytes(data)
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                path.hardlink_to(staging)
                return True
        finally:
            staging.unlink(missing_ok=True)
        return False

    def get(self, address: str) -> bytes:
        """The whole object.

        Raises:
            ObjectMissingError: there is none.
            StoreUnavailableError: the store failed.
        """
        try:
            return bytes(obstore.get(self._store, address).bytes())
        except FileNotFoundError as missing:
            raise ObjectMissingError(address) from missing
        except (BaseError, OSError) as cause:
            raise StoreUnavailableError(f"{address} could not be read: {cause}") from cause

    def find(self, address: str) -> bytes | None:
        """The whole object, or None."""
        try:
            return self.get(address)
        except ObjectMissingError:
            return None

    def names(self, folder: str, after: str | None = None) -> list[str]:
        """Addresses in a folder and below, in their order; only those past one."""
        try:
            pages = obstore.list(self._store, prefix=folder, offset=after)
            return sorted(entry["path"] for page in pages for entry in page)
        except (BaseError, OSError) as cause:
            raise StoreUnavailableError(f"{folder} could not be listed: {cause}") from cause

    def delete(self, address: str) -> None:
        """Removes an object if it is there."""
        try:
            obstore.delete(self._store, address)
        except FileNotFoundError:
            pass
        except (BaseError, OSError) as cause:
            raise StoreUnavailableError(f"{address} could not be removed: {cause}") from cause
