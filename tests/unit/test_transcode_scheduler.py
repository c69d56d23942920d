"""Who transcodes what, event by event."""

import pytest

from processors.transcode.cluster import SESSIONS, WORKERS
from processors.transcode.scheduler import SchedulerFold
from schemas.events import (
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
from streams.fold import At
from tests.folding import memory_rows

SECOND = 1_000_000
FULL = ("480p30", "360p30", "160p30")
FULL_LOAD = 20.6
"""480p30 + 360p30 + 160p30, megapixels a second, rounded up."""
AFFILIATE_LOAD = 67.6
"""720p60 + 480p30, rounded up."""


class Region:
    """A region's scheduler with its rows and a clock."""

    def __init__(self):
        self.fold, self.rows, self.now, self.offset = SchedulerFold(), memory_rows(), 0, 0

    def apply(self, event):
        self.offset += 1
        return list(self.fold.apply(self.rows, event, At("media.capacity.commands.v1", 0, self.offset, self.now)))

    def beat(self, worker, capacity=FULL_LOAD, **more):
        return self.apply(WorkerHeartbeat(region="local", worker_id=worker, capacity=capacity, sessions=(), **more))

    def ask(self, session, tier="partner", width=1280, height=720, **more):
        size = {"width": width, "height": height, "frame_rate": 60.0 if height > 720 else 30.0}
        return self.apply(TranscodeRequested(region="local", channel_id="c" + session, session_id=session, tier=tier, **size, **more))

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


def preempted(session, worker, renditions, grace):
    return JobPreempted(
        channel_id="c" + session, session_id=session, job_id=session, worker_id=worker, renditions=renditions, grace_seconds=grace
    )


def upgraded(session, worker, renditions):
    return JobUpgraded(channel_id="c" + session, session_id=session, job_id=session, worker_id=worker, renditions=renditions)


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


@pytest.mark.row("T18")
def test_draining_worker_hands_its_jobs_over_partners_first(region):
    region.beat("w1", 2 * FULL_LOAD)
    region.ask("aff", "affiliate")
    region.ask("par")
    region.beat("w2", 2 * FULL_LOAD)
    assert region.beat("w1", 2 * FULL_LOAD, draining=True) == [
        assigned("par", "w2", attempt=2, reason="handed_over"),
        assigned("aff", "w2", ("480p30",), attempt=2, reason="handed_over"),
    ]
    assert region.apply(WorkerStopped(region="local", worker_id="w1")) == []


def test_draining_worker_keeps_its_job_until_another_has_room_and_gets_no_other(region):
    region.beat("w1", 100)
    region.ask("s")
    assert region.beat("w1", 100, draining=True) == []
    assert region.ask("t") == []
    assert region.beat("w2") == [assigned("t", "w2")]
    assert region.beat("w1", 100, draining=True) == []
    region.beat("w3")
    assert region.beat("w1", 100, draining=True) == [assigned("s", "w3", attempt=2, reason="handed_over")]


def test_partner_of_a_draining_worker_that_waits_for_what_winds_down_begins_anew(region):
    """Its former worker has ended by then: nobody would say where."""
    region.tick()
    region.beat("w1", FULL_LOAD)
    region.ask("par")
    region.beat("w2", AFFILIATE_LOAD)
    region.ask("aff", "affiliate", 1920, 1080)
    drained = region.beat("w1", FULL_LOAD, draining=True)
    assert drained == [preempted("aff", "w2", ("480p30",), 30), released("par", "w1", "superseded")]
    for _ in range(30):
        region.beat("w2", AFFILIATE_LOAD)
        found = region.tick()
    assert found == [assigned("par", "w2", attempt=2, reason="rebalanced")]


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


@pytest.mark.row("T10", "T12", "T13", "T14")
def test_partner_takes_from_an_affiliate_which_winds_down_and_gets_it_back(region):
    region.tick()
    region.beat("w1", FULL_LOAD)
    assert region.ask("aff", "affiliate") == [assigned("aff", "w1", ("480p30",))]
    assert region.ask("par") == [preempted("aff", "w1", (), 30), assigned("par", "w1", ("360p30", "160p30"))]
    for _ in range(29):
        region.beat("w1", FULL_LOAD)
        assert region.tick() == []
    region.beat("w1", FULL_LOAD)
    assert region.tick() == [released("aff", "w1", "no_renditions"), upgraded("par", "w1", FULL)]
    assert region.cancel("par") == [released("par", "w1", "ended"), assigned("aff", "w1", ("480p30",), attempt=2)]


@pytest.mark.row("T13")
def test_who_has_most_loses_first_the_newest_of_them_and_the_largest_of_its_outputs(region):
    region.beat("w1", 2 * AFFILIATE_LOAD + 12.4)
    for session in ("a", "b"):
        assert region.ask(session, "affiliate", 1920, 1080) == [assigned(session, "w1", ("720p60", "480p30"))]
    region.ask("c", "affiliate")
    gone = [event for event in region.ask("p", "partner", 1920, 1080) if isinstance(event, JobPreempted)]
    assert [(event.session_id, event.renditions) for event in gone][:2] == [("b", ("480p30",)), ("a", ("480p30",))]


@pytest.mark.row("T11", "T2")
def test_a_busy_region_gives_affiliates_the_small_part_until_it_is_well_below_again(region):
    region.beat("w1", 430)
    loads = []
    for n in range(7):
        [event] = region.ask(f"a{n}", "affiliate", 1920, 1080)
        loads.append(event.renditions)
    assert loads == [("720p60", "480p30")] * 6 + [("480p30",)], "79 % with five of them, 94 % with six"
    assert region.ask("regular", "regular") == []
    assert region.cancel("a0") == [released("a0", "w1", "ended")]
    assert region.tick() == [], "81 %"
    assert region.cancel("a1") == [released("a1", "w1", "ended")]
    assert region.tick() == [upgraded("a6", "w1", ("720p60", "480p30"))], "66 % are well below"


@pytest.mark.row("T12")
def test_affiliates_are_not_upgraded_into_the_reserve(region):
    region.beat("w1", AFFILIATE_LOAD * 2)
    region.ask("a", "affiliate", 1920, 1080)
    region.ask("b", "affiliate", 1920, 1080)
    region.beat("w1", AFFILIATE_LOAD * 2 / 1.01)
    for _ in range(40):
        region.beat("w1", AFFILIATE_LOAD * 2 / 1.01)
        assert region.tick() == []


@pytest.mark.row("T8")
def test_memory_bounds_the_number_of_outputs(region):
    region.beat("w1", 1_000, outputs=4)
    assert region.ask("a") == [assigned("a", "w1")]
    assert region.ask("b") == [assigned("b", "w1", ("160p30",))]


def test_short_capacity_leaves_out_the_largest_and_frees_upgrade(region):
    region.beat("w1", FULL_LOAD + 10)
    region.ask("a")
    assert region.ask("b") == [assigned("b", "w1", ("360p30", "160p30"))]
    assert region.cancel("a") == [released("a", "w1", "ended"), upgraded("b", "w1", FULL)]


@pytest.mark.row("T15")
def test_the_oldest_that_waits_is_served_when_a_stream_ends(region):
    region.beat("w1", FULL_LOAD)
    region.ask("a")
    assert [region.ask(session, "affiliate") for session in ("x", "y", "z")] == [[], [], []]
    assert region.cancel("a") == [released("a", "w1", "ended"), assigned("x", "w1", ("480p30",))]


@pytest.mark.row("T15")
def test_the_oldest_is_upgraded_first_though_others_are_on_a_worker_with_more_room(region):
    region.beat("w1", 420)
    region.beat("w2", 420)
    for number in range(10):  # by turns on both; then affiliates get one output, for 80 % are in use
        region.ask(f"a{number}", "affiliate", 1920, 1080)
    assert region.ask("oldest", "affiliate", 1920, 1080) == [assigned("oldest", "w1", ("480p30",))]
    region.cancel("a9")
    for young in ("x", "y", "z"):
        assert region.ask(young, "affiliate", 1920, 1080) == [assigned(young, "w2", ("480p30",))]
    region.cancel("a7")
    both = ("720p60", "480p30")
    assert region.tick() == [upgraded("oldest", "w1", both), upgraded("x", "w2", both), upgraded("y", "w2", both)]
    assert region.tick() == [], "the reserve is partners'"


@pytest.mark.row("T16")
def test_halved_capacity_shrinks_affiliates_at_once_and_ends_nothing(region):
    region.beat("w1", 2 * AFFILIATE_LOAD)
    region.ask("a", "affiliate", 1920, 1080)
    region.ask("b", "affiliate", 1920, 1080)
    assert region.beat("w1", AFFILIATE_LOAD) == [preempted("b", "w1", ("480p30",), 0), preempted("a", "w1", ("480p30",), 0)]


@pytest.mark.row("T16")
def test_a_partner_that_its_worker_cannot_carry_any_more_gets_what_is_left(region):
    region.beat("w1", FULL_LOAD)
    region.ask("a")
    assert region.beat("w1", FULL_LOAD / 2) == [assigned("a", "w1", ("360p30", "160p30"), attempt=2, reason="rebalanced")]


def test_changed_source_changes_the_job(region):
    region.beat("w1", 100)
    region.ask("a")
    assert region.ask("a", width=640, height=360) == [assigned("a", "w1", ("160p30",), attempt=2, reason="rebalanced")]


def test_an_affiliate_becomes_a_partner(region):
    region.beat("w1", 100)
    region.ask("a", "affiliate")
    assert region.ask("a", "partner", 852, 480) == [assigned("a", "w1", ("360p30", "160p30"), attempt=2, reason="rebalanced")]


@pytest.mark.row("T18")
def test_a_full_region_passes_partners_on_to_the_nearest_that_is_not_and_rents_only_where_all_are(region):
    region.apply(RegionConfigured(region="local", peers=("near", "far")))
    region.tick()
    region.beat("w1", FULL_LOAD)
    region.beat("rented", 1_000, overflow=True)
    region.ask("a")
    region.apply(RegionReported(region="local", from_region="near", load=0.96))
    region.apply(RegionReported(region="local", from_region="far", load=0.5))
    [passed] = region.ask("b")
    assert (passed.region, passed.session_id, passed.spilled_from) == ("far", "b", "local")
    region.apply(RegionReported(region="local", from_region="far", load=0.97))
    assert region.ask("c") == [assigned("c", "rented")]
    [taken_back] = region.cancel("b")
    assert (type(taken_back), taken_back.region) == (TranscodeCancelled, "far")


@pytest.mark.row("T18")
def test_what_was_passed_on_is_not_passed_on_again(region):
    region.apply(RegionConfigured(region="local", peers=("near",)))
    region.apply(RegionReported(region="local", from_region="near", load=0.1))
    region.beat("w1", FULL_LOAD)
    region.ask("a")
    assert region.ask("b", spilled_from="near") == []


@pytest.mark.row("T18")
def test_what_becomes_free_is_given_first_to_who_is_on_a_rented_worker(region):
    region.beat("w1", FULL_LOAD)
    region.beat("rented", 1_000, overflow=True)
    region.ask("a")
    assert region.ask("b") == [assigned("b", "rented")]
    assert region.ask("aff", "affiliate") == []
    assert region.cancel("a") == [released("a", "w1", "ended"), assigned("b", "w1", attempt=2, reason="handed_over")]
    assert list(region.rows[WORKERS]["rented"].sessions) == []


@pytest.mark.row("T18")
def test_a_rented_worker_is_left_when_an_own_one_comes(region):
    region.beat("rented", 1_000, overflow=True)
    assert region.ask("a") == [assigned("a", "rented")]
    assert region.beat("w1", FULL_LOAD) == [assigned("a", "w1", attempt=2, reason="handed_over")]


@pytest.mark.row("T18")
def test_who_waits_comes_before_who_is_on_a_rented_worker(region):
    region.beat("rented", FULL_LOAD, overflow=True)
    region.ask("a")
    assert region.ask("b") == []
    assert region.beat("w1", FULL_LOAD) == [assigned("b", "w1")]


@pytest.mark.row("T18")
def test_peers_that_are_set_are_told_of_the_load_anew(region):
    region.apply(RegionConfigured(region="local", peers=("near",)))
    region.beat("w1", 100)
    assert [event.region for event in region.tick()] == ["near"]
    region.apply(RegionConfigured(region="local", peers=("near", "far")))
    assert [event.region for event in region.tick()] == ["near", "far"]


@pytest.mark.row("T18")
def test_a_region_that_says_how_full_it_is_is_told_in_turn(region):
    """It may pass sessions on to this one, which has no peers itself."""
    region.beat("w1", 100)
    region.tick()
    region.apply(RegionReported(region="local", from_region="far", load=0.97))
    assert [(event.region, event.load) for event in region.tick()] == [("far", 0.0)]
    region.apply(RegionReported(region="local", from_region="far", load=0.99))
    assert region.tick() == []


@pytest.mark.row("T18")
def test_peers_are_told_of_the_load(region):
    region.apply(RegionConfigured(region="local", peers=("near", "far")))
    region.beat("w1", 100)
    region.ask("a")
    assert [(event.region, event.from_region) for event in region.tick()] == [("near", "local"), ("far", "local")]
    region.beat("w1", 100)
    assert region.tick() == []


def test_cancel_of_an_unknown_session_and_foreign_events_change_nothing(region):
    region.beat("w1")
    assert region.cancel("x") == []
    assert region.report("x", "w1") == []
    assert region.apply(assigned("x", "w1")) == []
    assert list(region.rows[WORKERS]) == ["w1"]
