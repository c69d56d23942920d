"""The store's port: one partition of one view's rows, with the position up to which they are folded."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple, Protocol

from streams.errors import TransientError

DIGEST_BYTES = 16
DIGEST_MODULUS = 1 << (8 * DIGEST_BYTES)
"""Sums wrap at 2^128: two different sets of rows share a digest by chance once in 2^128."""
KEY_MAX = 0xFFFE
"""Longest event key in bytes: its length takes two, and 0xFFFF is left to the stores' own entries."""


class StoreBusyError(TransientError):
    """Another process has this partition's store open, most likely the partition's former owner, which is about to close it.

    Operator action: none for some seconds; after that, end the process that still holds the directory.
    """


class Progress(NamedTuple):
    """How far a partition's rows are folded."""

    watermark: int
    """Offset of the last record folded; -1 before the first."""
    digest: int
    """Sum of the hashes of all rows, modulo 2^128."""


BEGINNING = Progress(-1, 0)


class Store(Protocol):
    """Rows by address, in the addresses' byte order. Used by one runner; a commit is seen whole or not at all, whatever dies."""

    def get(self, address: bytes) -> bytes | None:
        """The row, or None."""

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """(address, row) of the addresses with a prefix, from `start` on where that is later."""

    def progress(self) -> Progress:
        """As of the last commit; BEGINNING where there was none."""

    def commit(self, changes: Mapping[bytes, bytes | None], progress: Progress) -> None:
        """Writes rows (None removes) and progress at once."""

    def close(self) -> None:
        """Gives the partition free for another process."""


class Stores(Protocol):
    """The stores of a process."""

    def open(self, view: str, partition: int) -> Store:
        """Opens a partition's store, empty where there was none. `view` is the fold's name and version.

        Raises:
            StoreBusyError: another process has it open.
        """


def key_prefix(key: bytes) -> bytes:
    """What all addresses of an event key begin with. No key's prefix is another's, for its length comes first.

    Raises:
        ValueError: the key is longer than KEY_MAX.
    """
    if len(key) > KEY_MAX:
        raise ValueError(f"an event key may have {KEY_MAX} bytes, this one has {len(key)}")
    return len(key).to_bytes(2, "big") + key


def table_prefix(key: bytes, table: str) -> bytes:
    """What the addresses of a table's rows under a key begin with; the row's own key in UTF-8 follows."""
    return key_prefix(key) + table.encode() + b"\0"


def key_of_address(address: bytes) -> bytes:
    """The event key in an address."""
    return address[2 : 2 + int.from_bytes(address[:2], "big")]


def row_hash(address: bytes, row: bytes) -> int:
    """A row's share in the digest."""
    return int.from_bytes(blake2b(len(address).to_bytes(4, "big") + address + row, digest_size=DIGEST_BYTES).digest(), "big")


def digest_of(store: Store) -> int:
    """The digest computed afresh from all rows: what the one kept with the progress must equal."""
    return sum(row_hash(address, row) for address, row in store.scan(b"")) % DIGEST_MODULUS
