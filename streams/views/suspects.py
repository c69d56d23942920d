"""Which single event explains wrong rows: its key's events are folded again with one left out, taken twice, or not written."""

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Literal, NamedTuple

from schemas.wire import Codec
from streams.fold import Fold
from streams.log import Record
from streams.store import Store
from streams.views.layers import Layer
from streams.views.refolding import Refold

FIRST_STEP, LONGEST_STEP = 8, 512
"""Records between two looks whether a changed history has come back to the true one: then it explains nothing, and the rest is saved.
Most come back soon or never, so the steps double."""
EVENTS = 5_000
"""Events of a key that are tried one by one at most; snapshots keep the range shorter than that."""
BUDGET_S = 30.0
"""For one key: a thousand events of it are tried in about this time."""

How = Literal["left out", "folded twice", "folded, and its row not written"]


class Explanation(NamedTuple):
    """A single event that explains a key's wrong rows."""

    offset: int
    how: How


class History:
    """What the events of one key made of its rows, step by step, from a base on."""

    def __init__(self, fold: Fold, codec: Codec, base: Store, key: bytes, records: Sequence[Record]) -> None:
        """`records`: all that may change the key's rows (`refolding.of_keys`), in order; `base`: the rows before the first."""
        self._fold = fold
        self._codec = codec
        self._base = base
        self._key = key
        self.records = records
        self._states: list[dict[bytes, bytes | None]] = [{}]
        """What is written over the base before each record, and after the last."""
        self._last: dict[bytes, Record] = {}
        """The event that changed a row last."""
        self.tried = 0
        """Events that `explain` came to before its time was over."""

    async def run(self) -> None:
        """Folds the events as they are."""
        layer = self._layer({}, self.records[0].offset - 1 if self.records else -1)
        folded = self._refold(layer)
        for record in self.records:
            layer.changed = {}
            await folded.fold([record])
            self._last.update(dict.fromkeys(layer.changed, record))
            if len(self.records) <= EVENTS:
                self._states.append(dict(layer.written))

    def last_to_touch(self, address: bytes) -> Record | None:
        """The last event that changed a row; None where none did since the base."""
        return self._last.get(address)

    async def explain(self, live: Store, wrong: Sequence[bytes], budget_s: float = BUDGET_S) -> list[Explanation]:
        """Every event that alone explains the live rows, in order, as far as the time allows. `wrong`: the addresses that differ."""
        deadline = monotonic() + budget_s
        found = []
        for index, record in enumerate(self.records if len(self.records) <= EVENTS else ()):
            if monotonic() > deadline:
                break
            self.tried += 1
            if how := await self._explains(index, live, wrong):
                found.append(Explanation(record.offset, how))
        return found

    async def _explains(self, index: int, live: Store, wrong: Sequence[bytes]) -> How | None:
        """How one event explains the live rows, if it does."""
        record = self.records[index]
        before, after = self._states[index], self._states[index + 1]
        if before != after and await self._leads_to(before, index, live, wrong):
            return "left out"
        twice = self._layer(after, record.offset - 1)
        await self._refold(twice).fold([record])
        if twice.written != after and await self._leads_to(twice.written, index, live, wrong):
            return "folded twice"
        for address in wrong:
            if before.get(address) != after.get(address):
                kept = {**after, address: before[address] if address in before else self._base.get(address)}
                if kept != before and await self._leads_to(kept, index, live, wrong):
                    return "folded, and its row not written"
        return None

    async def _leads_to(self, state: Mapping[bytes, bytes | None], index: int, live: Store, wrong: Sequence[bytes]) -> bool:
        """Whether the events after one, folded onto a state, give the live rows."""
        layer = self._layer(state, self.records[index].offset)
        folded = self._refold(layer)
        at, length = index + 1, FIRST_STEP
        while at < len(self.records):
            step = self.records[at : at + length]
            await folded.fold(step)
            at, length = at + len(step), min(2 * length, LONGEST_STEP)
            if layer.written == self._states[at]:
                return False
        return all(layer.get(address) == live.get(address) for address in {*layer.written, *wrong})

    def _layer(self, written: Mapping[bytes, bytes | None], watermark: int) -> Layer:
        return Layer(self._base, self._key, written, watermark)

    def _refold(self, layer: Layer) -> Refold:
        return Refold(self._fold, self._codec, layer, self.records[0].partition if self.records else 0)
