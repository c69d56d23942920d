"""Flink SQL reads our topics by its own `avro-confluent` format, through our registry."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from registry_server import get, serving

from infra.java import JARS, pyflink_environment
from schemas import events as e
from schemas.registry_http import HttpRegistry
from schemas.wire import Codec
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher

pytestmark = [pytest.mark.flink, pytest.mark.broker, pytest.mark.row("U11")]
SCRIPT = Path(__file__).with_name("profile_count.py")
CREATED = 1_767_225_600_000_000
CHANNELS = 500


def test_flink_sql_counts_what_was_published(private_kafka, tmp_path: Path) -> None:
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    try:
        with serving(log) as registry:
            publisher = Publisher(log, Codec(HttpRegistry(registry)), "test")
            for number in range(CHANNELS):
                profile = e.ChannelProfile(
                    channel_id=str(number),
                    login=f"channel{number}",
                    display_name="é",
                    tier="partner",
                    client_id="c",
                    created_at=CREATED + number,
                    mature=number < 100,
                    followers_only_minutes=2 if number < 50 else None,
                )
                publisher.publish(profile)
            assert log.flush(60)
            found = flink(private_kafka.bootstrap, registry, tmp_path)
            assert json.loads(get(f"{registry}/subjects")[1]) == ["channel.profile.state.v1-chronicast.channel.ChannelProfile"]
    finally:
        log.close()
    name = "chronicast.channel.ChannelProfile"
    assert sorted(found) == [
        [False, 400, 400, 400, CREATED + CHANNELS - 1, None, name],
        [True, 100, 100, 100, CREATED + 99, 100, name],
    ]


def flink(bootstrap: str, registry: str, scratch: Path) -> list[list[object]]:
    """The rows that the script's query gives, in a process of its own: Flink's JVM goes with it."""
    command = [sys.executable, str(SCRIPT), bootstrap, registry, str(JARS / "flink")]
    environment = {**os.environ, **pyflink_environment(scratch)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 0, done.stderr[-4000:]
    rows: list[list[object]] = json.loads(done.stdout.splitlines()[-1])
    return rows
