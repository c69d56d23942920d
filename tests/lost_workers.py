"""Media workers that are killed, or told to end, while a stream is live: how soon another has it, and what its renditions lack."""

import asyncio
import contextlib
import os
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from infra.parts import Parts
from infra.process import Process
from infra.settings import Settings
from schemas.event import Event
from schemas.events import JobAssigned, PartProduced, SegmentProduced, WorkerHeartbeat
from streams.fold import At
from streams.follower import Follower
from tests.machines import Machine, listens, machines, offsets

E = TypeVar("E", bound=Event)
T = TypeVar("T")
TOPICS = ("media.transcode.events.v1", "media.segment.events.v1", "media.capacity.commands.v1")
MOST_S = 30.0
"""More is no recovery: several times the scheduler's patience (processors/transcode/scheduler.py)."""
SETTLED = 2
"""Whole segments of each rendition after which a worker can be lost again."""
SEGMENT_S = 2.0
SOURCE = (
    *("-re", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30", "-f", "lavfi", "-i", "sine=sample_rate=48000"),
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-b:v", "2500k", "-pix_fmt", "yuv420p"),
    *("-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-c:a", "aac", "-f", "flv"),
)
"""What is pushed: 720p30 with a key frame each 2 s, of which a partner gets three renditions."""


class Recovery(NamedTuple):
    """What the loss of a worker came to. Seconds are from its signal until the event was read from the log."""

    reason: str
    """That the job's next assignment gives."""
    moved_s: float
    """To the assignment."""
    back_s: float
    """To the first part of the last rendition to come back."""
    lost: int
    """Segments that a rendition lacks, of the one that lacks most."""


class Heard(NamedTuple, Generic[E]):
    """An event and when it came, by the monotonic clock."""

    at: float
    event: E


class Workers:
    """Two media workers of which one has a live stream's job."""

    def __init__(self, hosts: dict[str, Machine]) -> None:
        self._hosts = hosts
        self._running: dict[str, Process] = {}
        self._new = asyncio.Event()
        self._events: dict[type[Event], list[Heard[Any]]] = defaultdict(list)

    def note(self, event: Event, _: At) -> None:
        """Keeps what is read from the log."""
        self._events[type(event)].append(Heard(time.monotonic(), event))
        self._new.set()
        self._new = asyncio.Event()

    async def start(self, name: str) -> None:
        """Starts a host's worker, and waits until the scheduler can know of it."""
        since = time.monotonic()
        [self._running[name]] = await self._hosts[name].run("transcoder")
        await self._until(lambda: [one for one in self._of(WorkerHeartbeat, since) if host(one.worker_id) == name], 2 * MOST_S)

    async def settled(self) -> JobAssigned:
        """The job, once its worker has made whole segments of every rendition."""
        return await self._until(
            lambda: next(
                (job for job in self._of(JobAssigned)[-1:] if all(len(made) >= SETTLED for made in self._made(job).values())), None
            )
        )

    async def lose(self, job: JobAssigned, sign: signal.Signals = signal.SIGKILL) -> Recovery:
        """Ends the worker that has the job by a signal, and starts it again once the other one has settled."""
        before = {name: max(made) for name, made in self._made(job).items()}
        killed, process = time.monotonic(), self._running[host(job.worker_id)]
        os.kill(process.pid, sign)
        await process.ended()
        moved = await self._until(lambda: next((one for one in self._heard(JobAssigned, killed)), None))
        successor = moved.event
        back = await self._until(lambda: self._back(successor, killed))
        await self.settled()
        await self.start(host(job.worker_id))
        done = self._made(job)  # what was on its way to the log when the worker was killed is not lost
        lost = [set(range(before[name] + 1, max(made))) - made - done[name] for name, made in self._made(successor).items()]
        return Recovery(successor.reason, moved.at - killed, back - killed, max(map(len, lost)))

    def parts(self) -> list[PartProduced]:
        """Of renditions that the workers made."""
        return [part for part in self._of(PartProduced) if part.producer.startswith("transcoder-")]

    def _back(self, job: JobAssigned, since: float) -> float | None:
        """When the last of a job's renditions came from its worker; None as long as one has not."""
        first: dict[str, float] = {}
        for at, event in self._heard(PartProduced, since):
            if event.producer == job.worker_id:
                first.setdefault(event.rendition, at)
        return max(first.values()) if set(first) >= set(job.renditions) else None

    def _made(self, job: JobAssigned) -> dict[str, set[int]]:
        """Whole segments that a job's worker has made, by rendition."""
        whole = [segment for segment in self._of(SegmentProduced) if segment.producer == job.worker_id]
        return {name: {segment.media_sequence for segment in whole if segment.rendition == name} for name in job.renditions}

    def _of(self, kind: type[E], since: float = 0.0) -> list[E]:
        return [event for _, event in self._heard(kind, since)]

    def _heard(self, kind: type[E], since: float) -> list[Heard[E]]:
        return [one for one in self._events[kind] if one.at > since]

    async def _until(self, holds: Callable[[], T | None], seconds: float = MOST_S) -> T:
        async with asyncio.timeout(seconds):
            while not (found := holds()):
                await self._new.wait()
        return found


def host(worker_id: str) -> str:
    """Where a worker runs (infra/apps/transcoder.py makes its id)."""
    return worker_id.split("-")[1]


@contextlib.asynccontextmanager
async def live(settings: Settings) -> AsyncIterator[Workers]:
    """Log, ingest and folds on one machine, a worker there and one on another, and a partner's stream, for the block."""
    left = msgspec.structs.replace(settings, node="left")
    right = msgspec.structs.replace(
        left,
        home=f"{left.home}-right",
        node="right",
        port_offset=next(offsets(left.port_offset)),
        kafka=left.bootstrap,
        registry=left.registry_url,
        objects=left.objects_url,
    )
    async with machines(left, right) as (one, two):
        await one.run("kafka")
        await listens(left.ports.kafka)
        await one.run("registry")
        await listens(left.ports.registry)
        await one.run("ingest", "folds")
        await listens(left.ports.rtmp, left.ports.folds)
        workers = Workers({"left": one, "right": two})
        with Parts(left) as parts:
            follower = Follower(parts.log, parts.codec, TOPICS, workers.note)
            await follower.start()
            publisher = None
            try:
                for name in ("left", "right"):
                    await workers.start(name)
                account = msgspec.json.decode(await one.command("account", "create", "night_owl", "--tier", "partner", "--json"))
                url = f"rtmp://127.0.0.1:{left.ports.rtmp}/app/{account['stream_key']}"
                command = ("ffmpeg", "-nostdin", "-loglevel", "error", *SOURCE, url)
                publisher = await Process.start(command, left.folder / "logs" / "ffmpeg.log", {})
                yield workers
            finally:
                if publisher:
                    await publisher.stop()
                await follower.close()
