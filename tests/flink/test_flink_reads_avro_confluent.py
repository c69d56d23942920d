"""Flink SQL reads our topics by its own `avro-confluent` format, through our registry."""

import json
from pathlib import Path

import pytest
from registry_server import get, serving

from schemas import events as e
from schemas.registry_http import HttpRegistry
from schemas.wire import Codec
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher
from tests.flink_script import rows_of

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
            found = rows_of(SCRIPT, private_kafka.bootstrap, registry, scratch=tmp_path)
            assert json.loads(get(f"{registry}/subjects")[1]) == ["channel.profile.state.v1-chronicast.channel.ChannelProfile"]
    finally:
        log.close()
    name = "chronicast.channel.ChannelProfile"
    assert sorted(found) == [
        [False, 400, 400, 400, CREATED + CHANNELS - 1, None, name],
        [True, 100, 100, 100, CREATED + 99, 100, name],
    ]
