"""A fold run in memory, as every driver runs it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from schemas.event import Event
from schemas.wire import Codec
from streams.fold import At, Fold, Table
from streams.log import Source
from streams.outputs import view_name
from streams.store import Stores
from streams.views.refolding import Refold, refold


class MemoryTable(dict[str, Any]):
    """Rows in the order of their keys, as every store has them."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.keys()))


MemoryRows = defaultdict[Table[Any], dict[str, Any]]


def memory_rows() -> MemoryRows:
    """No rows yet."""
    return defaultdict(MemoryTable)


def folded(fold: Fold, events: Iterable[Event], rows: MemoryRows | None = None) -> MemoryRows:
    """The rows after the events of one key."""
    rows = memory_rows() if rows is None else rows
    for offset, event in enumerate(events):
        fold.apply(rows, event, At(fold.inputs[0], 0, offset, event.occurred_at))
    return rows


async def fold_silently(fold: Fold, log: Source, codec: Codec, stores: Stores) -> None:
    """Folds all that is on the log into stores; nothing is sent."""
    for partition, end in log.ends(fold.inputs[0]).items():
        store = stores.open(view_name(fold), partition)
        await refold(Refold(fold, codec, store, partition), log, end)
        store.close()
