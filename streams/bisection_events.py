"""Which single event explains wrong rows: its key's events are folded again with one left out, taken twice, or not written."""

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Literal, NamedTuple

from schemas.wire import Codec
from streams.fold import Fold
from streams.layers import Layer
from streams.log import Record
from streams.refolding import Refold
from streams.store import Store

STEP = 64
"""Records between two looks whether a changed history has come back to the true one: then it explains nothing, and the rest is saved."""
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

    async def run(self) -> None:
        """Folds the events as they are."""
        layer = self._layer({}, self.records[0].offset - 1 if self.records else -1)
        folded = self._refold(layer)
        for record in self.records:
            await folded.fold([record])
            self._states.append(dict(layer.written))

    def last_to_touch(self, address: bytes) -> Record | None:
        """The last event that changed a row; None where none did since the base."""
        for index in range(len(self.records), 0, -1):
            if self._states[index].get(address) != self._states[index - 1].get(address):
                return self.records[index - 1]
        return None

    async def explain(self, live: Store, wrong: Sequence[bytes], budget_s: float = BUDGET_S) -> list[Explanation]:
        """Every event that alone explains the live rows, in order, as far as the time allows. `wrong`: the addresses that differ."""
        deadline = monotonic() + budget_s
        found = []
        for index, record in enumerate(self.records):
            if monotonic() > deadline:
                break
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
        for at in range(index + 1, len(self.records), STEP):
            step = self.records[at : at + STEP]
            await folded.fold(step)
            if layer.written == self._states[at + len(step)]:
                return False
        return all(layer.get(address) == live.get(address) for address in {*layer.written, *wrong})

    def _layer(self, written: Mapping[bytes, bytes | None], watermark: int) -> Layer:
        return Layer(self._base, self._key, written, watermark)

    def _refold(self, layer: Layer) -> Refold:
        return Refold(self._fold, self._codec, layer, self.records[0].partition if self.records else 0)
