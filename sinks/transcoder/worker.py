"""The media worker: follows the log, keeps the scheduler informed, and runs the jobs that are its own."""

import asyncio
import contextlib
from typing import NamedTuple

import structlog

from schemas.event import Event
from schemas.events import (
    EncoderReported,
    JobAssigned,
    JobPreempted,
    JobReleased,
    JobUpgraded,
    PartProduced,
    RenditionDeclared,
    SegmentProduced,
    WorkerHeartbeat,
    WorkerStopped,
)
from schemas.wire import Codec
from sinks.transcoder.child import FINISH_S
from sinks.transcoder.encoder import Encoder
from sinks.transcoder.feed import Feed
from sinks.transcoder.job import Job
from sinks.transcoder.leaving import Leaving
from sinks.transcoder.output import Output
from sinks.transcoder.patience import PatientStore
from streams.clock import now_us
from streams.fold import At, Clock
from streams.follower import Follower
from streams.log import Log
from streams.objects import Objects
from streams.publisher import Publisher

logger = structlog.get_logger()

TOPICS = ("media.transcode.events.v1", "media.segment.events.v1")
HEARTBEAT_S = 1.0
"""A third of the scheduler's patience (processors/transcode/scheduler.py)."""
MOST_LAG = 1_000
"""Records behind the log from which on the worker counts as not ready: a second of 50 channels."""
LOOK_BACK_MS = 30_000
"""How far back reading begins: a source declares itself every 8 segments, up to 19 s."""
QUIET_US = 120_000_000
"""A session of which nothing came for so long is forgotten; an interrupted one waits a minute for its publisher."""


class WorkerConfig(NamedTuple):
    """Who a worker is and what it carries."""

    worker_id: str
    """Of this process alone: a worker that is started again is another one, and its former jobs move."""
    region: str
    capacity: float
    """Encoded megapixels a second."""
    outputs: int
    """That its memory holds at once."""
    encoder: Encoder = "x264"


class _Running(NamedTuple):
    job: Job
    task: "asyncio.Task[None]"
    leaving: Leaving


class MediaWorker:
    """Runs an encoder process for each job that the scheduler assigns to it, and none without."""

    def __init__(
        self, log: Log, codec: Codec, objects: Objects, publisher: Publisher, config: WorkerConfig, *, clock: Clock = now_us
    ) -> None:
        self._store, self._publisher, self._config, self._clock = PatientStore(objects), publisher, config, clock
        since_ms = clock() // 1000 - LOOK_BACK_MS
        self._follower = Follower(log, codec, TOPICS, self._apply, since_ms)
        self._feeds: dict[str, Feed] = {}
        self._running: dict[str, _Running] = {}
        self._ends: set[asyncio.Task[None]] = set()
        self._beats: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Reads what is on the log, then tells the scheduler that it is there."""
        await self._follower.start()
        self._beats = asyncio.create_task(self._beat())

    async def close(self) -> None:
        """An orderly end.

        1. Takes nothing new.
        2. Encoders bring out what they hold.
        3. Says good-bye: the scheduler moves the jobs at once.
        """
        await self._follower.close()
        if self._beats:
            self._beats.cancel()
        await asyncio.gather(*(self._end(session_id) for session_id in list(self._running)), *self._ends)
        stopped = WorkerStopped(region=self._config.region, worker_id=self._config.worker_id)
        await asyncio.wrap_future(self._publisher.publish(stopped))

    @property
    def jobs(self) -> dict[str, Job]:
        """Running jobs by session."""
        return {session_id: running.job for session_id, running in self._running.items()}

    def unready(self) -> list[str]:
        """Why it does no work; empty where it does."""
        if self._beats is None:
            return ["it has not read the log yet"]
        if self._follower.lag() > MOST_LAG:
            return [f"it is {self._follower.lag()} records behind the log"]
        return []

    def _apply(self, event: Event, _: At) -> None:
        mine = getattr(event, "worker_id", "") == self._config.worker_id
        match event:
            case RenditionDeclared() | PartProduced() | SegmentProduced():
                self._feed(event.session_id).add(event, self._clock())
            case JobAssigned() if mine:
                self._begin(event)
            case JobAssigned() if event.session_id in self._running:
                self._later(event.session_id, finish=False)
            case JobUpgraded() if mine and event.session_id in self._running:
                self._running[event.session_id].leaving.decide(event.renditions)
            case JobPreempted() if mine and event.session_id in self._running:
                self._running[event.session_id].leaving.decide(event.renditions, event.grace_seconds)
            case JobReleased() if mine and event.session_id in self._running:
                self._later(event.session_id, finish=event.reason == "ended")
            case _:
                pass

    def _feed(self, session_id: str) -> Feed:
        return self._feeds.setdefault(session_id, Feed())

    def _begin(self, assigned: JobAssigned) -> None:
        """Starts a job; one that runs for the session already only gets its new renditions."""
        if running := self._running.get(assigned.session_id):
            running.leaving.decide(assigned.renditions)
            return
        feed = self._feed(assigned.session_id)
        session = (assigned.channel_id, assigned.session_id)
        output = Output(self._store, self._publisher, self._clock, feed, session)
        job = Job(assigned, feed, self._store, output, encoder=self._config.encoder, tell=self._publisher.publish)
        leaving = Leaving(job.renditions, job.select, asyncio.get_running_loop().call_later)
        self._running[assigned.session_id] = _Running(job, asyncio.create_task(self._run(job)), leaving)
        logger.info("job begins", session_id=assigned.session_id, renditions=assigned.renditions, attempt=assigned.attempt)

    async def _run(self, job: Job) -> None:
        """Runs a job; one that fails is given back to the scheduler."""
        session_id = job.assigned.session_id
        try:
            await job.run()
        except Exception as cause:
            logger.exception("job given back", session_id=session_id)
            if session_id in self._running and self._running[session_id].job is job:
                del self._running[session_id]
            self._publisher.publish(
                EncoderReported(
                    correlation_id=session_id,
                    region=self._config.region,
                    channel_id=job.assigned.channel_id,
                    session_id=session_id,
                    worker_id=self._config.worker_id,
                    cause=_said(cause),
                )
            )

    def _later(self, session_id: str, *, finish: bool) -> None:
        """Ends a job without holding up the log's reading."""
        task = asyncio.create_task(self._end(session_id, finish=finish))
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    async def _end(self, session_id: str, *, finish: bool = True) -> None:
        """Ends a job: with what its encoder still holds, or at once where another worker has it."""
        running = self._running.pop(session_id)
        job, task = running.job, running.task
        running.leaving.close()
        if finish:
            job.finish()
            await asyncio.wait((task,), timeout=FINISH_S)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        logger.info("job ends", session_id=session_id)

    async def _beat(self) -> None:
        """Says every second that it lives, and forgets sessions that went quiet."""
        while True:
            self._publisher.publish(
                WorkerHeartbeat(
                    region=self._config.region,
                    worker_id=self._config.worker_id,
                    capacity=self._config.capacity,
                    sessions=tuple(self._running),
                    outputs=self._config.outputs,
                )
            )
            quiet = self._clock() - QUIET_US
            for session_id in [s for s, feed in self._feeds.items() if feed.touched < quiet and s not in self._running]:
                del self._feeds[session_id]
            await asyncio.sleep(HEARTBEAT_S)


def _said(cause: BaseException) -> str:
    """An exception in a line; of a group, which says nothing itself, the first."""
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return f"{type(cause).__name__}: {cause}"
