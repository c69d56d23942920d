"""Who transcodes what, event by event."""

from collections import defaultdict

import pytest

from processors.transcode.scheduler import SESSIONS, WORKERS, SchedulerFold
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
from streams.fold import At

SECOND = 1_000_000
FULL = ("480p30", "360p30", "160p30")
FULL_LOAD = 20.6
"""480p30 + 360p30 + 160p30, megapixels a second, rounded up."""


class Region:
    """A region's scheduler with its rows and a clock."""

    def __init__(self):
        self.fold, self.rows, self.now, self.offset = SchedulerFold(), defaultdict(dict), 0, 0

    def apply(self, event):
        self.offset += 1
        return list(self.fold.apply(self.rows, event, At("media.capacity.commands.v1", 0, self.offset, self.now)))

    def beat(self, worker, capacity=FULL_LOAD, draining=False):
        return self.apply(WorkerHeartbeat(region="local", worker_id=worker, capacity=capacity, sessions=(), draining=draining))

    def ask(self, session, tier="partner", width=1280, height=720):
        return self.apply(
            TranscodeRequested(
                region="local", channel_id="c" + session, session_id=session, tier=tier, width=width, height=height, frame_rate=30.0
            )
        )

    def cancel(self, session):
        return self.apply(TranscodeCancelled(region="local", channel_id="c" + session, session_id=session, reason="unpublished"))

    def report(self, session, worker):
        return self.apply(EncoderReported(region="local", channel_id="c" + session, session_id=session, worker_id=worker, cause="killed"))

    def tick(self, seconds=1):
        self.now += seconds * SECOND
        return self.apply(Tick())


@pytest.fixture
def region():
    return Region()


def assigned(session, worker, renditions=FULL, attempt=1, reason="started"):
    return JobAssigned(
        channel_id="c" + session,
        session_id=session,
        job_id=session,
        worker_id=worker,
        renditions=renditions,
        attempt=attempt,
        reason=reason,
    )


def released(session, worker, reason):
    return JobReleased(channel_id="c" + session, session_id=session, job_id=session, worker_id=worker, reason=reason)


def test_session_goes_to_the_worker_and_is_released_at_its_end(region):
    region.beat("w1")
    assert region.ask("s") == [assigned("s", "w1")]
    assert region.cancel("s") == [released("s", "w1", "ended")]
    assert not region.rows[SESSIONS]


def test_repeated_request_and_heartbeat_change_nothing(region):
    region.beat("w1")
    region.ask("s")
    assert region.ask("s") == []
    assert region.beat("w1") == []


def test_session_waits_for_a_worker(region):
    assert region.ask("s") == []
    assert region.beat("w1") == [assigned("s", "w1")]


def test_waiting_session_that_ends_is_forgotten(region):
    region.ask("s")
    assert region.cancel("s") == []
    assert region.beat("w1") == []


def test_sessions_spread_over_workers(region):
    region.beat("w1", 100)
    region.beat("w2", 100)
    assert [region.ask(s)[0].worker_id for s in ("a", "b", "c", "d")] == ["w1", "w2", "w1", "w2"]


@pytest.mark.row("T19")
def test_jobs_of_a_silent_worker_move_at_once(region):
    region.tick()
    region.beat("w1", 100)
    region.ask("s")
    region.beat("w2")
    for _ in range(3):
        assert region.tick() == []
        region.beat("w2")
    assert region.tick() == [assigned("s", "w2", attempt=2, reason="worker_lost")]


@pytest.mark.row("T19")
def test_heartbeat_of_another_worker_shows_the_silence_too(region):
    region.beat("w1", 100)
    region.ask("s")
    for _ in range(4):
        region.now += SECOND
        out = region.beat("w2")
    assert out == [assigned("s", "w2", attempt=2, reason="worker_lost")]


def test_job_of_a_silent_worker_without_a_successor_is_released_and_waits(region):
    region.tick()
    region.beat("w1")
    region.ask("s")
    assert region.tick(4) == [released("s", "w1", "superseded")]
    assert region.beat("w2") == [assigned("s", "w2", attempt=2, reason="worker_lost")]


def test_stopped_worker_hands_over_without_waiting(region):
    region.beat("w1")
    region.ask("s")
    region.beat("w2")
    assert region.apply(WorkerStopped(region="local", worker_id="w1")) == [assigned("s", "w2", attempt=2, reason="worker_lost")]
    assert region.apply(WorkerStopped(region="local", worker_id="w1")) == []


def test_draining_worker_keeps_its_job_and_gets_no_other(region):
    region.beat("w1", 100)
    region.ask("s")
    assert region.beat("w1", 100, draining=True) == []
    assert region.ask("t") == []
    assert region.beat("w2") == [assigned("t", "w2")]


@pytest.mark.row("T19")
def test_failed_encoder_moves_to_another_worker(region):
    region.beat("w1", 100)
    region.ask("s")
    region.beat("w2", 50)
    assert region.report("s", "w1") == [assigned("s", "w2", attempt=2, reason="encoder_failed")]
    assert region.report("s", "w1") == [], "a late report of the former worker"


def test_failed_encoder_of_the_only_worker_is_tried_there_again(region):
    region.beat("w1")
    region.ask("s")
    assert region.report("s", "w1") == [assigned("s", "w1", attempt=2, reason="encoder_failed")]


@pytest.mark.row("T10")
def test_partner_takes_from_an_affiliate_which_gets_it_back(region):
    region.beat("w1", FULL_LOAD)
    assert region.ask("aff", "affiliate") == [assigned("aff", "w1", ("480p30",))]
    assert region.ask("par") == [released("aff", "w1", "no_renditions"), assigned("par", "w1")]
    assert region.cancel("par") == [released("par", "w1", "ended"), assigned("aff", "w1", ("480p30",), attempt=2)]


def test_short_capacity_leaves_out_the_largest_and_frees_upgrade(region):
    region.beat("w1", FULL_LOAD + 10)
    region.ask("a")
    assert region.ask("b") == [assigned("b", "w1", ("360p30", "160p30"))]
    assert region.cancel("a") == [
        released("a", "w1", "ended"),
        JobUpgraded(channel_id="cb", session_id="b", job_id="b", worker_id="w1", renditions=FULL),
    ]


@pytest.mark.row("T16")
def test_halved_capacity_shrinks_ladders_and_ends_nothing(region):
    region.beat("w1", FULL_LOAD)
    region.ask("a")
    assert region.beat("w1", FULL_LOAD / 2) == [
        JobPreempted(channel_id="ca", session_id="a", job_id="a", worker_id="w1", renditions=("360p30", "160p30"), grace_seconds=0)
    ]


def test_changed_source_changes_the_job(region):
    region.beat("w1", 100)
    region.ask("a")
    assert region.ask("a", width=640, height=360) == [
        JobPreempted(channel_id="ca", session_id="a", job_id="a", worker_id="w1", renditions=("160p30",), grace_seconds=0)
    ]


def test_mixed_change_of_renditions_is_a_new_assignment(region):
    """An affiliate with 480p30 becomes partner of a smaller source."""
    region.beat("w1", 100)
    region.ask("a", "affiliate")
    assert region.ask("a", "partner", 852, 480) == [assigned("a", "w1", ("360p30", "160p30"), attempt=2, reason="rebalanced")]


def test_cancel_of_an_unknown_session_and_foreign_events_change_nothing(region):
    region.beat("w1")
    assert region.cancel("x") == []
    assert region.report("x", "w1") == []
    assert region.apply(assigned("x", "w1")) == []
    assert list(region.rows[WORKERS]) == ["w1"]
