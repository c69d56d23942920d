"""The scheduler: requests and heartbeats of a region in, jobs of its media workers out."""

from collections.abc import Iterable, Iterator
from typing import Literal, TypedDict

import msgspec

from processors.transcode.ladder import Source, ladder
from processors.transcode.placement import Placement, Wish, plan
from schemas.event import Event
from schemas.events import (
    EncoderReported,
    JobAssigned,
    JobPreempted,
    JobReleased,
    JobUpgraded,
    Tick,
    TranscodeCancelled,
    TranscodeRequested,
    WorkerHeartbeat,
    WorkerStopped,
)
from streams.fold import At, Rows, Table

WORKER_TIMEOUT_US = 3_000_000
"""Without a heartbeat for this long a worker is lost: three beats, so that one late beat moves no job."""
PREEMPTION_GRACE_SECONDS = 0
"""What is taken away ends at the next segment: the room is given to the partner in the same decision, and capacity is never exceeded."""


class Worker(msgspec.Struct, frozen=True):
    """A media worker that is alive, under its id."""

    capacity: float
    """Encoded megapixels a second."""
    seen: int
    """Time of the last heartbeat on the region's clock, microseconds."""
    draining: bool


class Session(msgspec.Struct, frozen=True):
    """A session that asked for its ladder, under its id."""

    channel_id: str
    tier: Literal["partner", "affiliate", "regular"]
    width: int
    height: int
    frame_rate: float
    order: int
    """Offset of its first request: its place in the queue."""
    worker_id: str = ""
    """Empty while it waits."""
    renditions: tuple[str, ...] = ()
    attempt: int = 0
    reason: str = "started"
    """Why its next assignment will be made."""
    avoid: str = ""
    """Worker that could not keep it going."""


class Region(msgspec.Struct, frozen=True):
    """The region's own row."""

    now: int
    """Latest time that a Tick or a heartbeat brought: what silence is measured by. Workers' clocks agree to well within the timeout."""


WORKERS = Table("workers", Worker)
SESSIONS = Table("sessions", Session)
REGION = Table("region", Region)
_SELF = "self"


class SchedulerFold:
    """Gives each session's transcoding to one worker, by tier and capacity; whatever happens, it ends no stream.

    Heartbeats say what a worker can carry; silence or a good-bye moves its jobs; what does not fit waits until capacity is free.
    """

    name = "scheduler"
    version = 1
    inputs = ("media.capacity.commands.v1",)
    outputs: tuple[type[Event], ...] = (JobAssigned, JobPreempted, JobReleased, JobUpgraded)
    tables = (WORKERS, SESSIONS, REGION)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one command in, and plans anew where it changed who wants or who can."""
        match event:
            case Tick():
                changed = _advance(rows, at)
            case WorkerHeartbeat():
                silent, other = _advance(rows, at), _heard(rows, event)
                changed = silent or other
            case WorkerStopped():
                changed = rows[WORKERS].pop(event.worker_id, None) is not None
            case TranscodeRequested():
                changed = _requested(rows, event, at)
            case EncoderReported():
                changed = _reported(rows, event)
            case TranscodeCancelled() if event.session_id in rows[SESSIONS]:
                gone = rows[SESSIONS].pop(event.session_id)
                changed = bool(gone.worker_id)
                if changed:
                    yield _released(event.session_id, gone, "ended")
            case _:
                changed = False
        if changed:
            yield from _decide(rows)


def _advance(rows: Rows, at: At) -> bool:
    """Moves the region's clock on; whether a worker fell silent."""
    clock = rows[REGION].get(_SELF)
    now = max(at.time, clock.now if clock else 0)
    rows[REGION][_SELF] = Region(now)
    workers = rows[WORKERS]
    lost = [worker_id for worker_id, worker in workers.items() if now - worker.seen > WORKER_TIMEOUT_US]
    for worker_id in lost:
        del workers[worker_id]
    return bool(lost)


def _heard(rows: Rows, beat: WorkerHeartbeat) -> bool:
    """Whether the worker is new or carries something else than before."""
    known = rows[WORKERS].get(beat.worker_id)
    worker = Worker(beat.capacity, rows[REGION][_SELF].now, beat.draining)
    rows[WORKERS][beat.worker_id] = worker
    return known is None or (known.capacity, known.draining) != (worker.capacity, worker.draining)


def _requested(rows: Rows, request: TranscodeRequested, at: At) -> bool:
    """Whether the wish is new."""
    known = rows[SESSIONS].get(request.session_id)
    wish = msgspec.structs.replace(
        known or Session(request.channel_id, request.tier, 0, 0, 0.0, at.offset),
        tier=request.tier,
        width=request.width,
        height=request.height,
        frame_rate=request.frame_rate,
    )
    rows[SESSIONS][request.session_id] = wish
    return wish != known


def _reported(rows: Rows, report: EncoderReported) -> bool:
    """Takes the session from the worker that gave up on it; a report of a former worker says nothing new."""
    failed = rows[SESSIONS].get(report.session_id)
    if failed is None or failed.worker_id != report.worker_id:
        return False
    rows[SESSIONS][report.session_id] = msgspec.structs.replace(
        failed, worker_id="", renditions=(), reason="encoder_failed", avoid=report.worker_id
    )
    return True


def _decide(rows: Rows) -> Iterator[Event]:
    """Plans, and says what is to change."""
    workers, sessions = dict(rows[WORKERS].items()), dict(rows[SESSIONS].items())
    placed = plan(
        {worker_id: worker.capacity for worker_id, worker in workers.items()},
        (_wish(session_id, session) for session_id, session in sessions.items()),
        closed=frozenset(worker_id for worker_id, worker in workers.items() if worker.draining),
    )
    for session_id, session in sessions.items():
        lost = bool(session.worker_id) and session.worker_id not in workers
        before = msgspec.structs.replace(session, reason="worker_lost") if lost else session
        after, event = _move(session_id, before, placed.get(session_id))
        if after != session:
            rows[SESSIONS][session_id] = after
        if event:
            yield event


def _wish(session_id: str, session: Session) -> Wish:
    source = Source(session.width, session.height, session.frame_rate)
    return Wish(session_id, session.tier, session.order, ladder(session.tier, source), session.worker_id, session.avoid)


def _move(session_id: str, session: Session, placement: Placement | None) -> tuple[Session, Event | None]:
    """The session in its new place, and the event that tells the workers; None where nothing changes for them."""
    if placement is None:
        if not session.worker_id:
            return session, None
        why = "superseded" if session.reason == "worker_lost" else "no_renditions"
        return msgspec.structs.replace(session, worker_id="", renditions=()), _released(session_id, session, why)
    after = msgspec.structs.replace(session, worker_id=placement.worker_id, renditions=placement.renditions)
    had, gets = set(session.renditions), set(placement.renditions)
    if after.worker_id == session.worker_id:
        if had == gets:
            return after, None
        if had < gets:
            return after, JobUpgraded(**_job(session_id, session), worker_id=after.worker_id, renditions=after.renditions)
        if had > gets:
            return after, JobPreempted(
                **_job(session_id, session), worker_id=after.worker_id, renditions=after.renditions, grace_seconds=PREEMPTION_GRACE_SECONDS
            )
    reason = "rebalanced" if after.worker_id == session.worker_id else session.reason
    assigned = JobAssigned(
        **_job(session_id, session), worker_id=after.worker_id, renditions=after.renditions, attempt=session.attempt + 1, reason=reason
    )
    return msgspec.structs.replace(after, attempt=session.attempt + 1, reason="started", avoid=""), assigned


def _released(session_id: str, session: Session, reason: str) -> JobReleased:
    return JobReleased(**_job(session_id, session), worker_id=session.worker_id, reason=reason)


class _Job(TypedDict):
    channel_id: str
    session_id: str
    job_id: str


def _job(session_id: str, session: Session) -> _Job:
    """The fields that name the job in every event; there is one per session, so it has the session's id."""
    return _Job(channel_id=session.channel_id, session_id=session_id, job_id=session_id)
