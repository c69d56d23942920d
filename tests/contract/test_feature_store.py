"""Vectors in a real Redis: the newest is read, a stale one is not there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis_server import redis_server

from infra import ports
from schemas.events import StreamFeatures
from sinks.features.store import TTL_US, FeatureStore
from sinks.recommend.featured import Featured

NOON = 1_795_651_200_000_000
STEP = 10_000_000


class Clock:
    """Turned by the test."""

    now = NOON

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path) as port:
        yield f"redis://127.0.0.1:{port}"


@asynccontextmanager
async def opened(url: str, clock: Clock) -> AsyncIterator[FeatureStore]:
    store = FeatureStore(url, clock)
    yield store
    await store.close()


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


@pytest.mark.row("F7")
async def test_what_was_written_is_read_in_one_batch_and_streams_without_features_are_left_out(redis: str) -> None:
    async with opened(redis, Clock()) as store:
        await store.put([vector(str(n), NOON, n) for n in range(1_300)])
        found = await store.get([str(n) for n in range(2_600)])
        assert {stream_id: each.viewer_count for stream_id, each in found.items()} == {str(n): n for n in range(1_300)}
        assert (found["7"].viewer_trend, found["7"].raid_viewers, found["7"].window_end) == (-2, 250, NOON)
        assert await store.get([]) == {}


@pytest.mark.row("F5")
async def test_30_s_after_the_moment_that_they_are_of_features_are_gone_and_the_ranker_has_its_defaults(redis: str) -> None:
    clock = Clock()
    clock.now = NOON + TTL_US - 3_000_000
    async with opened(redis, clock) as store:
        ranker = Featured(store)
        await store.put([vector("42", NOON), vector("43", NOON - STEP)])
        before = await ranker.observed(["42", "43"], clock.now)
        assert before.viewers.tolist() == [3, 0], "the other one was too old on arrival"
        assert (before.trend.tolist(), before.chat_rate.tolist(), before.moments.tolist()) == ([-2, 0], [9, 0], [NOON, 0])
        async with asyncio.timeout(TTL_US / 2e6):
            while await store.get(["42"]):
                await asyncio.sleep(0.1)
        after = await ranker.observed(["42"], clock.now)
        assert (after.viewers.tolist(), after.trend.tolist(), after.chat_rate.tolist(), after.moments.tolist()) == ([0], [0], [0], [0])


@pytest.mark.row("F5")
async def test_without_redis_the_ranker_has_its_defaults() -> None:
    (port,) = ports.free(1)
    async with opened(f"redis://127.0.0.1:{port}", Clock()) as store:
        observed = await Featured(store).observed(["42"], NOON)
    assert (observed.viewers.tolist(), observed.moments.tolist()) == ([0], [0])


@pytest.mark.row("F6")
async def test_vectors_that_are_sent_again_after_a_failure_change_nothing(redis: str) -> None:
    async with opened(redis, Clock()) as store:
        await store.put([vector("42", NOON - STEP, 1), vector("42", NOON, 2)])
        await store.put([vector("42", NOON - STEP, 1)])
        assert (await store.get(["42"]))["42"].viewer_count == 2
