"""The features job on a Flink session cluster: submitted, replaced after a kill without a second one, and taken away at the end."""

import time
from pathlib import Path

import msgspec
import pytest
from redis_server import redis_server
from registry_server import serving

from infra.settings import Settings
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from tests.features_job import START_S, FeaturesJob
from tests.features_log import FeaturesLog
from tests.features_stage import SECOND, STEP, truth
from tests.flink_session import Session, flink_session

LENGTH = 200


@pytest.mark.flink
@pytest.mark.broker
@pytest.mark.kill
@pytest.mark.timeout(600)
@pytest.mark.row("F6", "U9")
def test_a_killed_process_leaves_its_job_to_the_next_which_goes_on_from_the_newest_checkpoint(
    private_kafka, tmp_path: Path, settings: Settings
) -> None:
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    try:
        with serving(log) as registry, redis_server(tmp_path) as port, flink_session(tmp_path / "session") as session:
            settings = msgspec.structs.replace(
                settings, kafka=private_kafka.bootstrap, registry=registry, redis=f"redis://127.0.0.1:{port}", flink=session.url
            )
            stage = FeaturesLog(log, registry, LENGTH)
            expected = truth(stage.made, range(stage.began + STEP, stage.began + LENGTH * SECOND + 1, STEP))
            job = FeaturesJob(settings)
            job.start()
            try:
                stage.append(0, LENGTH // 2)
                stage.until(job, lambda vectors: len(vectors) > 15)
                checkpoint = job.checkpoint()
            finally:
                job.kill()
            (left,) = running(session)
            assert left == checkpoint.parent.name, "the cluster goes on without the process"
            with job:
                stage.until(job, lambda _: session.jobs()[left] == "CANCELED" and len(session.jobs()) == 2)
                (second,) = running(session)
                stage.append(LENGTH // 2, LENGTH + 20)
                stage.until(job, lambda vectors: expected.keys() <= vectors.keys())
                recovered = session.get(f"/jobs/{second}/checkpoints")["latest"]["restored"]
                assert f"/{left}/chk-" in recovered["external_path"]
            assert running(session) == []
            assert list((settings.folder / "flink").glob(f"*/{second}/chk-*/_metadata")), "the last checkpoint is kept for the next start"
            assert {key: vector for key, vector in stage.vectors().items() if key in expected} == expected
    finally:
        log.close()


def running(session: Session) -> list[str]:
    """Jobs that run, once none is about to."""
    deadline = time.monotonic() + START_S
    while any(state not in {"RUNNING", "CANCELED", "FINISHED", "FAILED"} for state in session.jobs().values()):
        assert time.monotonic() < deadline, session.jobs()
        time.sleep(0.2)
    return [job for job, state in session.jobs().items() if state == "RUNNING"]
