"""The features by Flink SQL are those of their definitions, and a vector that was made once is made again."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from registry_server import serving

from infra.settings import CHECKOUT
from schemas.registry_http import HttpRegistry
from schemas.wire import Codec
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher
from tests.features_stage import FEATURES, SECOND, STEP, recording, truth

LENGTH = 400
BEGAN = (time.time_ns() // 1_000 // STEP * STEP) - (LENGTH + 20) * SECOND
"""Lately: the topic of chat keeps two hours, and the broker goes by when its events occurred."""


@pytest.mark.flink
@pytest.mark.broker
@pytest.mark.row("F2", "F3", "F4")
def test_every_vector_that_is_rebuilt_from_the_log_is_that_of_its_definition(private_kafka, tmp_path: Path) -> None:
    """Presence and trend by the viewers' own fold, the rest counted by hand; events come up to 1.5 s out of order."""
    made = recording(BEGAN, LENGTH)
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    try:
        with serving(log) as registry:
            publisher = Publisher(log, Codec(HttpRegistry(registry)), "test")
            for each in made:
                publisher.publish(each.event)
            assert log.flush(60)
            first, last = BEGAN + STEP, BEGAN + LENGTH * SECOND
            found = rebuilt(private_kafka.bootstrap, registry, tmp_path, first, last)
    finally:
        log.close()
    expected = truth(made, range(first, last + 1, STEP))
    assert len(expected) > 100
    for name in FEATURES:
        assert any(vector[name] for vector in expected.values()), f"{name} is 0 throughout: the recording shows nothing of it"
    assert found == expected


def rebuilt(bootstrap: str, registry: str, folder: Path, first: int, last: int) -> dict[tuple[str, int], dict[str, int]]:
    """What the command prints, by channel and moment."""
    since, at = (datetime.fromtimestamp(moment // SECOND, UTC).isoformat() for moment in (first, last))
    environment = {**os.environ, "CHRONICAST_KAFKA": bootstrap, "CHRONICAST_REGISTRY": registry, "CHRONICAST_HOME": str(folder)}
    command = [sys.executable, "-m", "infra.cli", "features", "rebuild", "--since", since, "--at", at, "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    vectors = {(row["channel_id"], row["window_end"]): {name: row[name] for name in FEATURES} for row in rows}
    assert len(vectors) == len(rows), "one vector a channel and moment"
    return vectors
