"""The live job's vectors are those of the bounded run over the same log, also where its task manager is killed on the way."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from redis_server import redis_server
from registry_server import serving

from infra.settings import Settings
from schemas import events as e
from schemas.registry_http import HttpRegistry
from schemas.wire import Codec
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher
from streams.reading import whole
from streams.topics import BY_NAME, OF_EVENT
from tests.features_job import START_S, FeaturesJob
from tests.features_stage import FEATURES, SECOND, STEP, recording, truth
from tests.flink.test_features import rebuilt

LENGTH = 400
TICKED = "media.capacity.commands.v1"
Vectors = dict[tuple[str, int], dict[str, int]]


@pytest.mark.flink
@pytest.mark.broker
@pytest.mark.kill
@pytest.mark.timeout(600)
@pytest.mark.row("F2", "F3", "F4", "F6")
def test_live_vectors_are_those_of_the_bounded_run_though_the_task_manager_is_killed_and_an_event_comes_late(
    private_kafka, tmp_path: Path, settings: Settings
) -> None:
    """The recording lies a little ahead of now, where the job begins; it reads it as fast as it can."""
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    try:
        with serving(log) as registry, redis_server(tmp_path) as port:
            settings = msgspec.structs.replace(
                settings, kafka=private_kafka.bootstrap, registry=registry, redis=f"redis://127.0.0.1:{port}"
            )
            stage = Stage(log, registry)
            job = FeaturesJob(settings)
            with job:
                stage.append(0, LENGTH // 2)
                stage.until(job, lambda vectors: len(vectors) > 30)
                first = job.checkpoint()
                os.kill(job.jvm(), signal.SIGKILL)
                assert job.ended() != 0, "the process goes with its JVM, so that the supervisor starts both anew"
            assert first.exists()
            with job:
                stage.append(LENGTH // 2, LENGTH + 20)
                expected = truth(stage.made, range(stage.began + STEP, stage.began + LENGTH * SECOND + 1, STEP))
                stage.until(job, lambda vectors: expected.keys() <= vectors.keys())
                late = e.MessagePosted(**stage.message, occurred_at=stage.began + 30 * SECOND, event_id="late-1")
                stage.publisher.publish(late)
                stage.until(job, lambda _: bool(stage.late()))
            found = {key: vector for key, vector in stage.vectors().items() if key in expected}
            assert found == expected
            assert [(each.late_event_id, each.kind) for each in stage.late()] == [("late-1", "chronicast.chat.MessagePosted")]
            moments = [moment for _, moment in expected]
            assert rebuilt(private_kafka.bootstrap, registry, tmp_path, min(moments), max(moments)) == expected
    finally:
        log.close()


class Stage:
    """A recording that is appended part by part, and what the job has made of it."""

    def __init__(self, log: KafkaLog, registry: str) -> None:
        self._log = log
        self._codec = Codec(HttpRegistry(registry))
        self.publisher = Publisher(log, self._codec, "test")
        self.began = (time.time_ns() // 1_000 // STEP + 6) * STEP
        self.made = recording(self.began, LENGTH)
        self.message = next(
            {name: getattr(each.event, name) for name in each.event.__struct_fields__ if name not in e.Tick.__struct_fields__}
            for each in self.made
            if isinstance(each.event, e.MessagePosted)
        )

    def append(self, first: int, last: int) -> None:
        """What reached the log between two seconds, and the Ticks of those seconds."""
        for second in range(first, last):
            for partition in range(BY_NAME[TICKED].partitions):
                self.publisher.tick(e.Tick(occurred_at=self.began + second * SECOND), TICKED, partition)
            for each in self.made:
                if second <= each.second < second + 1:
                    self.publisher.publish(each.event)
        assert self._log.flush(10)

    def vectors(self) -> Vectors:
        """What the job sent, once each.

        Raises:
            AssertionError: a vector was sent twice and differently.
        """
        found: Vectors = {}
        ids: dict[tuple[str, int], str] = {}
        for event in self._events(e.StreamFeatures):
            key = event.channel_id, event.window_end
            vector = {name: getattr(event, name) for name in FEATURES}
            assert found.setdefault(key, vector) == vector
            assert ids.setdefault(key, event.event_id) == event.event_id
        return found

    def late(self) -> list[e.FeatureInputLate]:
        return self._events(e.FeatureInputLate)

    def until(self, job: FeaturesJob, done: Callable[[Vectors], bool]) -> None:
        deadline = time.monotonic() + START_S
        while not done(self.vectors()):
            job.check(deadline)

    def _events(self, kind):
        return [self._codec.decode(record.value) for record in whole(self._log, OF_EVENT[kind].name)]
