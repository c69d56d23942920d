"""Verifies a view: folds it again from the log beside the live one, and says where the two part."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import msgspec

from schemas.wire import Codec
from streams.errors import StreamingError
from streams.fold import Fold
from streams.log import Source
from streams.outputs import view_name
from streams.replay.partition import Connect
from streams.replay.processes import Sum, Told, in_processes
from streams.snapshots import DamagedSnapshotError, Snapshots
from streams.store import Progress
from streams.store_rocksdict import RocksStores
from streams.views import bisection
from streams.views.bisection import Parting
from streams.views.differences import Decoders, RowDifference, differences, place_of
from streams.views.moments import IN_THE_LAKE
from streams.views.past import restore_base
from streams.views.refolding import Refold, refold
from streams.views.store_reading import NoStoreError, StoreReading, open_reading, partitions_of
from streams.views.verified_outputs import ExpectedOutputs, OutputsVerdict, joined, verify_outputs

SHOWN = 20
"""Differing rows told one by one; the others are counted."""


class NotVerifiableError(StreamingError):
    """The view cannot be folded again: the beginning of its input is gone from the log and no snapshot stands for it.

    Operator action: verify from a later snapshot (`--from-snapshot`), or keep the input for longer (its retention, or the lake).
    """


class DifferingRow(msgspec.Struct, frozen=True):
    """A row that is not as the events make it."""

    partition: int
    key: str
    table: str
    row: str
    kind: str
    """missing, extra, changed or unreadable, as the live view has it."""
    live: object
    fresh: object


class PartitionVerdict(msgspec.Struct, frozen=True):
    """What was found in one partition."""

    partition: int
    watermark: int
    """Offset of the last event folded into the live rows: the fresh fold ends there too. The log's end where it cannot be read."""
    folded_from: int
    """Offset of the first event that was folded afresh: what lies before came from a snapshot."""
    live: str
    """Digest that the live view keeps, 32 hexadecimal digits; empty where it cannot be read."""
    rows: str
    """Digest of the live rows as they are. Another than `live`: something but the view changed them."""
    fresh: str
    """Digest of the fresh fold."""
    damage: str
    """Why the live store's position cannot be read; empty where it can."""
    differing: int
    """Rows that differ."""
    shown: tuple[DifferingRow, ...]
    """The first of them, by address."""
    parting: Parting | None
    """The first event after which live and fresh rows are not the same."""

    @property
    def equal(self) -> bool:
        """Whether the live rows are what the events make of them."""
        return self.live == self.rows == self.fresh and not self.differing


class Verdict(msgspec.Struct, frozen=True):
    """What was found in all partitions."""

    view: str
    events: int
    """Events folded afresh."""
    seconds: float
    partitions: tuple[PartitionVerdict, ...]
    outputs: OutputsVerdict | None
    """None where it was not asked for."""

    @property
    def equal(self) -> bool:
        """Whether nothing was found in any of them."""
        return all(partition.equal for partition in self.partitions) and not (self.outputs and self.outputs.faults)


class Ground(NamedTuple):
    """Where a view's live rows are, and what they are made of."""

    fold: Fold
    log: Source
    codec: Codec
    directory: Path
    """The live stores, a folder a partition; its name is the stores'."""
    snapshots: Snapshots | None = None


class Verifying(NamedTuple):
    """What is asked for. Goes to other processes."""

    fold: Fold
    connect: Connect
    directory: Path
    """The live stores, as in Ground."""
    scratch: Path
    from_snapshot: bool = False
    """Begin with the newest snapshot: proves what came since."""
    outputs: bool = False
    """Check too that each output is on the log."""


def verify(
    asked: Verifying, source: Source, told: Callable[[int, int], None] = lambda done, total: None, processes: int | None = None
) -> Verdict:
    """Verifies all partitions that have a store here, in as many processes as help, or in so many; blocking.

    `source` says how much there is; `told` hears (records done, records in all).

    Raises:
        NoStoreError: none has.
        NotVerifiableError: a partition cannot be folded again.
    """
    began, topic = monotonic(), asked.fold.inputs[0]
    starts, ends = source.starts_at(topic, None), source.ends(topic)
    ranges = {partition: range(starts[partition], ends[partition]) for partition in stored(asked.directory)}
    sizes = {partition: len(there) for partition, there in ranges.items()}
    found = in_processes(partial(verify_partitions, asked), sizes, Sum(ranges, told), processes)
    partitions = sorted(chain.from_iterable(verdict.partitions for verdict in found), key=lambda verdict: verdict.partition)
    sent = [verdict.outputs for verdict in found if verdict.outputs is not None]
    events = sum(verdict.events for verdict in found)
    return Verdict(asked.directory.name, events, monotonic() - began, tuple(partitions), joined(sent) if sent else None)


def verify_partitions(asked: Verifying, partitions: Sequence[int], told: Told) -> Verdict:
    """In a process: verifies some partitions, one after another; blocking."""
    source, codec, _, snapshots = asked.connect()
    verification = Verification(Ground(asked.fold, source, codec, asked.directory, snapshots), asked.scratch / str(partitions[0]))
    return asyncio.run(verification.run(partitions, from_snapshot=asked.from_snapshot, outputs=asked.outputs, told=told))


def stored(directory: Path) -> list[int]:
    """The partitions of a view that have a store here.

    Raises:
        NoStoreError: there is none.
    """
    found = partitions_of(directory)
    if not found:
        raise NoStoreError(f"{directory} holds no stores: {directory.name} was never folded on this host, or the folder was removed")
    return found


class Verification:
    """Verifies a view's partitions, one after another."""

    def __init__(self, ground: Ground, scratch: Path) -> None:
        """`scratch`: a folder for the fresh stores, removed at the end."""
        self._ground = ground
        self._view = ground.directory.name
        self._fresh_view = view_name(ground.fold)
        self._topic = ground.fold.inputs[0]
        self._scratch = scratch
        self._decoders = Decoders(ground.fold)

    async def run(
        self,
        partitions: Sequence[int] | None = None,
        *,
        from_snapshot: bool = False,
        outputs: bool = False,
        told: Told = lambda partition, offset: None,
    ) -> Verdict:
        """Verifies some partitions; None: all that have a store here.

        Raises:
            NoStoreError: none has.
            NotVerifiableError: a partition cannot be folded again.
        """
        began = monotonic()
        ground = self._ground
        wanted = stored(ground.directory) if partitions is None else partitions
        live = {partition: open_reading(ground.directory / str(partition)) for partition in wanted}
        expected = ExpectedOutputs(ground.fold) if outputs else None
        for partition, reading in live.items():
            if reading.damage:
                reading.progress = Progress(ground.log.ends(self._topic)[partition] - 1, 0)
        try:
            bases = {partition: await self._begin(partition, reading.progress, from_snapshot) for partition, reading in live.items()}
            verdicts = tuple([await self._verify(partition, reading, expected, told) for partition, reading in live.items()])
            ranges = {partition: (base, live[partition].progress.watermark) for partition, base in bases.items()}
            sent = verify_outputs(expected, ground.log, ground.codec, ranges) if expected else None
        finally:
            for reading in live.values():
                reading.store.close()
            shutil.rmtree(self._scratch, ignore_errors=True)
        events = sum(up_to - after for after, up_to in ranges.values())
        return Verdict(self._view, events, monotonic() - began, verdicts, sent)

    async def _begin(self, partition: int, live: Progress, newest: bool) -> int:
        """Restores the snapshot to begin with; its watermark, -1 for the log's beginning."""
        start = self._ground.log.starts_at(self._topic, None)[partition]
        path = self._fresh / self._fresh_view / str(partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        if newest or start > 0:
            base = await restore_base(
                self._ground.snapshots, self._view, partition, path, start=start, at_most=live.watermark, newest=newest
            )
            if base is not None:
                return base
        if start > 0:
            raise NotVerifiableError(
                f"{self._topic}/{partition} begins at offset {start}: what lay before is gone, and no snapshot stands for it. {IN_THE_LAKE}"
            )
        return -1

    async def _verify(self, partition: int, live: StoreReading, expected: ExpectedOutputs | None, told: Told) -> PartitionVerdict:
        """Folds one partition afresh, compares, and finds the event where they part."""
        fold, log, codec, _, snapshots = self._ground
        store = RocksStores(self._fresh).open(self._fresh_view, partition)
        try:
            folded = Refold(fold, codec, store, partition, expected)
            first = folded.progress.watermark + 1

            def hear(_: int) -> None:
                told(partition, folded.progress.watermark + 1)

            # 1. Fold up to each snapshot of the live view: the first digest that differs narrows the search.
            good, bad = folded.progress.watermark, None
            for mark in await self._marks(partition, folded.progress, live.progress):
                if (await refold(folded, log, mark.watermark + 1, hear)).digest != mark.digest:
                    bad = mark.watermark
                    break
                good = mark.watermark
            # 2. Fold on, up to the live watermark.
            fresh = await refold(folded, log, live.progress.watermark + 1, hear)
            # 3. Equal digests are equal rows. Otherwise walk both, row by row.
            alike = live.whole and live.progress.digest == fresh.digest
            wrong = [] if alike else list(differences(live.store, store))
        finally:
            store.close()
        # 4. The event: behind the last snapshot that is right, not behind the first that is wrong.
        parting = None
        if wrong or bad is not None:
            altered = bool(live.damage) or live.progress.digest == fresh.digest
            search = bisection.Ground(fold, log, codec, self._view, partition, snapshots, self._scratch / "parting")
            parting = await bisection.find_parting(search, good, live, None if altered else bad, altered=altered)
        return PartitionVerdict(
            partition=partition,
            watermark=live.progress.watermark,
            folded_from=first,
            live="" if live.damage else f"{live.progress.digest:032x}",
            rows=f"{live.rows_digest:032x}",
            fresh=f"{fresh.digest:032x}",
            damage=live.damage,
            differing=len(wrong),
            shown=tuple(self._shown(partition, difference) for difference in wrong[:SHOWN]),
            parting=parting,
        )

    @property
    def _fresh(self) -> Path:
        """Folder of the fresh stores."""
        return self._scratch / "fresh"

    async def _marks(self, partition: int, base: Progress, live: Progress) -> list[Progress]:
        """Position and digest of each snapshot of the live view between base and watermark, in order."""
        if self._ground.snapshots is None:
            return []
        found = []
        for watermark in sorted(await self._ground.snapshots.watermarks(self._view, partition, live.watermark)):
            if watermark > base.watermark:
                with suppress(DamagedSnapshotError):  # the search is a little wider without it
                    found.append((await self._ground.snapshots.read(self._view, partition, watermark)).progress)
        return found

    def _shown(self, partition: int, difference: RowDifference) -> DifferingRow:
        place = place_of(difference.address)
        live, fresh = (self._decoders.plain(difference.address, row) for row in (difference.found, difference.expected))
        return DifferingRow(partition, *place, difference.kind, live, fresh)
