"""The first event after which a live view is not what its events make of it."""

import shutil
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from schemas.errors import SchemaError
from schemas.wire import Codec
from streams.fold import Fold
from streams.log import Record, Source
from streams.outputs import view_name
from streams.snapshots import Snapshots
from streams.store import Store, key_of_address
from streams.store_memory import MemoryStore
from streams.store_rocksdict import ReadOnlyStore, RocksStores
from streams.views.differences import differences
from streams.views.past import restore_whole
from streams.views.refolding import Refold, Ticks, of_keys, refold
from streams.views.store_reading import StoreReading
from streams.views.suspects import BUDGET_S, Explanation, History
from streams.views.verified_outputs import LETTER, ExpectedOutputs, OutputFault, verify_outputs

logger = structlog.get_logger()
ROWS = 1_000
"""Differing rows looked at: what a single event did wrong is far fewer, and each of many keys costs a history."""
KEYS = 8
"""Keys whose histories are tried."""


class Parting(msgspec.Struct, frozen=True):
    """Where live and fresh rows part."""

    partition: int
    offset: int | None
    """Of the event; None where none is known."""
    key: str
    type: str
    time: int
    """`occurred_at`, UTC microseconds; 0 where it cannot be decoded."""
    how: str
    """What became of the event, in words."""
    sure: bool
    """Whether it is this event. Otherwise it is the last that touched the first differing key, and the search ended at the range."""
    after: int
    """Up to this offset both are equal; -1 is the beginning."""
    up_to: int
    """Here they differ."""


class Ground(NamedTuple):
    """What the search is made on."""

    fold: Fold
    log: Source
    codec: Codec
    view: str
    """Name of the live stores."""
    partition: int
    snapshots: Snapshots | None
    scratch: Path


async def find_parting(ground: Ground, good: int, live: StoreReading, bad: int | None, *, altered: bool) -> Parting | None:
    """Looks for the event between two positions: equal at offset `good`, not at `bad` (a snapshot; None is the live view itself).

    `altered`: the view kept the right digest, so it folded rightly and its rows were changed afterwards.
    """
    view, partition, scratch = ground.view, ground.partition, ground.scratch
    try:
        wrong, up_to = live.store, live.progress.watermark
        if bad is not None and await _restored(ground, "wrong", bad, bad - 1):
            wrong, up_to = ReadOnlyStore(scratch / "wrong"), bad
        base: Store = MemoryStore()
        if begun := await restore_whole(ground.snapshots, view, partition, scratch / "base", at_most=good):
            base = ReadOnlyStore(scratch / "base")
        return await Search(ground, base, wrong, begun.watermark if begun else -1, up_to).run(altered=altered)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


async def _restored(ground: Ground, name: str, at_most: int, beyond: int) -> bool:
    """Fetches a snapshot as it is; False where its files cannot be had."""
    assert ground.snapshots is not None
    path = ground.scratch / name
    return await ground.snapshots.restore(ground.view, ground.partition, path, at_most=at_most, beyond=beyond) is not None


class Search:
    """One search, from rows that are right to rows that are not."""

    def __init__(self, ground: Ground, base: Store, wrong: Store, after: int, up_to: int) -> None:
        self._ground = ground
        self._base = base
        self._wrong = wrong
        self._after = after
        self._up_to = up_to
        self._expected = ExpectedOutputs(ground.fold)

    async def run(self, *, altered: bool) -> Parting | None:
        """Folds the range again and looks at what came of it."""
        by_key = await self._wrong_addresses()
        if not by_key:
            return None
        histories = await self._histories(list(by_key))
        first = next(iter(by_key))
        if altered:
            last = histories[first].last_to_touch(by_key[first][0])
            return self._told(last, "was folded rightly; the row that it wrote last was changed afterwards, not by the view", sure=True)
        fault = self._first_fault()
        candidates = []
        for key, history in histories.items():
            candidates += _likely(await history.explain(self._wrong, by_key[key], BUDGET_S / len(histories)), fault)
        if fault:
            candidates.append((fault.offset, _said(fault)))
        if candidates:
            offset, how = min(candidates, key=lambda found: found[0])
            return self._told(self._record(offset), how, sure=True)
        last = histories[first].last_to_touch(by_key[first][0])
        tried, all_of_them = (sum(found) for found in zip(*((h.tried, len(h.records)) for h in histories.values()), strict=True))
        which = (
            "no single event explains it" if tried == all_of_them else f"of {all_of_them:,} events {tried:,} were tried: none explains it"
        )
        return self._told(last, f"is the last that touched the first differing row; {which}", sure=False)

    async def _wrong_addresses(self) -> dict[bytes, list[bytes]]:
        """Key -> addresses of its rows that differ at the range's end, for the first keys."""
        ground = self._ground
        view = view_name(ground.fold)
        stores = RocksStores(ground.scratch / "right")
        right = stores.open(view, ground.partition)
        if (begun := self._base.progress()).watermark >= 0:
            right.commit(dict(self._base.scan(b"")), begun)
        try:
            await refold(Refold(ground.fold, ground.codec, right, ground.partition, self._expected), ground.log, self._up_to + 1)
            found: dict[bytes, list[bytes]] = {}
            for difference in islice(differences(self._wrong, right), ROWS):
                key = key_of_address(difference.address)
                if key in found or len(found) < KEYS:
                    found.setdefault(key, []).append(difference.address)
            return found
        finally:
            right.close()

    async def _histories(self, keys: list[bytes]) -> dict[bytes, History]:
        """What the events of each key made of its rows in the range."""
        ground, ticks = self._ground, Ticks(self._ground.codec)
        records: list[Record] = []
        for batch in ground.log.read(ground.fold.inputs[0], ground.partition, self._after + 1, self._up_to + 1):
            records += of_keys(batch, frozenset(keys), ticks)
        found = {}
        for key in keys:
            own = of_keys(records, frozenset([key]), ticks)
            found[key] = History(ground.fold, ground.codec, self._base, key, own)
            await found[key].run()
        return found

    def _first_fault(self) -> OutputFault | None:
        """The first output of the range that is not as it must be."""
        ground = self._ground
        if not ground.fold.outputs:
            return None
        verdict = verify_outputs(self._expected, ground.log, ground.codec, {ground.partition: (self._after, self._up_to)})
        return verdict.faults[0] if verdict.faults else None

    def _record(self, offset: int) -> Record | None:
        """The event at an offset."""
        topic, partition = self._ground.fold.inputs[0], self._ground.partition
        found = [record for batch in self._ground.log.read(topic, partition, offset, offset + 1) for record in batch]
        return found[0] if found else None

    def _told(self, record: Record | None, how: str, *, sure: bool) -> Parting:
        if record is None:
            how = "no event of the range touched the first differing row"
            return Parting(self._ground.partition, None, "", "", 0, how, False, self._after, self._up_to)
        key = record.key.decode(errors="backslashreplace")
        try:
            event = self._ground.codec.decode(record.value or b"")
            name, time = event.SCHEMA, event.occurred_at
        except SchemaError:
            name, time = "undecodable", 0
        return Parting(record.partition, record.offset, key, name, time, how, sure, self._after, self._up_to)


def _likely(explained: Sequence[Explanation], fault: OutputFault | None) -> list[tuple[int, str]]:
    """Offset and words of the event among those that explain a key's rows alike.

    Outputs were right until the first that is wrong, so then it is the last event up to there; without one nothing tells them apart.
    """
    if fault is not None:
        before = [each for each in explained if each.offset <= fault.offset]
        return [(before[-1].offset, f"was {before[-1].how}; {_said(fault)}")] if before else []
    if not explained:
        return []
    alike = f"; {len(explained) - 1} later events of its key explain the rows as well" if len(explained) > 1 else ""
    return [(explained[0].offset, f"was {explained[0].how}{alike}")]


def _said(fault: OutputFault) -> str:
    """What an output says of its event."""
    which = "the dead letter" if fault.index == LETTER else f"output {fault.index}"
    at = f"{which} of the event at offset {fault.offset}"
    match fault.fault:
        case "lost":
            return f"{at} is missing from {fault.topic}"
        case "conflicting":
            return f"{at} is on {fault.topic} with the id that it must have and other content"
        case _:
            return f"{at} is on {fault.topic} and follows from nothing"
