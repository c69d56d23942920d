"""Who transcodes what: a pure plan of sessions over workers, made afresh from the wishes and what is running."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from processors.transcode.ladder import Rendition, Tier

_RANK: dict[Tier, int] = {"partner": 0, "affiliate": 1, "regular": 2}
"""Who is served first."""


class Wish(NamedTuple):
    """A session that wants its ladder."""

    session_id: str
    tier: Tier
    order: int
    """Place in the queue of its tier: smaller came earlier."""
    ladder: tuple[Rendition, ...]
    worker_id: str = ""
    """Worker that has it now, if any."""
    avoid: str = ""
    """Worker that failed it: taken only where there is no other."""


class Placement(NamedTuple):
    """Where a session goes and what it gets there."""

    worker_id: str
    renditions: tuple[str, ...]


def plan(capacity: Mapping[str, float], wishes: Iterable[Wish], closed: Collection[str] = ()) -> dict[str, Placement]:
    """Places sessions on workers; a session that is missing from the result gets nothing for now and waits.

    Tier by tier: who runs already stays and gets all that fits, in the order of asking; then the waiting are placed where most is free.
    A tier sees only what the tiers before it left, so a partner takes from affiliates and never the other way round.
    Where a ladder does not fit whole, its largest renditions are left out: the small ones serve those who cannot play the source.

    Args:
        capacity: per worker that takes part, encoded megapixels a second.
        wishes: sessions, in any order: the result depends on nothing but their content.
        closed: workers that keep what they have and take nothing new.
    """
    free = dict(capacity)
    placed: dict[str, Placement] = {}
    queue = sorted(wishes, key=lambda wish: (_RANK[wish.tier], wish.worker_id not in capacity, wish.order, wish.session_id))
    for wish in queue:
        worker_id = wish.worker_id if wish.worker_id in free else ""
        granted = fitting(wish.ladder, free[worker_id]) if worker_id else ()
        if not granted and (worker_id := _roomiest(free, wish, closed)):  # its own worker has room for nothing of it: any other
            granted = fitting(wish.ladder, free[worker_id])
        if granted:
            free[worker_id] -= sum(rendition.load for rendition in granted)
            placed[wish.session_id] = Placement(worker_id, tuple(rendition.name for rendition in granted))
    return placed


def fitting(ladder: tuple[Rendition, ...], room: float) -> tuple[Rendition, ...]:
    """The renditions of a ladder, smallest load first, that fit into the room; in the ladder's order."""
    granted = set[str]()
    for rendition in sorted(ladder, key=lambda one: one.load):
        if rendition.load > room:
            break
        room -= rendition.load
        granted.add(rendition.name)
    return tuple(rendition for rendition in ladder if rendition.name in granted)


def _roomiest(free: Mapping[str, float], wish: Wish, closed: Collection[str]) -> str:
    """The open worker with most room; the one to avoid only if alone; equal ones by id; empty where there is none."""
    candidates = [worker_id for worker_id in free if worker_id not in closed]
    return min(candidates, key=lambda worker_id: (worker_id == wish.avoid, -free[worker_id], worker_id), default="")
