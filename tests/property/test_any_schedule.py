"""What holds for the scheduler after any history of a region."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.transcode.cluster import BEATS, REGION, SESSIONS, TABLES, WORKERS, Amount, Cluster, Worker, amount
from processors.transcode.placement import GRACE_US
from processors.transcode.scheduler import WORKER_TIMEOUT_US, SchedulerFold
from schemas.events import (
    DemandMeasured,
    EncoderReported,
    JobAssigned,
    JobPreempted,
    JobReleased,
    Tick,
    TranscodeCancelled,
    TranscodeRequested,
    WorkerHeartbeat,
    WorkerStopped,
)
from streams.fold import At
from tests.folding import memory_rows

WORKER = st.sampled_from(["w1", "w2", "w3"])
SESSION = st.sampled_from([f"s{n}" for n in range(8)])
SIZES = {"2160": (3840, 2160), "1080": (1920, 1080), "720": (1280, 720), "160": (284, 160)}
COMMANDS = st.lists(
    st.one_of(
        st.builds(
            lambda s, tier, size, fps: TranscodeRequested(
                region="r", channel_id="c" + s, session_id=s, tier=tier, width=SIZES[size][0], height=SIZES[size][1], frame_rate=fps
            ),
            SESSION,
            st.sampled_from(["partner", "affiliate", "regular"]),
            st.sampled_from(list(SIZES)),
            st.sampled_from([30.0, 60.0]),
        ),
        st.builds(lambda s: TranscodeCancelled(region="r", channel_id="c" + s, session_id=s, reason="unpublished"), SESSION),
        st.builds(
            lambda w, capacity, draining, outputs: WorkerHeartbeat(
                region="r", worker_id=w, capacity=capacity, sessions=(), draining=draining, outputs=outputs, overflow=w == "w3"
            ),
            WORKER,
            st.floats(0, 200),
            st.booleans(),
            st.sampled_from([0, 0, 3, 8]),
        ),
        st.builds(lambda w: WorkerStopped(region="r", worker_id=w), WORKER),
        st.builds(lambda s, w: EncoderReported(region="r", channel_id="c" + s, session_id=s, worker_id=w, cause="x"), SESSION, WORKER),
        st.just(Tick()),
    ),
    max_size=60,
)


def play(commands):
    """Rows, events and what the workers believe after a history."""
    fold, rows, events, beliefs, now = SchedulerFold(), memory_rows(), [], {}, 0
    for offset, command in enumerate(commands):
        now += 1_000_000 if isinstance(command, Tick) else 0
        for event in fold.apply(rows, command, At("media.capacity.commands.v1", 0, offset, now)):
            events.append(event)
            if isinstance(event, DemandMeasured):
                continue
            if isinstance(event, JobAssigned) and event.reason == "handed_over":
                former = rows[WORKERS][beliefs[event.session_id][0]]
                assert former.draining or former.overflow, "nothing moves without need"
            if isinstance(event, JobReleased):
                if beliefs.get(event.session_id, ("",))[0] == event.worker_id:
                    del beliefs[event.session_id]
            else:
                beliefs[event.session_id] = (event.worker_id, event.renditions)
        check(rows)
    return rows, events, beliefs, now


def check(rows):
    """What holds after every event: no worker carries more than it can, and what is kept beside the sessions follows from them."""
    sessions, workers = rows[SESSIONS], rows[WORKERS]
    for worker_id, worker in workers.items():
        mine = [session for session in sessions.values() if session.worker_id == worker_id]
        load = amount(each for session in mine for each in session.ladder if each.name in session.renditions)
        winding = Amount(0, 0)
        for session in sessions.values():
            for one in session.windings:
                winding = winding.plus(one.amount) if one.worker_id == worker_id else winding
        assert worker.share.used == load.plus(winding)
        assert worker.share.winding == winding
        lacking = amount(each for session in mine for each in session.ladder if each.name not in session.renditions)
        assert worker.share.lacking == lacking
        assert worker.share.used.within(worker.capacity), "T8"
        assert set(worker.sessions) == {name for name, session in sessions.items() if session.worker_id == worker_id}
    assert all(session.worker_id in ("", *workers) for session in sessions.values())


@pytest.mark.row("T8")
@given(COMMANDS)
def test_capacity_is_never_exceeded_and_orders_hold_what_they_are_of(commands):
    rows, *_ = play(commands)
    rebuilt = memory_rows()
    cluster = Cluster(rebuilt)
    for worker_id, worker in rows[WORKERS].items():
        cluster.put(worker_id, Worker(worker.capacity, worker.draining, worker.overflow))
    for session_id, session in rows[SESSIONS].items():
        cluster.move(session_id, session)
    for table in TABLES:
        if table.name in {"room", "potential", "short", "overflow", "rented", "waiting", "winding"}:
            assert dict(rows[table]) == dict(rebuilt[table]), table.name
    for region in rows[REGION].values():
        assert (cluster.region.capacity, cluster.region.used, cluster.region.asked) == (region.capacity, region.used, region.asked)


@pytest.mark.row("T10", "T13")
@given(COMMANDS)
def test_only_affiliates_are_preempted(commands):
    _, events, *_ = play(commands)
    tiers = {}
    for command in commands:
        if isinstance(command, TranscodeRequested):
            tiers.setdefault(command.session_id, set()).add(command.tier)
    assert all("affiliate" in tiers[event.session_id] for event in events if isinstance(event, JobPreempted))


@pytest.mark.row("T10", "T12")
@given(COMMANDS)
def test_no_affiliate_keeps_what_a_partner_waits_for(commands):
    """Once all that winds down has: what a partner lacks on its worker, no affiliate there has."""
    beats = [command for command in commands if isinstance(command, WorkerHeartbeat)]
    rows, *_ = play([*commands, *(each for _ in range(GRACE_US // 1_000_000 + 2) for each in (Tick(), *beats))])
    sessions = rows[SESSIONS].values()
    for partner in (each for each in sessions if each.tier == "partner" and each.worker_id):
        lacking = [each for each in partner.ladder if each.name not in partner.renditions]
        worker = rows[WORKERS][partner.worker_id]
        if lacking and not worker.overflow:
            free = worker.capacity.minus(worker.share.used)
            assert not amount((min(lacking, key=lambda each: each.load),)).within(free)


@given(COMMANDS)
def test_workers_know_of_each_session_what_the_rows_say(commands):
    rows, _, beliefs, _ = play(commands)
    assert {name: held for name, held in beliefs.items() if held[1]} == {
        name: (s.worker_id, s.renditions) for name, s in rows[SESSIONS].items() if s.renditions
    }


@pytest.mark.row("T19")
@given(COMMANDS)
def test_jobs_are_only_with_the_living(commands):
    rows, _, _, now = play([*commands, Tick()])
    assert {s.worker_id for s in rows[SESSIONS].values() if s.worker_id} <= set(rows[WORKERS])
    heard = {worker_id: at for beats in rows[BEATS].values() for worker_id, at in beats.at.items()}
    assert all(now - at <= WORKER_TIMEOUT_US for at in heard.values())
    assert set(heard) == set(rows[WORKERS])


@pytest.mark.row("T16")
@given(COMMANDS)
def test_a_session_is_forgotten_only_when_cancelled(commands):
    rows, events, *_ = play(commands)
    wanted = set()
    for command in commands:
        if isinstance(command, TranscodeRequested):
            wanted.add(command.session_id)
        elif isinstance(command, TranscodeCancelled):
            wanted.discard(command.session_id)
    assert set(rows[SESSIONS]) == wanted
    attempts = defaultdict(int)
    for event in events:
        if isinstance(event, JobAssigned):
            assert event.attempt == attempts[event.session_id] + 1
            attempts[event.session_id] = event.attempt
        elif isinstance(event, JobReleased) and event.reason == "ended":
            attempts[event.session_id] = 0


@given(COMMANDS)
def test_same_history_gives_the_same_decisions(commands):
    assert play(commands)[1] == play(commands)[1]
