"""Two regions that live: workers come, shrink and die, sessions come and go, time passes; what must hold is looked at after every step."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from processors.transcode.cluster import PEERS, REGION, SESSIONS, WORKERS, amount
from processors.transcode.placement import GRACE_S, RESERVE, SPILL, THROTTLE_OFF, THROTTLE_ON
from processors.transcode.scheduler import SchedulerFold
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
from streams.fold import At
from tests.folding import memory_rows

REGIONS = ("a", "b")
SECOND = 1_000_000
UPGRADE_S = 5
"""T15."""
WORKERS_OF = {region: [f"{region}{n}" for n in range(2)] + [f"{region}-rented"] for region in REGIONS}
ALL = [worker for workers in WORKERS_OF.values() for worker in workers]
INDEX = st.integers(0, 11)
MOST = 14
"""Sessions that are live at once."""
FLAPS = 5
REGION_OF = st.sampled_from(["a", "a", "a", "b"])
TIER = st.sampled_from(["affiliate"] * 4 + ["partner"] * 3 + ["regular"])
CAPACITY = st.sampled_from([300.0, 240.0, 90.0, 180.0, 90.0, 30.0, 0.0])
"""A large affiliate takes 75 % of 90, and a small one beside it 89 %."""


class Regions(RuleBasedStateMachine):
    """The scheduler of two regions that pass sessions on to each other, with a model of what was asked."""

    def __init__(self):
        super().__init__()
        self.fold = SchedulerFold()
        self.rows = {region: memory_rows() for region in REGIONS}
        self.beats = {}
        self.live = {}
        """Session -> its request."""
        self.preempted_at = {}
        """Session -> seconds at which it lost an output last."""
        self.offset = self.now = self.count = 0

    def send(self, event):
        """Folds a command, and what follows for the other region; all job events with their region."""
        found, todo = [], [(region, event) for region in REGIONS] if isinstance(event, Tick) else [(event.region, event)]
        while todo:
            region, each = todo.pop(0)
            if isinstance(each, Tick) and not self.rows[region][REGION]:
                continue
            throttled = self.throttled(region)
            self.offset += 1
            before = {name: session.load for name, session in self.rows[region][SESSIONS].items()}
            follows = list(self.fold.apply(self.rows[region], each, At("", 0, self.offset, self.now * SECOND)))
            if len(follows) == 1 and isinstance(follows[0], JobUpgraded):
                self.check_upgrade(region, follows[0].session_id, before)
            for made in follows:
                if isinstance(made, TranscodeRequested):
                    assert made.tier == "partner", "T18"
                    assert made.spilled_from == region
                    assert self.told(region) < SPILL, "T18: the other region has room"
                if isinstance(made, TranscodeRequested | TranscodeCancelled | RegionReported):
                    todo.append((made.region, made))
                elif not isinstance(made, DemandMeasured):
                    self.check(region, each, made)
                    found.append(made)
            if self.throttled(region) != throttled:
                assert self.load(region) <= THROTTLE_OFF if throttled else self.load(region) >= THROTTLE_ON, "T11"
        return found

    def check(self, region, command, made):
        """What holds for each job event."""
        request = self.live.get(made.session_id)
        tier = request.tier if request else None
        match made:
            case JobPreempted():
                assert tier == "affiliate", "T13: no partner loses an output to anybody"
                assert made.grace_seconds in (GRACE_S, 0 if isinstance(command, WorkerHeartbeat) else GRACE_S), (
                    "T14: only where less is there"
                )
                assert not isinstance(command, TranscodeRequested) or command.tier == "partner", "T10"
                if made.grace_seconds:
                    self.preempted_at[made.session_id] = self.now
            case JobReleased(reason="ended"):
                assert isinstance(command, TranscodeCancelled), "T16"
            case JobReleased(reason="no_renditions") if isinstance(command, Tick):
                assert self.now - self.preempted_at[made.session_id] >= GRACE_S, "T14"
            case JobAssigned() | JobUpgraded():
                worker = self.rows[region][WORKERS].get(made.worker_id)  # a Tick may find it silent after it gave it something
                if worker is not None and worker.overflow and isinstance(made, JobAssigned):
                    passed_on = self.rows[region][SESSIONS][made.session_id].passed_on
                    assert tier == "partner", "T18: rented for nobody else"
                    assert passed_on or self.told(region) >= SPILL, "T18: rented last"
                if isinstance(made, JobAssigned) and made.reason == "handed_over":
                    assert isinstance(command, WorkerHeartbeat | Tick | TranscodeCancelled)
                    assert tier == "partner" or isinstance(command, WorkerHeartbeat), "only partners are on rented workers"

    def check_upgrade(self, region, session_id, before):
        """Affiliates get more only below the reserve."""
        session, [row] = self.rows[region][SESSIONS][session_id], self.rows[region][REGION].values()
        if session.tier == "affiliate":
            assert (row.used - session.load.minus(before[session_id]).pixels) / row.capacity < 1 - RESERVE, "T12"

    def load(self, region):
        return next((row.load for row in self.rows[region][REGION].values()), 1.0)

    def throttled(self, region):
        return next((row.throttled for row in self.rows[region][REGION].values()), False)

    def told(self, region):
        """What a region was told last of the other one's load."""
        return next((peer.load for peer in self.rows[region][PEERS].values()), 1.0)

    def seconds(self, count):
        """Time passes; workers that live say so."""
        found = []
        for _ in range(count):
            self.now += 1
            for beat in list(self.beats.values()):
                found += self.send(beat)
            found += self.send(Tick())
        return found

    @initialize(near=CAPACITY, far=CAPACITY)
    def begin(self, near, far):
        for region, capacity in zip(REGIONS, (near, far), strict=True):
            self.send(RegionConfigured(region=region, peers=tuple(each for each in REGIONS if each != region)))
            for worker in WORKERS_OF[region][1:]:
                self.worker_says(worker, capacity, 0, draining=False)
        self.seconds(1)

    @rule(
        worker=st.sampled_from(ALL),
        capacity=CAPACITY,
        outputs=st.sampled_from([0, 4, 12]),
        draining=st.integers(0, 9).map(lambda n: n == 0),
    )
    def worker_says(self, worker, capacity, outputs, draining):
        self.beats[worker] = WorkerHeartbeat(
            region=worker[0],
            worker_id=worker,
            capacity=capacity,
            sessions=(),
            draining=draining,
            outputs=outputs,
            overflow="rented" in worker,
        )
        self.send(self.beats[worker])

    @rule(worker=st.sampled_from(ALL), says_good_bye=st.booleans())
    def worker_dies(self, worker, says_good_bye):
        self.beats.pop(worker, None)
        if says_good_bye:
            self.send(WorkerStopped(region=worker[0], worker_id=worker))

    @rule(tier=TIER, region=REGION_OF, large=st.booleans(), count=st.integers(1, 3))
    def streams_begin(self, tier, region, large, count):
        for _ in range(count if len(self.live) < MOST else 0):
            self.begins(tier, region, large=large)

    @rule(region=REGION_OF, wait=st.integers(1, GRACE_S))
    def a_partner_comes_to_a_busy_region(self, region, wait):
        while len(self.live) < MOST and self.load(region) < THROTTLE_ON:
            self.begins("affiliate", region, large=True)
        self.begins("partner", region, large=True)
        self.seconds(wait)

    @rule(index=INDEX)
    def stream_ends(self, index):
        if self.live:
            self.ends(sorted(self.live)[index % len(self.live)])

    @rule(index=INDEX)
    def encoder_fails(self, index):
        held = sorted(
            (session.worker_id, name) for rows in self.rows.values() for name, session in rows[SESSIONS].items() if session.worker_id
        )
        if held:
            worker, session = held[index % len(held)]
            self.send(EncoderReported(region=worker[0], channel_id="c", session_id=session, worker_id=worker, cause="killed"))

    @rule(count=st.sampled_from([1, 2, 12]))
    def time_passes(self, count):
        self.seconds(count)

    @rule(region=REGION_OF)
    def a_stream_flaps(self, region):
        """An affiliate that comes and goes takes nothing from anybody, and gives nobody what is taken back at once."""
        self.settle()
        changes = {}
        for _ in range(FLAPS):
            name = self.begins("affiliate", region, large=True)
            found = self.seconds(1)
            self.ends(name)
            for event in [*found, *self.seconds(1)]:
                if event.session_id != name:
                    changes.setdefault(event.session_id, []).append(event)
        assert all(len(events) <= 2 for events in changes.values()), ("T11", changes)

    def teardown(self):
        """When nothing happens, nothing is decided: what could be given is given within seconds, then there is peace."""
        self.settle()
        for region in REGIONS:
            self.nobody_waits_for_what_is_free(region)
        assert self.seconds(UPGRADE_S) == [], "T11"

    def settle(self):
        self.seconds(1)
        self.now += GRACE_S
        for beat in self.beats.values():
            self.send(beat)
        self.seconds(UPGRADE_S)

    def begins(self, tier, region, *, large):
        self.count += 1
        name = f"s{self.count:02d}"
        size = {"width": 1920, "height": 1080, "frame_rate": 60.0} if large else {"width": 1280, "height": 720, "frame_rate": 30.0}
        self.live[name] = TranscodeRequested(region=region, channel_id="c", session_id=name, tier=tier, **size)
        self.send(self.live[name])
        return name

    def ends(self, name):
        self.send(TranscodeCancelled(region=self.live[name].region, channel_id="c", session_id=name, reason="unpublished"))
        del self.live[name]

    def nobody_waits_for_what_is_free(self, region):
        """T15."""
        sessions, workers = self.rows[region][SESSIONS], self.rows[region][WORKERS]
        free = [worker for worker in workers.values() if not worker.draining and not worker.overflow]
        upgradable = not self.throttled(region) and self.load(region) < 1 - RESERVE
        for session in sessions.values():
            if session.peer or not session.ladder:
                continue
            missing = [each for each in session.ladder if each.name not in session.renditions]
            if not session.worker_id:
                assert not any(amount(session.ladder[-1:]).within(worker.room) for worker in free), "T15"
            elif not session.renditions and not session.windings:
                assert session.tier == "partner", "an affiliate that has nothing waits for any worker"
            elif workers[session.worker_id].draining:
                assert not any(amount(session.ladder[-1:]).within(worker.room) for worker in free), "a worker that goes is left"
            elif workers[session.worker_id].overflow:
                assert not any(amount(session.ladder).within(worker.room) for worker in free), "T18: rented ones are left first"
            elif missing and upgradable:
                assert not amount((min(missing, key=lambda each: each.load),)).within(workers[session.worker_id].room), "T15"

    @invariant()
    def capacity_is_never_exceeded(self):
        for rows in self.rows.values():
            assert all(worker.share.used.within(worker.capacity) for worker in rows[WORKERS].values()), "T8"

    @invariant()
    def no_stream_is_ended(self):
        for region in REGIONS:
            mine = {name for name, request in self.live.items() if request.region == region}
            home = {name for name, session in self.rows[region][SESSIONS].items() if not session.passed_on}
            assert home == mine, "T16"

    @invariant()
    def what_was_passed_on_is_there(self):
        for region in REGIONS:
            other = self.rows[REGIONS[1 - REGIONS.index(region)]][SESSIONS]
            away = {name for name, session in self.rows[region][SESSIONS].items() if session.peer}
            assert away == {name for name, session in other.items() if session.passed_on}, "T18"


Regions.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestRegions = pytest.mark.row("T8", "T11", "T13", "T14", "T15", "T16", "T18")(Regions.TestCase)
