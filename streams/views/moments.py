"""A view as it was: the newest snapshot at or before a position, and the events from there to it."""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from schemas.wire import Codec
from streams.errors import StreamingError
from streams.fold import Fold
from streams.keys import partition_for
from streams.log import Source
from streams.outputs import view_name
from streams.snapshot_thread import EVERY
from streams.snapshots import Snapshots
from streams.store import Store, key_prefix
from streams.store_memory import MemoryStore
from streams.store_rocksdict import ReadOnlyStore, RocksStores
from streams.telling import Told
from streams.views.layers import Layer
from streams.views.past import save_closed
from streams.views.refolding import Refold, Ticks, in_batches, of_keys

IN_THE_LAKE = "If the lake has it: --source both."
"""The way out where Kafka has forgotten the beginning of a view's input."""


class GoneError(StreamingError):
    """The events that the view at that moment is made of are no longer there.

    Operator action: ask for a later moment, or keep the input for longer (its retention, the lake) or more snapshots.
    """


class Archive(NamedTuple):
    """What the past of a view is read from."""

    fold: Fold
    source: Source
    codec: Codec
    view: str
    """Name of the live stores, and so of their snapshots."""
    snapshots: Snapshots | None = None
    whole: bool = True
    """Whether a missing beginning is an error; not so for a view that is a function of the latest events alone."""

    @property
    def past(self) -> str:
        """Name of the snapshots that looks at the past leave. The live view's are what it says, these are what its events say."""
        return f"{view_name(self.fold)}+past"

    def positions(self, at_ms: int) -> dict[int, int]:
        """Per partition how many offsets had passed at a moment: up to the first record that is later."""
        return self.source.starts_at(self.fold.inputs[0], at_ms + 1)


class PastView:
    """The rows of a view at a position. Close it at the end; its folder goes with it."""

    def __init__(self, stores: Mapping[int, Store], ends: Mapping[int, int], folder: Path, folded: int, prefix: bytes = b"") -> None:
        self.stores = stores
        """By partition."""
        self.ends = ends
        """Per partition the offset after the last event."""
        self.folded = folded
        """Records read beyond the snapshots."""
        self._folder = folder
        self._prefix = prefix

    def rows(self) -> Iterator[tuple[int, bytes, bytes]]:
        """(partition, address, row), in the order of partitions and addresses."""
        for partition, store in sorted(self.stores.items()):
            for address, row in store.scan(self._prefix):
                yield partition, address, row

    def close(self) -> None:
        """Removes it."""
        for store in self.stores.values():
            store.close()
        shutil.rmtree(self._folder, ignore_errors=True)


async def view_at(
    archive: Archive, ends: Mapping[int, int], folder: Path, *, keep: bool = False, told: Told = lambda done, total: None
) -> PastView:
    """All rows at a position, in a folder that must not exist. With `keep`, a long way leaves snapshots for the next look.

    Raises:
        GoneError: events are missing.
    """
    starts = archive.source.starts_at(archive.fold.inputs[0], None)
    restored = await asyncio.gather(*(_restore(archive, partition, end, folder, starts[partition]) for partition, end in ends.items()))
    bases = dict(zip(ends, restored, strict=True))
    total = sum(end - 1 - bases[partition] for partition, end in ends.items())
    done = 0

    def folded(count: int) -> None:
        nonlocal done
        done += count
        told(done, total)

    # Side by side: while one partition waits for its reader others are folded.
    try:
        async with asyncio.TaskGroup() as group:
            for partition, end in ends.items():
                group.create_task(_fold_on(archive, partition, range(bases[partition] + 1, end), folder, folded, keep=keep))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    stores = {partition: ReadOnlyStore(folder / view_name(archive.fold) / str(partition)) for partition in ends}
    return PastView(stores, ends, folder, total)


async def _fold_on(archive: Archive, partition: int, offsets: range, folder: Path, folded: Callable[[int], None], *, keep: bool) -> None:
    """Folds events into the partition's store."""
    stores, view = RocksStores(folder), view_name(archive.fold)
    store = stores.open(view, partition)
    refold = Refold(archive.fold, archive.codec, store, partition)
    newest = offsets.start - 1
    batches = in_batches(archive.source, archive.fold.inputs[0], partition, offsets.start, offsets.stop)
    while batch := await asyncio.to_thread(next, batches, ()):
        await refold.fold(batch)
        folded(len(batch))
        if keep and batch[-1].offset - newest >= EVERY:
            newest = batch[-1].offset
            store.close()
            path = folder / view / str(partition)
            await save_closed(archive.snapshots, archive.past, partition, path, folder / f"checkpoint-{partition}")
            store = stores.open(view, partition)
            refold = Refold(archive.fold, archive.codec, store, partition)
    store.close()


async def key_at(archive: Archive, key: str, ends: Mapping[int, int], folder: Path, *, told: Told = lambda done, total: None) -> PastView:
    """The rows of one key at a position: of the events after the snapshot only its own are decoded.

    Raises:
        GoneError: events are missing.
    """
    name = key.encode()
    partition = partition_for(name, len(ends))
    end, ticks, folded = ends[partition], Ticks(archive.codec), 0
    start = archive.source.starts_at(archive.fold.inputs[0], None)[partition]
    base = await _restore(archive, partition, end, folder, start)
    below = MemoryStore() if base < 0 else ReadOnlyStore(folder / view_name(archive.fold) / str(partition))
    layer = Layer(below, name, {}, base)
    refold = Refold(archive.fold, archive.codec, layer, partition)
    for batch in in_batches(archive.source, archive.fold.inputs[0], partition, base + 1, end):
        await refold.fold(of_keys(batch, frozenset([name]), ticks))
        folded += len(batch)
        told(folded, end - 1 - base)
    return PastView({partition: layer}, {partition: end}, folder, folded, key_prefix(name))


async def _restore(archive: Archive, partition: int, end: int, folder: Path, start: int) -> int:
    """Makes the partition's store the newest snapshot before a position, the live view's or one that a look left; its watermark, or -1.

    `start`: where the partition begins on the log.
    """
    path = folder / view_name(archive.fold) / str(partition)
    path.parent.mkdir(parents=True, exist_ok=True)
    if archive.snapshots is not None:
        names = [archive.view, archive.past]
        newest = [(await archive.snapshots.watermarks(name, partition, end - 1))[:1] for name in names]
        for watermarks, name in sorted(zip(newest, names, strict=True), reverse=True):
            if watermarks and watermarks[0] >= start - 1:
                snapshot = await archive.snapshots.restore(name, partition, path, at_most=end - 1, beyond=start - 2)
                if snapshot is not None:
                    return snapshot.watermark
    if start > 0 and archive.whole:
        raise GoneError(
            f"{archive.fold.inputs[0]}/{partition} begins at offset {start}; what lay before is gone, and no snapshot of {archive.view} "
            f"stands for it before offset {end}. {IN_THE_LAKE}"
        )
    return -1
