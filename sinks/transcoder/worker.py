"""The media worker: follows the log, keeps the scheduler informed, and runs the jobs that are its own."""

import asyncio
import contextlib
from typing import NamedTuple

import structlog

from processors.transcode.placement import HANDED_OVER
from schemas.event import Event
from schemas.events import (
    EncoderReported,
    JobAssigned,
    JobHandedOver,
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
MOVED_S = 2.0
"""For which a worker that ends waits until others have its jobs. The scheduler answers within milliseconds, and tries again with each
beat; where nobody has room that is what waiting for it costs."""
LEAVE_S = 5.0
"""For which a job that another worker has may go on: the rest of a segment, 4 s at most (P1), and what the encoder holds. With the two
others it fits into the time that a process has for its end (infra/apps/service.py)."""
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
    overflow: bool = False
    """Whether it is rented: used last, and left first."""


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
        self._draining = False
        self._less = asyncio.Event()
        """Set when a job is no more among the running."""

    async def start(self) -> None:
        """Reads what is on the log, then tells the scheduler that it is there."""
        await self._follower.start()
        self._beats = asyncio.create_task(self._beat())

    async def close(self) -> None:
        """An orderly end.

        1. Says that it drains: it gets nothing new, and the scheduler gives its jobs to others.
        2. Encoders of jobs that others have end with their segment.
        3. Those that nobody has taken bring out what they hold.
        4. Says good-bye: whatever is left waits for a worker from now on.
        """
        if self._beats:
            self._draining = True
            self._say()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved(), MOVED_S)
            await asyncio.gather(*self._ends)
        await self._follower.close()
        for session_id in list(self._running):
            self._finish(session_id)
        await asyncio.gather(*self._ends)
        if self._beats:
            self._beats.cancel()
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
            case JobAssigned() if event.reason == HANDED_OVER and event.session_id in self._running:
                self._hand_over(event.session_id)
            case JobAssigned() if event.session_id in self._running:
                self._end(event.session_id)
            case JobHandedOver() if not mine and event.session_id in self._running:
                self._running[event.session_id].job.begin_after(event.media_sequence)
            case JobUpgraded() if mine and event.session_id in self._running:
                self._running[event.session_id].leaving.decide(event.renditions)
            case JobPreempted() if mine and event.session_id in self._running:
                self._running[event.session_id].leaving.decide(event.renditions, event.grace_seconds)
            case JobReleased() if mine and event.session_id in self._running:
                self._finish(event.session_id) if event.reason == "ended" else self._end(event.session_id)
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
                self._take(session_id)
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

    def _take(self, session_id: str) -> _Running:
        """A job that does not count as running from now on."""
        self._less.set()
        return self._running.pop(session_id)

    async def _moved(self) -> None:
        """Waits until no job is left."""
        while self._running:
            self._less.clear()
            await self._less.wait()

    def _hand_over(self, session_id: str) -> None:
        """Another worker has the job from the next segment on: tells it which that is."""
        job = self._running[session_id].job
        last = job.leave()
        self._end(session_id, LEAVE_S)
        self._publisher.publish(
            JobHandedOver(
                correlation_id=session_id,
                channel_id=job.assigned.channel_id,
                session_id=session_id,
                job_id=job.assigned.job_id,
                worker_id=self._config.worker_id,
                media_sequence=last,
            )
        )

    def _finish(self, session_id: str) -> None:
        """Ends a job with what its encoder still holds."""
        self._running[session_id].job.finish()
        self._end(session_id, FINISH_S)

    def _end(self, session_id: str, within_s: float = 0.0) -> None:
        """Lets a job end by itself, or makes it where that takes too long, without holding up the log's reading."""
        task = asyncio.create_task(self._ended(self._take(session_id), within_s))
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    async def _ended(self, running: _Running, within_s: float) -> None:
        running.leaving.close()
        await asyncio.wait((running.task,), timeout=within_s)
        running.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running.task
        logger.info("job ends", session_id=running.job.assigned.session_id)

    async def _beat(self) -> None:
        """Says every second that it lives, and forgets sessions that went quiet."""
        while True:
            self._say()
            quiet = self._clock() - QUIET_US
            for session_id in [s for s, feed in self._feeds.items() if feed.touched < quiet and s not in self._running]:
                del self._feeds[session_id]
            await asyncio.sleep(HEARTBEAT_S)

    def _say(self) -> None:
        """A heartbeat."""
        config = self._config
        self._publisher.publish(
            WorkerHeartbeat(
                region=config.region,
                worker_id=config.worker_id,
                capacity=config.capacity,
                sessions=tuple(self._running),
                outputs=config.outputs,
                draining=self._draining,
                overflow=config.overflow,
            )
        )


def _said(cause: BaseException) -> str:
    """An exception in a line; of a group, which says nothing itself, the first."""
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return f"{type(cause).__name__}: {cause}"
