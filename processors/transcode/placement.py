"""Where sessions go and what they get there: partners all of their ladder, by preemption where they must; affiliates what is free."""

from collections.abc import Iterator, Sequence
from typing import TypedDict

import msgspec

from processors.transcode.cluster import NOTHING, OVERFLOW, POTENTIAL, Amount, Cluster, Session, Winding, Worker, amount
from processors.transcode.ladder import Rendition
from schemas.event import Event
from schemas.events import JobAssigned, JobPreempted, JobReleased, JobUpgraded, TranscodeCancelled, TranscodeRequested

THROTTLE_ON = 0.80
THROTTLE_OFF = 0.72
"""Load from which on affiliates get the small part of their ladder, and from which on all of it again (T11): between the two nothing
changes, so that a stream that comes and goes upgrades nobody and throttles nobody."""
THROTTLED_OUTPUTS = 1
"""Of an affiliate while throttled, beside the source."""
RESERVE = 0.12
"""Share of the capacity that is there for partners (T12: 10-15 %): affiliates are upgraded into it no more. What they were given in it at
their start, or before a partner came, is taken back by preemption."""
SPILL = 0.95
"""Load from which on a partner goes to another region (T18)."""
GRACE_S = 30
"""For which a rendition that is taken away goes on, so that players leave it in time (T14)."""
GRACE_US = GRACE_S * 1_000_000
HANDED_OVER = "handed_over"
"""Reason of an assignment whose former worker lives, and says where it ends (JobHandedOver)."""


class Placement:
    """Places sessions of one region, within one event."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def place(self, session_id: str, prefer: str = "") -> Iterator[Event]:
        """Gives a session that has no worker one, and what it can have there; the preferred one if it has room for all."""
        session = self._cluster.sessions[session_id]
        if not session.ladder:
            return
        worker = self._cluster.workers.get(prefer)
        if worker is not None and not worker.draining and amount(self._wanted(session)).within(worker.room):
            yield from self._grant(session_id, session, prefer, self._wanted(session))
        elif session.tier == "partner":
            yield from self._partner(session_id, session)
        else:
            yield from self._affiliate(session_id, session)

    def again(self, session_id: str, reason: str, *, wish: Session | None = None, avoid: str = "", prefer: str = "") -> Iterator[Event]:
        """Places a session anew. Where nobody can take it, whoever had it is told to stop."""
        former = self._cluster.sessions[session_id]
        self.clear(session_id, reason, wish=wish, avoid=avoid)
        yield from self.place(session_id, prefer)
        if former.renditions and not self._cluster.sessions[session_id].renditions:
            yield released(session_id, former, "superseded" if self._cluster.sessions[session_id].ladder else "no_renditions")

    def hand_over(self, session_id: str) -> Iterator[Event]:
        """Places a session anew whose worker drains: it ends its segment, and the next begins after it. Where nobody can take it, it
        stays for as long as its worker does.
        """
        former = self._cluster.sessions[session_id]
        self.clear(session_id, HANDED_OVER if former.renditions else former.reason)
        yield from self.place(session_id)
        after = self._cluster.sessions[session_id]
        if not after.worker_id and not after.peer:
            self._cluster.move(session_id, former)
        elif not after.renditions:  # another region decides on it, or what it is to have is still in use
            self._cluster.move(session_id, msgspec.structs.replace(after, reason="rebalanced"))
            if former.renditions:
                yield released(session_id, former, "superseded")

    def bring_back(self, session_id: str) -> Iterator[Event]:
        """Takes a session from a rented worker to one of the region's own that has room for all of it."""
        wanted = self._wanted(self._cluster.sessions[session_id])
        if worker_id := self._cluster.roomiest(amount(wanted)):
            self.clear(session_id, HANDED_OVER)
            yield from self._grant(session_id, self._cluster.sessions[session_id], worker_id, wanted)

    def clear(self, session_id: str, reason: str, *, wish: Session | None = None, avoid: str = "") -> None:
        """Takes a session from its worker; `wish` is what it wants from now on."""
        session = wish or self._cluster.sessions[session_id]
        nowhere = msgspec.structs.replace(session, worker_id="", renditions=(), claimed=NOTHING, windings=(), reason=reason, avoid=avoid)
        self._cluster.move(session_id, nowhere)

    def upgrade(self, *worker_ids: str) -> Iterator[Event]:
        """Gives what is free on workers to their sessions that lack something: first what partners wait for, then affiliates by age."""
        sessions, workers = self._cluster.sessions, self._cluster.workers
        looked_at = [workers[each] for each in worker_ids if workers[each].share.claimed != NOTHING or self._upgradable()]
        ids = [each for worker in looked_at for each in worker.sessions if self._lacks(sessions[each])]
        for session_id in sorted(ids, key=lambda each: sessions[each].rank):
            session = sessions[session_id]
            if session.tier != "partner" and not self._upgradable():
                return
            worker = workers[session.worker_id]
            own = worker.capacity.minus(worker.share.used) if session.tier == "partner" else worker.room
            missing = [each for each in session.ladder if each.name not in session.renditions]
            if more := fitting(missing, own):
                yield from self._grant(session_id, session, session.worker_id, more)

    def preempt(self, worker_id: str, need: Amount, *, grace: bool = True) -> Iterator[Event]:
        """Takes affiliates' outputs on a worker away until what they took is at least what is needed: from those who have most, of these
        from the newest, and of each its largest first (T13).
        """
        freed = NOTHING
        while not need.within(freed):
            session_id = self._victim(self._cluster.workers[worker_id])
            if not session_id:
                return
            session = self._cluster.sessions[session_id]
            taken = next(each for each in session.ladder if each.name in session.renditions)
            freed = freed.plus(amount((taken,)))
            left = tuple(each for each in session.renditions if each != taken.name)
            windings = session.windings
            if grace:
                windings = (*windings, Winding(self._cluster.region.now + GRACE_US, worker_id, amount((taken,))))
            after = msgspec.structs.replace(session, renditions=left, windings=windings)
            self._cluster.move(session_id, after)
            yield JobPreempted(**job(session_id, session), worker_id=worker_id, renditions=left, grace_seconds=GRACE_S if grace else 0)
            if not left and not windings:
                yield from self.dismiss(session_id)

    def dismiss(self, session_id: str) -> Iterator[Event]:
        """Takes a session that has nothing left from its worker; it waits for any."""
        yield released(session_id, self._cluster.sessions[session_id], "no_renditions")
        self.clear(session_id, "started")

    def shrink(self, worker_id: str) -> Iterator[Event]:
        """Brings a worker that can carry less than it does back to what it can: affiliates lose outputs, then sessions go elsewhere.

        No grace here: what is too much is too much now.
        """
        over = self._over(worker_id)
        if over != NOTHING:
            yield from self.preempt(worker_id, over, grace=False)
        while self._over(worker_id) != NOTHING and (ids := self._cluster.workers[worker_id].sessions):
            yield from self.again(ids[-1], "rebalanced", avoid=worker_id)

    def _partner(self, session_id: str, session: Session) -> Iterator[Event]:
        """All of the ladder: where there is room, by preemption, in another region where this one is full or its room is in pieces, on
        rented workers, in part.
        """
        cluster, need, peer = self._cluster, amount(session.ladder), self._peer(session)
        if peer and cluster.region.load >= SPILL:
            yield self._pass_on(session_id, session, peer)
        elif worker_id := cluster.roomiest(need, avoid=session.avoid):
            yield from self._grant(session_id, session, worker_id, session.ladder)
        elif worker_id := cluster.roomiest(need, POTENTIAL, session.avoid):
            yield from self._claim(session_id, session, worker_id, need)
        elif peer:
            yield self._pass_on(session_id, session, peer)
        elif worker_id := cluster.roomiest(need, OVERFLOW, session.avoid):
            yield from self._grant(session_id, session, worker_id, session.ladder)
        else:
            yield from self._partly(session_id, session, session.ladder)

    def _pass_on(self, session_id: str, session: Session, peer: str) -> Event:
        """Asks another region for it."""
        self._cluster.move(session_id, msgspec.structs.replace(session, peer=peer))
        return requested(session_id, session, peer, self._cluster.region.name)

    def _claim(self, session_id: str, session: Session, worker_id: str, need: Amount) -> Iterator[Event]:
        """What is free at once, the rest when those who had it have wound down."""
        worker = self._cluster.workers[worker_id]
        now = fitting(session.ladder, worker.room)
        owed = need.minus(amount(now))
        unwound = owed.minus(free_later(worker, amount(now)))
        yield from self.preempt(worker_id, Amount(max(0, unwound.pixels), max(0, unwound.outputs)))
        if now:
            yield from self._grant(session_id, session, worker_id, now)
        else:
            self._cluster.move(session_id, msgspec.structs.replace(session, worker_id=worker_id, claimed=owed))

    def _affiliate(self, session_id: str, session: Session) -> Iterator[Event]:
        """What is free of what it may have now."""
        wanted = self._wanted(session)
        if worker_id := self._cluster.roomiest(amount(wanted), avoid=session.avoid):
            yield from self._grant(session_id, session, worker_id, wanted)
        else:
            yield from self._partly(session_id, session, wanted)

    def _wanted(self, session: Session) -> Sequence[Rendition]:
        """What a session may have now, where there is room."""
        few = session.tier != "partner" and self._cluster.region.throttled
        return session.ladder[-THROTTLED_OUTPUTS:] if few else session.ladder

    def _partly(self, session_id: str, session: Session, wanted: Sequence[Rendition]) -> Iterator[Event]:
        """As many of the small renditions as the roomiest worker has room for: they serve those who cannot play the source."""
        worker_id = self._cluster.roomiest(amount((min(wanted, key=lambda each: each.load),)), avoid=session.avoid)
        if worker_id:
            yield from self._grant(session_id, session, worker_id, fitting(wanted, self._cluster.workers[worker_id].room))

    def _grant(self, session_id: str, session: Session, worker_id: str, more: Sequence[Rendition]) -> Iterator[Event]:
        """Adds renditions on a worker; what a partner still lacks is claimed there."""
        names = {*session.renditions, *(each.name for each in more)}
        renditions = tuple(each.name for each in session.ladder if each.name in names)
        begins = not session.renditions
        lacking = [each for each in session.ladder if each.name not in names]
        worker = self._cluster.workers[worker_id]
        owed = amount(lacking) if session.tier == "partner" and not worker.overflow else NOTHING
        after = msgspec.structs.replace(
            session,
            worker_id=worker_id,
            renditions=renditions,
            claimed=owed,
            attempt=session.attempt + begins,
            reason="started" if begins else session.reason,
            avoid="" if begins else session.avoid,
        )
        self._cluster.move(session_id, after)
        if begins:
            yield JobAssigned(
                **job(session_id, session), worker_id=worker_id, renditions=renditions, attempt=after.attempt, reason=session.reason
            )
        else:
            yield JobUpgraded(**job(session_id, session), worker_id=worker_id, renditions=renditions)

    def _peer(self, session: Session) -> str:
        """The nearest region that is not full; empty where all are, or where one has passed the session on already."""
        if session.passed_on:
            return ""
        return next((peer for peer in self._cluster.region.peers if self._cluster.peer_load(peer) < SPILL), "")

    def _victim(self, worker: Worker) -> str:
        """The affiliate on a worker that loses an output next."""
        sessions = self._cluster.sessions
        found = [each for each in worker.sessions if sessions[each].tier == "affiliate" and sessions[each].renditions]
        return max(found, key=lambda each: (len(sessions[each].renditions), sessions[each].order), default="")

    def _over(self, worker_id: str) -> Amount:
        """What a worker carries beyond what it can."""
        worker = self._cluster.workers[worker_id]
        over = worker.share.used.minus(worker.capacity)
        return Amount(max(0, over.pixels), max(0, over.outputs))

    def _upgradable(self) -> bool:
        """Whether affiliates may get more than they have."""
        return not self._cluster.region.throttled and self._cluster.region.load < 1 - RESERVE

    def _lacks(self, session: Session) -> bool:
        return len(session.renditions) < len(session.ladder)


def fitting(renditions: Sequence[Rendition], room: Amount) -> list[Rendition]:
    """Those that fit into the room, smallest load first."""
    granted: list[Rendition] = []
    for rendition in sorted(renditions, key=lambda each: each.load):
        if not amount((*granted, rendition)).within(room):
            break
        granted.append(rendition)
    return granted


def free_later(worker: Worker, taken: Amount) -> Amount:
    """What will be free on a worker when all that winds down has, without another preemption, after something more was taken."""
    return worker.room.minus(taken).plus(worker.share.winding)


def requested(session_id: str, session: Session, region: str, origin: str) -> TranscodeRequested:
    """A session's wish, passed on to another region."""
    return TranscodeRequested(
        region=region,
        channel_id=session.channel_id,
        session_id=session_id,
        tier=session.tier,
        width=session.width,
        height=session.height,
        frame_rate=session.frame_rate,
        spilled_from=origin,
    )


def cancelled(session_id: str, session: Session, reason: str) -> TranscodeCancelled:
    """The wish that was passed on is taken back."""
    return TranscodeCancelled(region=session.peer, channel_id=session.channel_id, session_id=session_id, reason=reason)


def released(session_id: str, session: Session, reason: str) -> JobReleased:
    """A session's worker is told to stop."""
    return JobReleased(**job(session_id, session), worker_id=session.worker_id, reason=reason)


class _Job(TypedDict):
    channel_id: str
    session_id: str
    job_id: str


def job(session_id: str, session: Session) -> _Job:
    """The fields that name the job in every event; there is one per session, so it has the session's id."""
    return _Job(channel_id=session.channel_id, session_id=session_id, job_id=session_id)
