"""Takes a picture of each live stream for each ten seconds of its media."""

import asyncio
from collections import deque
from hashlib import sha256

import av
import structlog

from processors.vod.pictures import INTERVAL_S, THUMBNAIL
from schemas.events import RenditionDeclared, SegmentProduced, ThumbnailProduced
from sinks.archive.pictures import thumbnail
from streams.errors import StreamingError
from streams.media import address
from streams.objects import ObjectMissingError, Objects
from streams.publisher import Publisher

logger = structlog.get_logger()
WAITING = 1_000
"""Pictures that may wait: at 20 ms each a core takes 500 streams; the newest are taken, the archive makes up for the rest."""


class Snapper:
    """Follows the source segments; its pictures are the archive's own, so nothing is made twice."""

    def __init__(self, objects: Objects, publisher: Publisher) -> None:
        self._objects = objects
        self._publisher = publisher
        self._inits: dict[tuple[str, int], RenditionDeclared] = {}
        self._last: dict[str, int] = {}
        """Newest ten seconds of each session."""
        self._waiting: deque[tuple[SegmentProduced, int]] = deque(maxlen=WAITING)
        self._come = asyncio.Event()

    def declared(self, event: RenditionDeclared) -> None:
        """Hears of a source's initialisation segment."""
        if event.rendition == "source":
            self._inits[event.session_id, event.discontinuity_sequence] = event

    def segment(self, event: SegmentProduced) -> None:
        """Hears of a segment. Where this process begins amid ten seconds, their picture is made by whoever saw them begin."""
        if event.rendition != "source" or not event.independent:
            return
        number = event.decode_time // (INTERVAL_S * event.timescale)
        before = self._last.get(event.session_id, -1 if event.decode_time == 0 else number)
        if number > before:
            self._waiting.append((event, number))
            self._come.set()
        self._last[event.session_id] = max(before, number)

    def ended(self, session_id: str) -> None:
        """Forgets a session."""
        self._last.pop(session_id, None)
        for key in [key for key in self._inits if key[0] == session_id]:
            del self._inits[key]

    async def run(self) -> None:
        """Takes what is waiting, one at a time, until cancelled."""
        while True:
            await self._come.wait()
            self._come.clear()
            while self._waiting:
                event, number = self._waiting.popleft()
                try:
                    await self._take(event, number)
                except (ObjectMissingError, av.FFmpegError, StopIteration, OSError, StreamingError) as cause:
                    logger.warning("no thumbnail", address=event.address, cause=repr(cause))

    async def _take(self, event: SegmentProduced, number: int) -> None:
        declared = self._inits.get((event.session_id, event.discontinuity_sequence))
        if declared is None:
            return
        init, segment = await self._objects.get(declared.address), await self._objects.get(event.address)
        data = await asyncio.to_thread(thumbnail, init, segment)
        vod_id = address.vod_id(event.session_id)
        place = address.vod(event.channel_id, vod_id, address.vod_thumbnail(number))
        await self._objects.put(place, data)
        self._publisher.publish(
            ThumbnailProduced(
                event_id=address.vod_event_id(vod_id, f"thumbnail-{number}"),
                correlation_id=event.session_id,
                causation_id=event.event_id,
                channel_id=event.channel_id,
                session_id=event.session_id,
                vod_id=vod_id,
                index=number,
                media_sequence=event.media_sequence,
                offset_ms=event.decode_time * 1_000 // event.timescale,
                programme_date_time=event.programme_date_time,
                width=THUMBNAIL.width,
                height=THUMBNAIL.height,
                address=place,
                size=len(data),
                sha256=sha256(data).hexdigest(),
            )
        )
