"""Vectors in a real Redis: the newest is read, a stale one is not there."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis_server import redis_server

from schemas.events import StreamFeatures
from sinks.features.store import TTL_US, FeatureStore

NOON = 1_795_651_200_000_000
STEP = 10_000_000


class Clock:
    """Turned by the test."""

    now = NOON

    def __call__(self) -> int:
        return self.now


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator["Redis[bytes]"]:
    with redis_server(tmp_path) as port:
        client = Redis(port=port)
        yield client
        await client.aclose()


def vector(channel_id: str, window_end: int, viewers: int = 3) -> StreamFeatures:
    return StreamFeatures(
        channel_id=channel_id,
        window_end=window_end,
        viewer_count=viewers,
        viewer_trend=-2,
        join_count=1,
        chat_rate=9,
        chatter_count=4,
        follow_count=0,
        subscription_count=0,
        raid_viewers=250,
    )


@pytest.mark.row("F5", "F7")
async def test_what_was_written_is_read_in_one_batch_and_streams_without_features_are_left_out(redis: "Redis[bytes]") -> None:
    store = FeatureStore(redis, Clock())
    await store.put([vector(str(n), NOON, n) for n in range(1_300)])
    found = await store.get([str(n) for n in range(2_600)])
    assert {stream_id: each.viewer_count for stream_id, each in found.items()} == {str(n): n for n in range(1_300)}
    assert (found["7"].viewer_trend, found["7"].raid_viewers, found["7"].window_end) == (-2, 250, NOON)
    assert await store.get([]) == {}


@pytest.mark.row("F5")
async def test_a_source_that_stops_takes_its_features_away_30_s_after_the_moment_that_they_are_of(redis: "Redis[bytes]") -> None:
    clock = Clock()
    clock.now = NOON + TTL_US - 300_000
    store = FeatureStore(redis, clock)
    await store.put([vector("42", NOON), vector("43", NOON - STEP)])
    assert set(await store.get(["42", "43"])) == {"42"}, "the other one was too old on arrival"
    assert 0 < await redis.pttl("features:42") <= 300
    await asyncio.sleep(0.35)
    assert await store.get(["42"]) == {}


@pytest.mark.row("F6")
async def test_vectors_that_are_sent_again_after_a_failure_change_nothing(redis: "Redis[bytes]") -> None:
    store = FeatureStore(redis, Clock())
    await store.put([vector("42", NOON - STEP, 1), vector("42", NOON, 2)])
    await store.put([vector("42", NOON - STEP, 1)])
    assert (await store.get(["42"]))["42"].viewer_count == 2
