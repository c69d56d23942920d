"""Looks after clips: each is held against its hashes, and cut again where it is gone and its source is not."""

import asyncio
from hashlib import sha256

from schemas.wire import Codec
from sinks.archive import pictures
from sinks.archive.look import Look, Report
from sinks.clips.clips import Clip
from sinks.clips.collecting import Collector
from sinks.clips.muxing import muxed
from sinks.clips.worker import UNUSABLE, cut_from
from streams.clock import now_us
from streams.errors import MissingRangeError
from streams.log import Source
from streams.media import address
from streams.objects import Objects


class ClipScrub:
    """Reads clips through, one at a time."""

    def __init__(self, log: Source, codec: Codec, objects: Objects, *, mend: bool = True) -> None:
        """`mend`: whether what is wrong is made again, or only named."""
        self._objects = objects
        self._mend = mend
        self._collector = Collector(log, codec, objects, now_us)

    async def look(self, clip: Clip) -> Report:
        """One clip. One that is not ready has no objects yet that are told of, and is passed over."""
        look, ready = Look(self._objects), clip.ready
        if ready is None:
            return look.report()
        video = await look.read(ready.address, ready.sha256)
        if video is None:
            video = await self._cut(clip) if self._mend else None
            await _settle(look, ready.address, ready.sha256, video, "from its source")
        if await look.read(ready.thumbnail_address, ready.thumbnail_sha256) is None:
            picture = await _middle(video) if video is not None and self._mend else None
            await _settle(look, ready.thumbnail_address, ready.thumbnail_sha256, picture, "from the clip")
        await look.orphans(address.clip(clip.asked.clip_id), (ready.address, ready.thumbnail_address))
        return look.report()

    async def _cut(self, clip: Clip) -> bytes | None:
        """The clip from what it was cut from; None where that is gone."""
        try:
            return await muxed(await cut_from(self._objects, await self._collector.find(clip.asked)))
        except (*UNUSABLE, MissingRangeError):
            return None


async def _middle(video: bytes) -> bytes | None:
    try:
        return await asyncio.to_thread(pictures.middle, video)
    except UNUSABLE:
        return None


async def _settle(look: Look, place: str, digest: str, made: bytes | None, how: str) -> None:
    """Stores what was made again if it is the very same: events tell of that alone."""
    if made is None or sha256(made).hexdigest() != digest:
        look.lost(place)
        return
    await look.objects.put(place, made)
    look.mended(place, how)
