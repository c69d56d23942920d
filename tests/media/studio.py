"""A stream that was pushed by ffmpeg, clipped while it was live, and archived."""

import asyncio
import shlex
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from schemas.events import ClipRequested, FailClip, FinishClip, SegmentProduced, StreamEnded, VodArchived
from sinks.archive.archivist import Archivist
from sinks.clips.worker import ClipWorker
from streams.clock import now_us
from streams.fold import Clock
from streams.log_memory import MemoryLog
from streams.objects import Objects, StoredObjects
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher
from tests.ingest_stage import KEY, Stage, profile
from tests.partial_log import topics_of

SECONDS = 12
RATE = 30
COMMANDS = "library.clip.commands.v1"


def pushed(url: str) -> list[str]:
    source = f"-re -f lavfi -i testsrc2=size=320x180:rate={RATE} -re -f lavfi -i sine=r=48000 -t {SECONDS}"
    return shlex.split(f"ffmpeg -v error {source} -c:v libx264 -preset ultrafast -g 60 -bf 2 -pix_fmt yuv420p -c:a aac -f flv {url}")


class Studio(Stage):
    """An ingest, an archivist, a clip worker, and a stream that was clipped while it was live."""

    def __init__(self, folder: Path) -> None:
        super().__init__(StoredObjects.at(f"file://{folder}/objects"))
        self.folder = folder / "objects"
        self.live_moment = 0
        self.live_clip: FinishClip | None = None

    def twin(self, folder: Path | None = None) -> "Studio":
        """The same stream, of which nobody has asked for a clip yet; in another folder without its VOD."""
        found = Studio(folder or self.folder.parent)
        found.log, found.codec = media_of(self.log, *([] if folder else ["library.vod.events.v1"])), self.codec
        found.publisher = Publisher(found.log, found.codec, "twin")
        if folder is not None:
            session = self.sources()[0]
            shutil.copytree(self.folder / session.channel_id / session.session_id, found.folder / session.channel_id / session.session_id)
        return found

    async def ask(self, **values: Any) -> FinishClip | FailClip:
        """Asks for a clip as the clips view does; what its worker says."""
        defaults = {"source": "live", "vod_id": None, "ends_at": 0, "offset_ms": 0, "attempt": 1, "created_at": 1, "creator_id": "7"}
        clip_id = values.pop("clip_id", None) or str(uuid4())
        asked = ClipRequested(channel_id="7", clip_id=clip_id, **{**defaults, **values})
        self.publisher.publish(asked)

        def told() -> list[FinishClip | FailClip]:
            found = [event for event in self.all(COMMANDS) if isinstance(event, FinishClip | FailClip)]
            return [event for event in found if (event.clip_id, event.attempt) == (clip_id, asked.attempt)]

        [answer] = await self.wait(told, 60)
        return answer

    def worker(self, objects: Objects | None = None, clock: Clock = now_us) -> ClipWorker:
        return ClipWorker(self.log, self.codec, objects or self.objects, self.publisher, clock=clock)

    async def film(self) -> VodArchived:
        """Pushes a stream, clips it while it is live, and archives it."""
        self.publisher.publish(profile())
        archivist = Archivist(self.log, self.codec, TieredObjects({"hot": self.objects}), self.publisher, rest_s=0.05)
        worker = self.worker()
        await archivist.start()
        await worker.start()
        async with self.ingest() as edge:
            process = await asyncio.create_subprocess_exec(*pushed(f"rtmp://127.0.0.1:{edge.port}/app/{KEY}"))
            fourth = await self.wait(lambda: self.sources()[3:4], 60)
            self.live_moment = fourth[0].programme_date_time + 2_700_000  # in a segment that has not come yet
            answer = await self.ask(ends_at=self.live_moment, duration_ms=5_500)
            assert isinstance(answer, FinishClip), answer
            self.live_clip = answer
            assert await process.wait() == 0
            await self.wait(lambda: self.events(StreamEnded))
            [vod] = await self.wait(lambda: self.events(VodArchived, "library.vod.events.v1"), 60)
        await worker.close()
        await archivist.close()
        return vod

    def sources(self) -> list[SegmentProduced]:
        return [event for event in self.events(SegmentProduced) if event.rendition == "source"]


def media_of(log: MemoryLog, *more: str) -> MemoryLog:
    """What a log has of media, and of further topics."""
    return topics_of(log, "media.stream.events.v1", "media.segment.events.v1", *more)
