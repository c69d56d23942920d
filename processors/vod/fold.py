"""The shelf: what is archived in, the steps of its life out, by the age that Ticks bring."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from msgspec.structs import replace

from processors.vod.state import DUE, VODS, Due, Shelved, due_key
from schemas.event import Event
from schemas.events import DeleteVod, MoveVod, ShelveVod, Tick
from streams.fold import At, Rows

DAY_US = 86_400_000_000
WARM_DAYS, COLD_DAYS = 7, 60
"""Age at which a VOD leaves the hot store and the warm one: most views come in the first week, few after two months."""
FOR_EVER = -1


class Step(NamedTuple):
    """What happens to a VOD next."""

    at: int
    """UTC microseconds."""
    storage: Literal["warm", "cold"] | None
    """Where it goes; None is away."""


class ShelfFold:
    """Sends each VOD to the warm store, to the cold one and away when its time has come, once each."""

    name = "shelf"
    version = 1
    inputs = ("library.shelf.commands.v1",)
    outputs: tuple[type[Event], ...] = (MoveVod, DeleteVod)
    tables = (VODS, DUE)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one command in."""
        if isinstance(event, ShelveVod):
            _shelve(rows, event)
            return ()
        return list(_steps(rows, at.time)) if isinstance(event, Tick) else ()


def _shelve(rows: Rows, event: ShelveVod) -> None:
    """Watches a VOD from now on, or by another retention; where it lies stays."""
    before = rows[VODS].get(event.vod_id)
    storage = "hot"
    if before is not None:
        rows[DUE].pop(due_key(before.due_at, event.vod_id), None)
        storage = before.storage
    vod = Shelved(event.channel_id, event.archived_at, event.retention_days, storage, 0)
    _await(rows, event.vod_id, vod)


def _steps(rows: Rows, now: int) -> Iterator[Event]:
    """All that is due, in the order in which it became so. A VOD that has come to several steps takes the last."""
    due = []
    for key, row in rows[DUE].items():
        if key > due_key(now, "~"):  # above all ids
            break
        due.append((key, row.vod_id))
    for key, vod_id in due:
        del rows[DUE][key]
        vod = rows[VODS][vod_id]
        step = _newest(vod, now)
        if step is None:
            continue
        if step.storage is None:
            del rows[VODS][vod_id]
            yield DeleteVod(channel_id=vod.channel_id, vod_id=vod_id, reason="retention")
        else:
            yield MoveVod(channel_id=vod.channel_id, vod_id=vod_id, storage=step.storage)
            _await(rows, vod_id, replace(vod, storage=step.storage))


def _newest(vod: Shelved, now: int) -> Step | None:
    """The last step that a VOD has come to; None where it has come to none."""
    found, step = None, next_step(vod)
    while step is not None and step.at <= now:
        found = step
        step = next_step(replace(vod, storage=step.storage)) if step.storage is not None else None
    return found


def _await(rows: Rows, vod_id: str, vod: Shelved) -> None:
    """Notes when its next step is due."""
    step = next_step(vod)
    rows[VODS][vod_id] = replace(vod, due_at=step.at if step is not None else 0)
    if step is not None:
        rows[DUE][due_key(step.at, vod_id)] = Due(vod_id)


def next_step(vod: Shelved) -> Step | None:
    """What happens to a VOD next; None where it stays as it is for ever."""
    end = vod.archived_at + vod.retention_days * DAY_US if vod.retention_days != FOR_EVER else None
    moves: dict[str, tuple[int, Literal["warm", "cold"]]] = {"hot": (WARM_DAYS, "warm"), "warm": (COLD_DAYS, "cold")}
    if vod.storage in moves:
        days, storage = moves[vod.storage]
        at = vod.archived_at + days * DAY_US
        if end is None or at < end:
            return Step(at, storage)
    return None if end is None else Step(end, None)
