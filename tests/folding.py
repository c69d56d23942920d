"""A fold run in memory, as every driver runs it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from schemas.event import Event
from streams.fold import At, Fold, Table

MemoryRows = defaultdict[Table[Any], dict[str, Any]]


def folded(fold: Fold, events: Iterable[Event], rows: MemoryRows | None = None) -> MemoryRows:
    """The rows after the events of one key."""
    rows = defaultdict(dict) if rows is None else rows
    for offset, event in enumerate(events):
        fold.apply(rows, event, At(fold.inputs[0], 0, offset, event.occurred_at))
    return rows
