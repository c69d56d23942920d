"""What holds for the scheduler after any history of a region."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.transcode.ladder import Source, below, ladder
from processors.transcode.scheduler import SESSIONS, WORKER_TIMEOUT_US, WORKERS, SchedulerFold
from schemas.events import (
    EncoderReported,
    JobAssigned,
    JobReleased,
    Tick,
    TranscodeCancelled,
    TranscodeRequested,
    WorkerHeartbeat,
    WorkerStopped,
)
from streams.fold import At

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
            st.sampled_from(["partner", "affiliate"]),
            st.sampled_from(list(SIZES)),
            st.sampled_from([30.0, 60.0]),
        ),
        st.builds(lambda s: TranscodeCancelled(region="r", channel_id="c" + s, session_id=s, reason="unpublished"), SESSION),
        st.builds(
            lambda w, capacity, draining: WorkerHeartbeat(region="r", worker_id=w, capacity=capacity, sessions=(), draining=draining),
            WORKER,
            st.floats(0, 200),
            st.booleans(),
        ),
        st.builds(lambda w: WorkerStopped(region="r", worker_id=w), WORKER),
        st.builds(lambda s, w: EncoderReported(region="r", channel_id="c" + s, session_id=s, worker_id=w, cause="x"), SESSION, WORKER),
        st.just(Tick()),
    ),
    max_size=60,
)


def play(commands):
    """Rows, events and what the workers believe after a history."""
    fold, rows, events, beliefs, now = SchedulerFold(), defaultdict(dict), [], {}, 0
    for offset, command in enumerate(commands):
        now += 1_000_000 if isinstance(command, Tick) else 0
        for event in fold.apply(rows, command, At("media.capacity.commands.v1", 0, offset, now)):
            events.append(event)
            if isinstance(event, JobReleased):
                if beliefs.get(event.session_id, ("",))[0] == event.worker_id:
                    del beliefs[event.session_id]
            else:
                beliefs[event.session_id] = (event.worker_id, event.renditions)
    return rows, events, beliefs, now


def load_of(session, names):
    source = Source(session.width, session.height, session.frame_rate)
    return sum(rendition.load for rendition in below(source) if rendition.name in names)


@pytest.mark.row("T8")
@given(COMMANDS)
def test_capacity_is_never_exceeded(commands):
    rows, *_ = play(commands)
    for worker_id, worker in rows[WORKERS].items():
        assert sum(load_of(s, s.renditions) for s in rows[SESSIONS].values() if s.worker_id == worker_id) <= worker.capacity + 1e-6


@pytest.mark.row("T10", "T13")
@given(COMMANDS)
def test_no_affiliate_holds_what_a_partner_lacks(commands):
    rows, *_ = play(commands)
    sessions = rows[SESSIONS].values()
    for partner in (s for s in sessions if s.tier == "partner"):
        wanted = ladder("partner", Source(partner.width, partner.height, partner.frame_rate))
        lacking = [r for r in wanted if r.name not in partner.renditions]
        if not lacking:
            continue
        least = min(r.load for r in lacking)
        for worker_id, worker in rows[WORKERS].items():
            if worker.draining and worker_id != partner.worker_id:
                continue
            if partner.worker_id in ("", worker_id):
                others = sum(load_of(s, s.renditions) for s in sessions if s.worker_id == worker_id and s.tier == "partner")
                assert least > worker.capacity - others - 1e-6, f"{worker_id} has room for {lacking}"


@given(COMMANDS)
def test_workers_know_of_each_session_what_the_rows_say(commands):
    rows, _, beliefs, _ = play(commands)
    assert beliefs == {name: (s.worker_id, s.renditions) for name, s in rows[SESSIONS].items() if s.worker_id}


@pytest.mark.row("T19")
@given(COMMANDS)
def test_jobs_are_only_with_the_living(commands):
    rows, _, _, now = play([*commands, Tick()])
    assert {s.worker_id for s in rows[SESSIONS].values() if s.worker_id} <= set(rows[WORKERS])
    assert all(now - worker.seen <= WORKER_TIMEOUT_US for worker in rows[WORKERS].values())


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
