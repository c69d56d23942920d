"""Moves clips to the cold store when few watch them any more. They are never deleted: a clip outlives its VOD.

Where a clip lies the store itself says, so the log need not: whoever starts again moves what is due and still in the hot store.
"""

import asyncio
from itertools import groupby

import structlog

from processors.vod.fold import COLD_DAYS, DAY_US
from schemas.event import Event
from schemas.events import Tick
from schemas.wire import Codec
from sinks.archive.archivist import SHELF, TICKED_US
from sinks.archive.working import Work
from sinks.clips.clips import TOPIC, Clips
from streams.clock import now_us
from streams.fold import At, Clock
from streams.follower import Follower
from streams.log import Log
from streams.media import address
from streams.objects_tiered import HOT, TieredObjects

logger = structlog.get_logger()
FOLDER = "clips"
"""Of all of them: `streams.media.address.clip`."""
REST_S = 1.0
"""Between two looks at the log."""


class ClipShelf:
    """One of a system. A second one would only repeat what the first does."""

    def __init__(self, log: Log, codec: Codec, objects: TieredObjects, *, clock: Clock = now_us, rest_s: float = REST_S) -> None:
        """`clock` says how far back a Tick is looked for at start; ages go by the Ticks alone."""
        self._objects = objects
        self._clips = Clips()
        self._now = 0
        self._ticked = asyncio.Event()
        since_ms = {SHELF: (clock() - TICKED_US) // 1_000}
        self._work = Work(Follower(log, codec, [TOPIC, SHELF], self._apply, since_ms, rest_s=rest_s))
        self.close, self.lacks = self._work.close, self._work.lacks

    async def start(self) -> None:
        """Returns once it knows what is due; it is moved meanwhile."""
        await self._work.start(lambda: None, self._run)

    def _apply(self, event: Event, at: At) -> None:
        self._clips.apply(event, at)
        if isinstance(event, Tick):
            self._now = max(self._now, at.time)
            self._ticked.set()

    async def _run(self) -> None:
        """A look at each Tick, once an hour. What fails is left for the next one, and holds up no other clip."""
        while True:
            await self._ticked.wait()
            self._ticked.clear()
            try:
                await self._look()
            except Exception:
                logger.exception("tried again at the next tick")

    async def _look(self) -> None:
        by_folder = {folder: list(places) for folder, places in groupby(await self._objects.lying(FOLDER, HOT), _folder)}
        for clip in self._clips.all():
            if clip.asked.created_at > self._now - COLD_DAYS * DAY_US:
                continue
            try:
                await self._objects.move(by_folder.get(address.clip(clip.asked.clip_id), []), "cold")
            except Exception:
                logger.exception("tried again at the next tick", clip=clip.asked.clip_id)


def _folder(place: str) -> str:
    return place.rpartition("/")[0]
