"""A system in miniature for the media worker: a log in memory, an object store on disk, and an ingest that plays a recording."""

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from hashlib import sha256
from uuid import NAMESPACE_URL, uuid5

from recorded import TICKS, Recording

from processors.transcode.scheduler import SchedulerFold
from schemas.events import JobAssigned, PartProduced, RenditionDeclared, SegmentProduced, Tick, TranscodeRequested
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.transcoder.worker import MediaWorker, WorkerConfig
from streams.clock import now_us
from streams.follower import Follower
from streams.log_memory import MemoryLog
from streams.media import address, fmp4_reader
from streams.objects import StoredObjects
from streams.publisher import Publisher

CHANNEL, SESSION = "7", "s1"


class Stage:
    """What the parts of the system share, and everything that was published."""

    def __init__(self, folder):
        self.log, self.codec = MemoryLog(), Codec(LocalRegistry())
        self.objects = StoredObjects.at(f"file://{folder}/objects")
        self.ingest = Publisher(self.log, self.codec, "ingest")
        self.events = []
        self._new = asyncio.Event()
        self.followers = []
        self._ticks = None

    async def open(self):
        """Records all that is published from now on."""
        await self.follow(self._note, "media.segment.events.v1", "media.transcode.events.v1", "media.capacity.commands.v1")
        return self

    async def follow(self, apply, *topics):
        follower = Follower(self.log, self.codec, topics, apply)
        await follower.start()
        self.followers.append(follower)

    def _note(self, event, _):
        self.events.append(event)
        self._new.set()
        self._new = asyncio.Event()

    def of(self, kind, rendition=None):
        return [e for e in self.events if isinstance(e, kind) and rendition in (None, getattr(e, "rendition", None))]

    async def until(self, holds, seconds=30):
        """Waits until something holds of the events."""
        async with asyncio.timeout(seconds):
            while not (found := holds()):
                await self._new.wait()
        return found

    async def schedule(self, width=640, height=360):
        """Runs the scheduler on this log, with a Tick a second, for a partner whose source has this size."""
        fold, rows = SchedulerFold(), defaultdict(dict)
        out = Publisher(self.log, self.codec, "scheduler.v1")

        def apply(event, at):
            for event_out in fold.apply(rows, event, at):
                out.publish(event_out)

        await self.follow(apply, "media.capacity.commands.v1")

        async def tick():
            partition = self.ingest.publish(request(Recording(b"", 30.0, []), width, height)).result().partition
            while True:
                out.tick(Tick(), "media.capacity.commands.v1", partition)
                await asyncio.sleep(1)

        self._ticks = asyncio.create_task(tick())

    @asynccontextmanager
    async def worker(self, worker_id="w1", capacity=100.0, outputs=10, *, overflow=False):
        config = WorkerConfig(worker_id, "local", capacity, outputs, overflow=overflow)
        worker = MediaWorker(self.log, self.codec, self.objects, Publisher(self.log, self.codec, worker_id), config)
        await worker.start()
        try:
            yield worker
        finally:
            await worker.close()

    def assign(self, worker_id="w1", renditions=("480p30", "360p30", "160p30"), attempt=1, reason="started"):
        self.ingest.publish(
            JobAssigned(
                channel_id=CHANNEL,
                session_id=SESSION,
                job_id=SESSION,
                worker_id=worker_id,
                renditions=renditions,
                attempt=attempt,
                reason=reason,
            )
        )

    async def play(self, recording, *, discontinuity=0, speed=1.0, lose=()):
        """Publishes a recording as the ingest does, each part when it would have come; `lose`: (segment, part)s whose objects vanish."""
        start, begun = now_us(), asyncio.get_running_loop().time()
        await self._declare(recording, discontinuity)
        segment = []
        first = recording.parts[0].decode_time
        for part, after in zip(recording.parts, [*recording.parts[1:], None], strict=True):
            due = begun + (part.decode_time + part.duration - first) / TICKS / speed
            await asyncio.sleep(max(0, due - asyncio.get_running_loop().time()))
            place = address.part(CHANNEL, SESSION, "source", part.media_sequence, part.part)
            if (part.media_sequence, part.part) not in lose:
                await self.objects.put(place, part.data)
            common = {
                "channel_id": CHANNEL,
                "session_id": SESSION,
                "rendition": "source",
                "media_sequence": part.media_sequence,
                "timescale": TICKS,
                "discontinuity_sequence": discontinuity,
                "correlation_id": SESSION,
                "received_at": now_us(),
                "stored_at": now_us(),
            }
            segment.append(part)
            self.ingest.publish(PartProduced(
                **common, part=part.part, decode_time=part.decode_time, duration=part.duration, address=place, size=len(part.data),
                programme_date_time=start + part.decode_time * 1_000_000 // TICKS, independent=part.part == 0,
                event_id=str(uuid5(NAMESPACE_URL, place)), sha256=sha256(part.data).hexdigest(),
            ))  # fmt: skip
            if after is None or after.part == 0:
                place = address.segment(CHANNEL, SESSION, "source", part.media_sequence)
                data = b"".join(one.data for one in segment)
                await self.objects.put(place, data)
                self.ingest.publish(SegmentProduced(
                    **common, parts=len(segment), decode_time=segment[0].decode_time, duration=sum(one.duration for one in segment),
                    programme_date_time=start + segment[0].decode_time * 1_000_000 // TICKS, independent=True, address=place,
                    event_id=str(uuid5(NAMESPACE_URL, place)), size=len(data), sha256=sha256(data).hexdigest(),
                ))  # fmt: skip
                segment = []

    async def _declare(self, recording, discontinuity):
        track = fmp4_reader.track(recording.init)
        place = address.init(CHANNEL, SESSION, "source", discontinuity)
        await self.objects.put(place, recording.init)
        self.ingest.publish(RenditionDeclared(
            channel_id=CHANNEL, session_id=SESSION, rendition="source", kind="video", codecs=track.codecs, width=track.width,
            height=track.height, frame_rate=recording.frame_rate, bit_rate=4_000_000, part_target_us=200_000, segment_target_us=2_000_000,
            timescale=TICKS, discontinuity_sequence=discontinuity, address=place, size=len(recording.init),
            sha256=sha256(recording.init).hexdigest(), correlation_id=SESSION,
        ))  # fmt: skip

    async def close(self):
        if self._ticks:
            self._ticks.cancel()
        for follower in self.followers:
            await follower.close()
        self.log.close()


def request(recording, width=1280, height=720):
    """The partner's wish for its ladder."""
    return TranscodeRequested(
        region="local", channel_id=CHANNEL, session_id=SESSION, tier="partner", width=width, height=height, frame_rate=recording.frame_rate
    )
