"""The scheduler: requests and heartbeats of a region in, jobs of its media workers out."""

import math
from collections.abc import Iterable, Iterator

import msgspec

from processors.transcode.cluster import NOTHING, TABLES, UNBOUNDED, UNTOLD, Amount, Cluster, Session, Worker
from processors.transcode.placement import THROTTLE_OFF, THROTTLE_ON, Placement, cancelled, released, requested
from schemas.event import Event
from schemas.events import (
    DemandMeasured,
    EncoderReported,
    JobAssigned,
    JobPreempted,
    JobReleased,
    JobUpgraded,
    RegionConfigured,
    RegionReported,
    Tick,
    TranscodeCancelled,
    TranscodeRequested,
    WorkerHeartbeat,
    WorkerStopped,
)
from streams.fold import At, Rows

WORKER_TIMEOUT_US = 3_000_000
"""Without a heartbeat for this long a worker is lost: three beats, so that one late beat moves no job."""
SERVED = 64
"""Waiting sessions, and workers with room, that one event looks at: those left over are looked at in the next second."""
TOGETHER = 8
"""Workers of which the oldest session is upgraded first, and that are the last to be tried where they upgrade nobody: the next have less
room. Each has room of its own, but what affiliates may be given of the region's is all of theirs."""
FRUITLESS = 8
"""Sessions on rented workers, one after the other, that find no room of the region's own, after which none is tried: partners want about
as much as each other."""
FIRST = 4
"""Sessions that a stream's end may help, of those that wait, and of those on rented workers: it frees what one had."""
TOLD_STEP = 0.01
"""Change of a region's load that its peers are told of."""
QUARTER_US = 15 * 60 * 1_000_000
"""What the demand is measured over: the forecast (processors/forecast) counts in quarters of an hour."""


class SchedulerFold:
    """Gives each session's transcoding to one worker, by tier and capacity; whatever happens, it ends no stream.

    Heartbeats say what a worker can carry; silence or a good-bye moves its jobs, and one that drains hands them over; what does not fit
    waits until capacity is free. What a worker carries never exceeds what it said it can, and no output is ever taken from a partner for
    anybody. Rented workers are used last, and their jobs are the first to be given what becomes free.
    """

    name = "scheduler"
    version = 4
    inputs = ("media.capacity.commands.v1",)
    outputs: tuple[type[Event], ...] = (
        JobAssigned,
        JobPreempted,
        JobReleased,
        JobUpgraded,
        TranscodeRequested,
        TranscodeCancelled,
        RegionReported,
        DemandMeasured,
    )
    tables = TABLES

    def __init__(self, timeout_us: int = WORKER_TIMEOUT_US) -> None:
        """`timeout_us`: silence after which a worker is lost, where heartbeats come at another pace than live."""
        self._timeout_us = timeout_us

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one command in."""
        cluster = Cluster(rows)
        yield from _decide(cluster, event, at, self._timeout_us)
        load, throttled = cluster.region.load, cluster.region.throttled
        cluster.note(throttled=load >= THROTTLE_ON or (throttled and load > THROTTLE_OFF))
        cluster.close()


def _decide(cluster: Cluster, event: Event, at: At, timeout_us: int) -> Iterator[Event]:
    """What follows from one command."""
    if not isinstance(event, Tick) and not cluster.region.name:
        cluster.note(name=event.region)  # type: ignore[attr-defined]
    placement = Placement(cluster)
    match event:
        case Tick():
            yield from _tick(cluster, placement, at, timeout_us)
        case WorkerHeartbeat():
            yield from _heard(cluster, placement, event, at)
        case WorkerStopped():
            yield from _lost(cluster, placement, event.worker_id)
        case TranscodeRequested():
            yield from _requested(cluster, placement, event, at)
        case TranscodeCancelled() if event.session_id in cluster.sessions:
            yield from _cancelled(cluster, placement, event)
        case EncoderReported():
            session = cluster.sessions.get(event.session_id)
            if session is not None and session.worker_id == event.worker_id:
                yield from placement.again(event.session_id, "encoder_failed", avoid=event.worker_id)
        case RegionConfigured():
            cluster.note(peers=tuple(event.peers), told=UNTOLD)
        case RegionReported():
            cluster.hear_of(event.from_region, event.load)
        case _:
            pass


def _tick(cluster: Cluster, placement: Placement, at: At, timeout_us: int) -> Iterator[Event]:
    """A second: ends what has wound down, notices silence, serves who waits, tells the peers."""
    cluster.note(now=max(at.time, cluster.region.now))
    yield from _wound_down(cluster, placement)
    for worker_id in cluster.silent(cluster.region.now - timeout_us - 1):
        yield from _lost(cluster, placement, worker_id)
    yield from _serve(cluster, placement)
    yield from _measured(cluster)
    region = cluster.region
    if abs(region.load - region.told) >= TOLD_STEP:
        cluster.note(told=region.load)
        for peer in cluster.listeners():
            yield RegionReported(region=peer, from_region=region.name, load=region.load)


def _measured(cluster: Cluster) -> Iterator[Event]:
    """Tells of a quarter of an hour that is over."""
    region, quarter = cluster.region, cluster.region.now // QUARTER_US
    if quarter == region.quarter:
        return
    if region.quarter:
        yield DemandMeasured(
            region=region.name, began_at=region.quarter * QUARTER_US, load=region.peak / 1_000, capacity=region.capacity / 1_000
        )
    cluster.note(quarter=quarter, peak=region.asked)


def _wound_down(cluster: Cluster, placement: Placement) -> Iterator[Event]:
    """Gives free what preempted outputs held; who has none left waits for any worker."""
    now = cluster.region.now
    for session_id in cluster.wound_down(now):
        session = cluster.sessions[session_id]
        left = tuple(winding for winding in session.windings if winding.until > now)
        if session.renditions or left:
            cluster.move(session_id, msgspec.structs.replace(session, windings=left))
        else:
            yield from placement.dismiss(session_id)
        yield from placement.upgrade(session.worker_id)


def _serve(cluster: Cluster, placement: Placement) -> Iterator[Event]:
    """Places who waits and takes back who is on rented workers, then upgrades on workers with room."""
    yield from _serve_waiting(cluster, placement, SERVED)
    short = cluster.short(SERVED)
    for at in range(0, len(short), TOGETHER):
        made = list(placement.upgrade(*short[at : at + TOGETHER]))
        yield from made
        if not made:
            break


def _serve_waiting(cluster: Cluster, placement: Placement, most: int) -> Iterator[Event]:
    """Places the first that wait, partners before affiliates; between them come those back that a rented worker has."""
    waiting = cluster.waiting(most)
    partners = [session_id for session_id in waiting if cluster.sessions[session_id].tier == "partner"]
    yield from _place(cluster, placement, partners)
    yield from _bring_back(cluster, placement, most)
    yield from _place(cluster, placement, waiting[len(partners) :])


def _bring_back(cluster: Cluster, placement: Placement, most: int) -> Iterator[Event]:
    """Takes sessions from rented workers to the region's own."""
    fruitless = 0
    for session_id in cluster.rented(most):
        made = list(placement.bring_back(session_id))
        yield from made
        fruitless = 0 if made else fruitless + 1
        if fruitless == FRUITLESS:
            return


def _place(cluster: Cluster, placement: Placement, waiting: Iterable[str]) -> Iterator[Event]:
    """Places sessions; where one finds no room for its smallest rendition, affiliates with no smaller one are not tried."""
    full_for = math.inf
    for session_id in waiting:
        session = cluster.sessions[session_id]
        least = session.ladder[-1].load
        if session.tier != "partner" and least >= full_for:
            continue
        yield from placement.place(session_id)
        after = cluster.sessions[session_id]
        if not after.worker_id and not after.peer:
            full_for = min(full_for, least)


def _heard(cluster: Cluster, placement: Placement, beat: WorkerHeartbeat, at: At) -> Iterator[Event]:
    """A worker lives; if it is new, or carries something else than before, that is used or made up for."""
    cluster.note(now=max(at.time, cluster.region.now))
    cluster.heard(beat.worker_id)
    former = cluster.workers.get(beat.worker_id)
    capacity = Amount(int(beat.capacity * 1_000), beat.outputs or UNBOUNDED)
    worker = msgspec.structs.replace(former or Worker(NOTHING), capacity=capacity, draining=beat.draining, overflow=beat.overflow)
    if worker != former:
        cluster.put(beat.worker_id, worker)
        yield from placement.shrink(beat.worker_id)
    if worker.draining:
        for session_id in _ranked(cluster, beat.worker_id):
            yield from placement.hand_over(session_id)
    if worker != former:
        yield from _serve(cluster, placement)


def _lost(cluster: Cluster, placement: Placement, worker_id: str) -> Iterator[Event]:
    """A worker is gone; its sessions move, partners first."""
    cluster.unheard(worker_id)
    if worker_id not in cluster.workers:
        return
    ids = _ranked(cluster, worker_id)
    cluster.put(worker_id, None)
    for session_id in ids:
        yield from placement.again(session_id, "worker_lost")


def _ranked(cluster: Cluster, worker_id: str) -> list[str]:
    """A worker's sessions, in the order in which others take them: partners first."""
    sessions = cluster.sessions
    return sorted(cluster.workers[worker_id].sessions, key=lambda each: sessions[each].rank)


def _requested(cluster: Cluster, placement: Placement, request: TranscodeRequested, at: At) -> Iterator[Event]:
    """A session wants its ladder; one that is known and whose source is another now gets the new one."""
    known = cluster.sessions.get(request.session_id)
    fresh = Session(request.channel_id, request.tier, 0, 0, 0.0, at.offset, passed_on=request.spilled_from is not None)
    wish = {"tier": request.tier, "width": request.width, "height": request.height, "frame_rate": request.frame_rate}
    session = msgspec.structs.replace(known or fresh, **wish)
    if session == known:
        return
    if known is None:
        cluster.move(request.session_id, session)
        yield from placement.place(request.session_id)
    elif known.peer:
        cluster.move(request.session_id, session)
        yield requested(request.session_id, session, known.peer, cluster.region.name)
    else:
        yield from placement.again(request.session_id, "rebalanced", wish=session, prefer=known.worker_id)


def _cancelled(cluster: Cluster, placement: Placement, event: TranscodeCancelled) -> Iterator[Event]:
    """A session is over; what it had goes to who waits."""
    session = cluster.sessions[event.session_id]
    cluster.move(event.session_id, None)
    if session.peer:
        yield cancelled(event.session_id, session, event.reason)
    if session.renditions or session.windings:
        yield released(event.session_id, session, "ended")
    if session.worker_id in cluster.workers:
        yield from _serve_waiting(cluster, placement, FIRST)
        yield from placement.upgrade(session.worker_id)
