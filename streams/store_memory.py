"""Stores in memory: for tests, simulations and replays that fit. They outlive their runner, as files outlive a process."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping

from streams.store import BEGINNING, Progress, Store, StoreBusyError


class MemoryStore:
    """One partition's rows in a dictionary."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}
        self._progress = BEGINNING
        self.open = False

    def get(self, address: bytes) -> bytes | None:
        """The row, or None."""
        return self._rows.get(address)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The rows with a prefix, in order, as of the call."""
        addresses = sorted(address for address in self._rows if address.startswith(prefix))
        return iter([(address, self._rows[address]) for address in addresses[bisect_left(addresses, start) :]])

    def progress(self) -> Progress:
        """As of the last commit."""
        return self._progress

    def commit(self, changes: Mapping[bytes, bytes | None], progress: Progress) -> None:
        """Writes rows and progress at once."""
        for address, row in changes.items():
            if row is None:
                self._rows.pop(address, None)
            else:
                self._rows[address] = row
        self._progress = progress

    def close(self) -> None:
        """Gives it free."""
        self.open = False


class MemoryStores:
    """The stores of a process, by view and partition."""

    def __init__(self) -> None:
        self._stores: dict[tuple[str, int], MemoryStore] = {}

    def open(self, view: str, partition: int) -> Store:
        """Opens a store, with what was committed to it before."""
        store = self._stores.setdefault((view, partition), MemoryStore())
        if store.open:
            raise StoreBusyError(f"{view}/{partition} is open already")
        store.open = True
        return store
