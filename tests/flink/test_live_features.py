"""The live job's vectors are those of the bounded run over the same log, also where its task manager is killed on the way."""

import os
import signal
from pathlib import Path

import msgspec
import pytest
from redis_server import redis_server
from registry_server import serving

from infra.settings import Settings
from schemas.events import MessagePosted
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from tests.features_job import FeaturesJob
from tests.features_log import FeaturesLog
from tests.features_stage import SECOND, STEP, truth
from tests.flink.test_features import rebuilt

LENGTH = 400
LATE = "late-1"


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
            stage = FeaturesLog(log, registry, LENGTH)
            job = FeaturesJob(settings)
            with job:
                stage.append(0, LENGTH // 2)
                stage.until(job, lambda vectors: len(vectors) > 30)
                checkpoint = job.checkpoint()
                os.kill(job.jvm(), signal.SIGKILL)
                assert job.ended() != 0, "the process goes with its JVM, so that the supervisor starts both anew"
            assert (checkpoint / "_metadata").exists()
            with job:
                stage.append(LENGTH // 2, LENGTH + 20)
                expected = truth(stage.made, range(stage.began + STEP, stage.began + LENGTH * SECOND + 1, STEP))
                stage.until(job, lambda vectors: expected.keys() <= vectors.keys())
                message = next(each.event for each in stage.made if isinstance(each.event, MessagePosted))
                stage.publisher.publish(msgspec.structs.replace(message, event_id=LATE, occurred_at=stage.began + 30 * SECOND))
                stage.until(job, lambda _: bool(stage.late()))
            assert {key: vector for key, vector in stage.vectors().items() if key in expected} == expected
            assert [(each.late_event_id, each.kind) for each in stage.late()] == [(LATE, MessagePosted.SCHEMA)]
            moments = [moment for _, moment in expected]
            assert rebuilt(private_kafka.bootstrap, registry, tmp_path, min(moments), max(moments)) == expected
    finally:
        log.close()
