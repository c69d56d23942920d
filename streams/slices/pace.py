"""Records at the pace at which they happened, or a multiple of it."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from streams.log import Record
from streams.reading import batched

SLEEP_MOST_S = 1.0
"""Longest sleep at once: a clock that is set, or a machine that was suspended, is noticed within it."""
BATCH = 5_000
"""Records given at once at most: rows that change often are written once in them."""


class Due(NamedTuple):
    """Records whose time has come."""

    records: list[Record]
    late_s: float
    """How long after the first one's time, in seconds of the replay; 0 without a pace."""


def paced(
    records: Iterable[Record],
    speed: float | None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Due]:
    """The records in their order, with the gaps of their timestamps divided by `speed`; None waits for nothing.

    The first is due at the call. Where a timestamp goes back, the record follows the one before it at once. A reader slower than the
    pace is given everything that has become due meanwhile, in one batch: being late does not add up.
    """
    if speed is None:
        yield from (Due(batch, 0) for batch in batched(records, BATCH))
        return
    began, first, latest = now(), None, 0
    batch: list[Record] = []
    batch_due = 0.0
    for record in records:
        latest = max(latest, record.timestamp)
        first = latest if first is None else first
        due = began + (latest - first) / 1_000 / speed
        if batch and (due > now() or len(batch) == BATCH):
            yield Due(batch, max(0, now() - batch_due))
            batch = []
        while (left := due - now()) > 0:
            sleep(min(left, SLEEP_MOST_S))
        if not batch:
            batch_due = due
        batch.append(record)
    if batch:
        yield Due(batch, max(0, now() - batch_due))
