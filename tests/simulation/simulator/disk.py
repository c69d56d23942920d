"""A host's disk: the product's own stores, with what a crash may do to them."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from streams.store import Progress, Store, Stores
from tests.simulation.simulator.process import Injected, Process

UNSYNCED = 3
"""Commits that a power cut may take at most."""

Watch = Callable[[str, int, Progress], None]


class DiskFullError(Injected):
    """No space left on the device."""


class Handle:
    """A store as one process has it open."""

    def __init__(self, disk: "Disk", process: Process, at: tuple[str, int], store: Store) -> None:
        self.store = store
        self._disk = disk
        self._process = process
        self._at = at
        self.open = True

    def __getattr__(self, name: str) -> Any:
        """What only reads, as the store has it."""
        self._process.check()
        return getattr(self.store, name)

    def commit(self, changes: Mapping[bytes, bytes | None], progress: Progress) -> None:
        """Commits, unless the process dies before; or after, so that nobody learns of it."""
        self._process.step("commit")
        if not self.open:
            raise AssertionError(f"a commit to {self._at}, which is closed")
        if self._disk.full:
            raise DiskFullError("no space left on the device")
        self._disk.remember(self._at, {address: self.store.get(address) for address in changes}, self.store.progress())
        self.store.commit(changes, progress)
        self._process.trace(self._process.name, "commits", f"{self._at[1]} up to {progress.watermark}, digest {progress.digest >> 96:08x}")
        self._disk.watch(*self._at, progress)
        self._process.step("committed")

    def close(self) -> None:
        """Closes it."""
        self._process.step("close")
        self.release()

    def release(self) -> None:
        """Closes it as the operating system does at a process's end."""
        if self.open:
            self.open = False
            self.store.close()


class Disk:
    """Files of any number of processes."""

    def __init__(self, make: Callable[[], Stores], watch: Watch) -> None:
        self._make = make
        self._stores = make()
        self._known: dict[tuple[str, int], None] = {}
        self._undo: dict[tuple[str, int], list[tuple[dict[bytes, bytes | None], Progress]]] = defaultdict(list)
        self.watch = watch
        self.full = False

    def open(self, process: Process, view: str, partition: int) -> Handle:
        """Opens a store for a process; another's lock is respected."""
        process.step("open")
        handle = Handle(self, process, (view, partition), self._stores.open(view, partition))
        self._known[view, partition] = None
        process.on_death.append(handle.release)
        return handle

    def remember(self, at: tuple[str, int], before: dict[bytes, bytes | None], progress: Progress) -> None:
        """Notes how a commit is undone."""
        self._undo[at] = [*self._undo[at][1 - UNSYNCED :], (before, progress)]

    def power_cut(self, choose: Callable[[int, int], int]) -> None:
        """The last commits of every store are gone, each whole."""
        for at, undo in self._undo.items():
            store = self._stores.open(*at)
            for _ in range(choose(0, len(undo))):
                before, progress = undo.pop()
                store.commit(before, progress)
            store.close()
            undo.clear()

    def lose(self) -> None:
        """All files are gone."""
        self._stores = self._make()
        self._known.clear()
        self._undo.clear()

    def stores(self) -> dict[tuple[str, int], Store]:
        """All stores, opened: for the verdict, once all processes ended."""
        return {at: self._stores.open(*at) for at in self._known}

    def watermark(self, view: str, partition: int) -> int:
        """How far a partition is folded here, as of its last commit; -1 where it is not. For retention."""
        undo = self._undo.get((view, partition))
        return undo[0][1].watermark if undo else -1


class DiskPort:
    """The Stores port of one process."""

    def __init__(self, disk: Disk, process: Process) -> None:
        self._disk = disk
        self._process = process

    def open(self, view: str, partition: int) -> Any:
        """Opens a store.

        Raises:
            StoreBusyError: another process has it open.
        """
        return self._disk.open(self._process, view, partition)
