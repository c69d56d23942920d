"""The clip worker: makes what the clips view says is processing, and tells what came of it.

Where it stands is on the log: a clip that is processing is its work. A crash costs a repeat, and a repeat writes the same objects.
"""

import asyncio
from collections.abc import Awaitable
from functools import partial
from hashlib import sha256
from typing import Literal, NamedTuple, TypeVar

import av
import structlog
from prometheus_client import Histogram

from processors.vod.recording import AUDIO, SOURCE
from schemas.event import Event
from schemas.events import ClipRequested, FailClip, FinishClip
from schemas.wire import Codec
from sinks.archive import pictures
from sinks.archive.working import Work, until_done
from sinks.clips.clips import TOPIC, Clips
from sinks.clips.collecting import Collector, Found
from sinks.clips.cutting import Cut, UncuttableError, cut
from sinks.clips.footage import MissingFootageError, coded
from sinks.clips.muxing import muxed
from streams.clock import now_us
from streams.errors import StreamingError
from streams.fold import At, Clock
from streams.follower import Follower
from streams.log import Log, Source
from streams.media import address
from streams.media.fmp4_reader import MalformedFragmentError
from streams.media.h264 import MalformedVideoError
from streams.objects import Objects
from streams.publisher import Publisher

logger = structlog.get_logger()
T = TypeVar("T")
Step = Literal["collect", "cut", "thumbnail", "store"]
AT_ONCE = 2
"""Clips under way at once: one waits for its last segment while another is cut."""
LIMIT_S = 60.0
"""For a step: the longest clip takes some seconds in each, a store that is away says so within three minutes, and one that hangs never."""
REST_S = 0.1
"""Between two looks at the log."""
READY = Histogram("clip_seconds", "From a clip's request to its last object.", buckets=(0.5, 1, 2, 3, 5, 8, 10, 15, 30))
UNUSABLE = (
    MissingFootageError,
    MalformedFragmentError,
    MalformedVideoError,
    UncuttableError,
    av.FFmpegError,
    pictures.NoPictureError,
)
"""What a missing or damaged source, or an encoder, lead to."""
FAILURES = (*UNUSABLE, OSError, StreamingError)
"""And a store or a log that is away."""


class StepFailedError(Exception):
    """A step failed; the cause is in words."""

    def __init__(self, step: Step, cause: Exception) -> None:
        super().__init__(f"{cause}" or type(cause).__name__)
        self.step = step


class Stored(NamedTuple):
    """An object that is in the store."""

    address: str
    size: int
    sha256: str


class ClipWorker:
    """One of a system. A second one would only repeat what the first does."""

    def __init__(
        self,
        log: Log,
        codec: Codec,
        objects: Objects,
        publisher: Publisher,
        *,
        past: Source | None = None,
        clock: Clock = now_us,
        limit_s: float = LIMIT_S,
    ) -> None:
        """`past`: the log with what its retention has cut, for sessions that live longer; by default the log alone."""
        self._objects = objects
        self._publisher = publisher
        self._clock = clock
        self._limit_s = limit_s
        self._collector = Collector(past or log, codec, objects, clock)
        self.clips = Clips()
        self._work = Work(Follower(log, codec, [TOPIC], self._apply, rest_s=REST_S))
        self.close, self.lacks = self._work.close, self._work.lacks
        self._waiting: asyncio.Queue[ClipRequested] = asyncio.Queue()

    async def start(self) -> None:
        """Returns once it knows what is to be made; it is made meanwhile."""
        await self._work.start(self._plan, *[self._make_all] * AT_ONCE)

    def _plan(self) -> None:
        for clip in self.clips.processing():
            self._waiting.put_nowait(clip.asked)

    def _apply(self, event: Event, at: At) -> None:
        self.clips.apply(event, at)
        if self._work.begun and isinstance(event, ClipRequested):
            self._waiting.put_nowait(event)

    async def _make_all(self) -> None:
        """One clip after the other."""
        while True:
            asked = await self._waiting.get()
            clip = self.clips.get(asked.clip_id)
            if clip is None or clip.status != "processing" or clip.asked.attempt != asked.attempt:
                continue
            try:
                told: FinishClip | FailClip = await self._make(asked)
                READY.observe((self._clock() - asked.created_at) / 1_000_000)
            except StepFailedError as cause:
                logger.warning("no clip", clip=asked.clip_id, step=cause.step, cause=str(cause))
                told = self._failed(asked, cause)
            await until_done(partial(self._tell, told), clip=asked.clip_id)

    async def _tell(self, told: FinishClip | FailClip) -> None:
        await asyncio.wrap_future(self._publisher.publish(told))

    async def _make(self, asked: ClipRequested) -> FinishClip:
        """Makes a clip's objects.

        1. Find the recording, and wait for its last segment.
        2. Cut, and put the tracks into one file.
        3. Take the picture from its middle.
        4. Write both, the video last: whoever finds it finds all. Each is written whole or not at all.
        """
        found = await self._step("collect", self._collector.find(asked))
        clip = await self._step("cut", cut_from(self._objects, found))
        data = await self._step("cut", muxed(clip))
        picture = await self._step("thumbnail", asyncio.to_thread(pictures.middle, data))
        thumbnail = await self._step("store", self._put(address.clip(asked.clip_id, "thumb.jpg"), picture))
        video = await self._step("store", self._put(address.clip(asked.clip_id, "video.mp4"), data))
        return FinishClip(
            event_id=address.clip_event_id(asked.clip_id, f"attempt-{asked.attempt}"),
            correlation_id=asked.correlation_id,
            causation_id=asked.event_id,
            channel_id=asked.channel_id,
            clip_id=asked.clip_id,
            attempt=asked.attempt,
            session_id=found.recording.session_id,
            begins_at=_wall_clock(found, clip),
            duration_ms=round(clip.duration * 1_000),
            frames=clip.frames,
            copied=clip.copied,
            address=video.address,
            size=video.size,
            sha256=video.sha256,
            thumbnail_address=thumbnail.address,
            thumbnail_size=thumbnail.size,
            thumbnail_sha256=thumbnail.sha256,
        )

    async def _step(self, step: Step, work: Awaitable[T]) -> T:
        """Does a step within its time; what it has begun in a thread may end later, and writes the same."""
        try:
            async with asyncio.timeout(self._limit_s):
                return await work
        except TimeoutError as cause:
            raise StepFailedError(
                step, TimeoutError(f"it took longer than {self._limit_s:g} s: see whether the object store answers")
            ) from cause
        except FAILURES as cause:
            raise StepFailedError(step, cause) from cause

    async def _put(self, place: str, data: bytes) -> Stored:
        await self._objects.put(place, data)
        return Stored(place, len(data), sha256(data).hexdigest())

    def _failed(self, asked: ClipRequested, cause: StepFailedError) -> FailClip:
        return FailClip(
            event_id=address.clip_event_id(asked.clip_id, f"attempt-{asked.attempt}"),
            correlation_id=asked.correlation_id,
            causation_id=asked.event_id,
            channel_id=asked.channel_id,
            clip_id=asked.clip_id,
            attempt=asked.attempt,
            step=cause.step,
            cause=f"{cause}",
        )


async def cut_from(objects: Objects, found: Found) -> Cut:
    """A clip of a recording, the same each time.

    Raises:
        MissingFootageError, MalformedFragmentError, MalformedVideoError, UncuttableError, av.FFmpegError: the source does not give it.
    """
    video = await coded(objects, found.recording, SOURCE, found.span)
    audio = await coded(objects, found.recording, AUDIO, found.span)
    return await asyncio.to_thread(cut, video, audio, found.span)


def _wall_clock(found: Found, clip: Cut) -> int:
    """When the first picture was taken, UTC microseconds."""
    at, wall = 0.0, 0
    for piece in found.recording.lead:
        if at <= clip.begin:
            wall = piece.began_us + round((float(clip.begin) - at) * 1_000_000)
        at += piece.seconds
    return wall
