"""Rebuilds a view: folds it again into stores beside the live ones, and lets them take over by an event."""

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from schemas.events import ViewCutOver
from streams.errors import FatalError, StreamingError
from streams.fold import Fold
from streams.log import Source
from streams.outputs import view_name
from streams.publisher import Publisher
from streams.replay.partition import Connect, Connection
from streams.replay.processes import Sum, Told, helping, in_processes
from streams.store import DIGEST_MODULUS, Progress
from streams.store_rocksdict import ReadOnlyStore, RocksStores
from streams.views.differences import differences
from streams.views.generations import Generation, Generations
from streams.views.moments import IN_THE_LAKE, GoneError
from streams.views.past import restore_base, save_closed
from streams.views.refolding import Refold, refold
from streams.views.store_reading import open_reading, partitions_of, progress_at

CLOSE = 1_000
"""Records that may be missing at the cut-over: the worker folds them in some tens of milliseconds before it goes on."""


class NoWayBackError(StreamingError):
    """There is nothing to roll back to.

    Operator action: none was rebuilt on this host since; `rebuild` makes a fresh set of stores.
    """


class Site(NamedTuple):
    """What a view is rebuilt from and where."""

    fold: Fold
    connect: Connect
    views: Path
    """Folder of all live stores."""
    generations: Generations
    sent: Callable[[], Mapping[int, int]] = dict
    """Per partition the offset before which the worker's outputs are on the log, as its group committed it: what is asked where the
    live stores are gone."""

    @property
    def live(self) -> Path:
        """The stores in use."""
        return self.views / self.generations.active(self.fold).stores(self.fold.name)


class BuiltPartition(msgspec.Struct, frozen=True):
    """One partition of a rebuilt view."""

    partition: int
    watermark: int
    digest: str
    """Of the new rows, 32 hexadecimal digits."""
    live: str
    """Kept by the live view at the same position; empty where it has none that can be read."""
    differing: int
    """Rows in which the live view differs."""

    @property
    def proven(self) -> bool:
        """Whether the live view kept the same digest: its events were folded alike, whatever became of its rows since."""
        return self.digest == self.live


class Built(msgspec.Struct, frozen=True):
    """A rebuilt view that is ready to take over."""

    view: str
    """Name of its stores."""
    version: int
    generation: int
    replaces: str
    """Name of the stores in use."""
    events: int
    """Events folded."""
    partitions: tuple[BuiltPartition, ...]

    @property
    def proven(self) -> bool:
        """Whether all digests are those that the live view kept."""
        return all(partition.proven for partition in self.partitions)

    @property
    def lost(self) -> bool:
        """Whether the live view has no stores here: there is nothing that the new ones could contradict."""
        return not any(partition.live for partition in self.partitions)


class Rebuild:
    """One rebuild of a view, step by step."""

    def __init__(self, site: Site, connection: Connection) -> None:
        """`connection`: this process's own."""
        self._site = site
        self._source, self._codec, _, self._snapshots = connection
        self._fold = site.fold
        self._view = view_name(site.fold)
        self.folded = 0
        """Records so far."""

    def next(self) -> Generation:
        """The generation that is made: the fold's version if that is not in use yet, otherwise its next set of stores."""
        fold, generations = self._fold, self._site.generations
        known = [generations.active(fold), generations.previous(fold)]
        numbers = [each.number for each in known if each is not None and each.version == fold.version]
        return Generation(fold.version, max(numbers) + 1 if numbers else 0)

    async def build(self, told: Callable[[int, int], None] = lambda done, total: None, processes: int | None = None) -> Built:
        """Folds afresh up to where the live view is, again and again until it is close, and compares.

        `told` hears (records done, records in all). `processes`: None takes what helps.

        Raises:
            GoneError: the beginning of the input is gone and no snapshot stands for it.
        """
        generation = self.next()
        directory = self._site.views / generation.stores(self._fold.name)
        # 1. What an interrupted rebuild left is of no use.
        shutil.rmtree(directory, ignore_errors=True)
        shutil.rmtree(self._working, ignore_errors=True)
        try:
            # 2. Catch up: each round is as long as what came in during the one before.
            while self._behind(targets := self._targets()) > CLOSE:
                await self._catch_up(targets, told, processes)
            # 3. The last round goes to a position that is the live view's own, so that the digests can be compared.
            parts = [await self._compare(partition) for partition in targets]
            # 4. Under their name the stores can be opened; another host takes them from the object store.
            (self._working / self._view).rename(directory)
            for partition in targets:
                await save_closed(self._snapshots, directory.name, partition, directory / str(partition), self._working / "checkpoint")
        finally:
            shutil.rmtree(self._working, ignore_errors=True)
        return Built(directory.name, *generation, self._site.live.name, self.folded, tuple(parts))

    async def cut_over(self, built: Built, publisher: Publisher) -> ViewCutOver:
        """Says that the new stores take over, and waits until the log has it."""
        active = self._site.generations.active(self._fold)
        digest = sum(int(partition.digest, 16) for partition in built.partitions)
        positions = tuple(partition.watermark for partition in built.partitions)
        new = Generation(built.version, built.generation)
        return _publish(publisher, self._fold, new, active, positions=positions, digest=digest, reason="rebuilt")

    def discard(self, built: Built) -> None:
        """Removes new stores that do not take over."""
        shutil.rmtree(self._site.views / built.view)

    @property
    def _working(self) -> Path:
        return self._site.views / f".rebuilding-{self._view}"

    def _targets(self) -> dict[int, int]:
        """Per partition the watermark to fold to: never beyond what the live view has sent."""
        sent = {partition: offset - 1 for partition, offset in self._site.sent().items()}
        found = {partition: sent.get(partition, -1) for partition in self._source.ends(self._fold.inputs[0])}
        for partition in partitions_of(self._site.live):
            with suppress(FatalError):  # a damaged store: what was committed of it counts
                found[partition] = progress_at(self._site.live / str(partition)).watermark
        return found

    def _behind(self, targets: Mapping[int, int]) -> int:
        """Records that the new stores lack."""
        return sum(watermark - self._progress(partition).watermark for partition, watermark in targets.items())

    def _progress(self, partition: int) -> Progress:
        path = self._working / self._view / str(partition)
        return progress_at(path) if path.exists() else Progress(-1, 0)

    async def _catch_up(self, targets: Mapping[int, int], told: Callable[[int, int], None], processes: int | None) -> None:
        """Folds each partition to its target."""
        missing = {partition: range(self._progress(partition).watermark + 1, watermark + 1) for partition, watermark in targets.items()}
        sizes = {partition: len(offsets) for partition, offsets in missing.items()}
        count = processes or helping(sizes)
        if count == 1:
            await self.fold(targets, Sum(missing, told))
            return
        work = partial(fold_partitions, self._site._replace(sent=dict), targets)  # what the group committed is asked for here alone
        self.folded += sum(await asyncio.to_thread(in_processes, work, sizes, Sum(missing, told), count))

    async def fold(self, targets: Mapping[int, int], told: Told) -> None:
        """Folds some partitions to watermarks, one after another."""
        for partition, watermark in targets.items():
            await self._fold_to(partition, watermark, told)

    async def _fold_to(self, partition: int, watermark: int, told: Told = lambda partition, offset: None) -> Progress:
        """Folds one partition to a watermark."""

        def hear(count: int) -> None:
            self.folded += count
            told(partition, refolded.progress.watermark + 1)

        path = self._working / self._view / str(partition)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            await self._begin(partition, path, watermark)
        store = RocksStores(self._working).open(self._view, partition)
        try:
            refolded = Refold(self._fold, self._codec, store, partition)
            return await refold(refolded, self._source, watermark + 1, hear)
        finally:
            store.close()

    async def _begin(self, partition: int, path: Path, watermark: int) -> None:
        """Begins with a snapshot where the log's beginning is gone."""
        start = self._source.starts_at(self._fold.inputs[0], None)[partition]
        if start == 0 or watermark < 0:
            return
        name = self._site.live.name
        snapshots = self._snapshots if self._site.generations.runs(self._fold) else None  # another version's rows are no beginning
        if await restore_base(snapshots, name, partition, path, start=start, at_most=watermark) is None:
            raise GoneError(
                f"{self._fold.inputs[0]}/{partition} begins at offset {start}, and no snapshot of {name} stands for what lay before. "
                f"{IN_THE_LAKE}"
            )

    async def _compare(self, partition: int) -> BuiltPartition:
        """Folds to where the live view is now, and holds the new rows against its own."""
        path = self._site.live / str(partition)
        if not (path / "CURRENT").exists() or (reading := open_reading(path)).damage:
            fresh = await self._fold_to(partition, self._targets()[partition])
            return BuiltPartition(partition, fresh.watermark, f"{fresh.digest:032x}", "", 0)
        try:
            live = reading.progress
            fresh = await self._fold_to(partition, live.watermark)
            differing = 0
            if not (reading.whole and live.digest == fresh.digest):
                store = ReadOnlyStore(self._working / self._view / str(partition))
                differing = sum(1 for _ in differences(reading.store, store))
                store.close()
        finally:
            reading.store.close()
        return BuiltPartition(partition, fresh.watermark, f"{fresh.digest:032x}", f"{live.digest:032x}", differing)


def fold_partitions(site: Site, targets: Mapping[int, int], partitions: Sequence[int], told: Told) -> int:
    """In a process: folds some partitions to their watermarks; the records that it took. Blocking."""
    rebuild = Rebuild(site, site.connect())
    asyncio.run(rebuild.fold({partition: targets[partition] for partition in partitions}, told))
    return rebuild.folded


def roll_back(site: Site, source: Source, publisher: Publisher) -> ViewCutOver:
    """Lets the stores that were in use before come back; what they lack is folded into them silently.

    Raises:
        NoWayBackError: there are none.
    """
    active, previous = site.generations.active(site.fold), site.generations.previous(site.fold)
    if previous is None:
        raise NoWayBackError(f"{active.stores(site.fold.name)} is the first that the log knows of: there is nothing to roll back to")
    stores = site.views / previous.stores(site.fold.name)
    partitions = partitions_of(stores)
    if not partitions:
        raise NoWayBackError(f"{stores} is not on this host any more: a rebuild makes a fresh set of stores")
    digest = sum(progress_at(stores / str(partition)).digest for partition in partitions)
    sent = site.sent()
    positions = []
    for partition in sorted(source.ends(site.fold.inputs[0])):
        path = site.live / str(partition)
        positions.append(progress_at(path).watermark if (path / "CURRENT").exists() else sent.get(partition, 0) - 1)
    return _publish(publisher, site.fold, previous, active, positions=tuple(positions), digest=digest, reason="rolled_back")


def prune(site: Site) -> list[str]:
    """Removes the stores of a view that are neither in use nor the ones to roll back to; their names."""
    fold, generations = site.fold, site.generations
    kept = {each.stores(fold.name) for each in (generations.active(fold), generations.previous(fold)) if each is not None}
    spare = [path for path in site.views.glob(f"{fold.name}.v*") if path.name not in kept]
    for path in spare:
        shutil.rmtree(path)
    return sorted(path.name for path in spare)


def _publish(
    publisher: Publisher, fold: Fold, new: Generation, old: Generation, *, positions: tuple[int, ...], digest: int, reason: str
) -> ViewCutOver:
    event = ViewCutOver(
        view=fold.name,
        version=new.version,
        generation=new.number,
        previous_version=old.version,
        previous_generation=old.number,
        positions=positions,
        digest=f"{digest % DIGEST_MODULUS:032x}",
        reason=reason,
    )
    publisher.publish(event).result()
    return event
