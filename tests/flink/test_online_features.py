"""What pages were ranked by is what the same SQL makes of the log afterwards."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from redis_server import redis_server
from registry_server import serving

from infra.settings import CHECKOUT, Settings
from processors.recommend.features import NAMES
from schemas.events import RecommendationServed, StreamStarted
from sinks.features.store import FeatureStore
from sinks.recommend.view import Recommendations
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from tests.features_job import START_S, FeaturesJob
from tests.features_log import FeaturesLog
from tests.features_stage import SECOND

CHANNELS = tuple(str(n) for n in range(100, 200))
LENGTH, PART = 120, 20
PAGES = 17
"""After each part: so many of 100 places, six times, are 10,200."""


@pytest.mark.flink
@pytest.mark.broker
@pytest.mark.timeout(600)
@pytest.mark.row("E3", "F5")
async def test_more_than_10_000_vectors_that_pages_were_ranked_by_are_made_again_and_are_equal(
    private_kafka, tmp_path: Path, settings: Settings
) -> None:
    await asyncio.to_thread(ensure_topics, private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    try:
        with serving(log) as registry, redis_server(tmp_path) as port:
            settings = msgspec.structs.replace(
                settings, kafka=private_kafka.bootstrap, registry=registry, redis=f"redis://127.0.0.1:{port}"
            )
            with FeaturesJob(settings) as job:
                stage = FeaturesLog(log, registry, LENGTH, CHANNELS, sessions=8)
                for channel_id in CHANNELS:
                    stage.publisher.publish(_started(channel_id, stage.began))
                store = FeatureStore(settings.redis_url)
                view = Recommendations(log, stage.codec, stage.publisher, dict, store=store)
                await view.start()
                try:
                    await _served(stage, view, store, job)
                finally:
                    await view.close()
            served = stage.events(RecommendationServed)
            for name in ("viewers", "viewers_delta", "chat_rate"):
                assert any(item.features[NAMES.index(name)] for page in served for item in page.items), f"{name} is 0 throughout"
            item = served[-1].items[0]
            wrong = msgspec.structs.replace(item, features=tuple(value + 1 for value in item.features))
            stage.publisher.publish(msgspec.structs.replace(served[-1], items=(wrong,), event_id="", request_id="wrong"))
            assert log.flush(60)
            figures, told = await asyncio.to_thread(_verified, private_kafka.bootstrap, registry, tmp_path)
            assert figures["vectors"] > 3 * len(CHANNELS), "of several moments"
            assert figures["without_features"] < figures["compared"] / 10
            assert figures["compared"] == figures["logged"] > 10_000
            assert [each["channel_id"] for each in figures["wrong"]] == [wrong.channel_id], "what was made wrong on purpose is found"
            assert (told, figures["equal"]) == (1, figures["compared"] - 1), "and all others are equal"
    finally:
        log.close()


async def _served(stage: FeaturesLog, view: Recommendations, store: FeatureStore, job: FeaturesJob) -> None:
    """Pages while the recording goes on."""
    for first in range(0, LENGTH, PART):
        await asyncio.to_thread(stage.append, first, first + PART)
        due = stage.began + (first + PART) * SECOND - SECOND * 10
        deadline = time.monotonic() + START_S
        while not any(vector.window_end >= due for vector in (await store.get(CHANNELS)).values()):
            await asyncio.to_thread(job.check, deadline)
        await view.look()
        for _ in range(PAGES):
            view.page(None, len(CHANNELS), adult=True)


def _verified(bootstrap: str, registry: str, folder: Path) -> tuple[dict, int]:
    """What the command prints, and its exit code."""
    environment = {**os.environ, "CHRONICAST_KAFKA": bootstrap, "CHRONICAST_REGISTRY": registry, "CHRONICAST_HOME": str(folder)}
    command = [sys.executable, "-m", "infra.cli", "features", "verify", "--sample", "20000", "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.returncode


def _started(channel_id: str, at: int) -> StreamStarted:
    return StreamStarted(
        occurred_at=at,
        channel_id=channel_id,
        session_id=f"{channel_id}-1",
        login=channel_id,
        tier="regular",
        region="local",
        ingest_node="ingest-1",
        width=1_280,
        height=720,
        frame_rate=30.0,
        has_audio=True,
    )
