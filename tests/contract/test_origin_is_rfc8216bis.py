"""The strict client finds nothing wrong with a live origin; and it finds what is wrong."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import hls_checker
import pytest
from live_channel import Channel, Made, encoded, sound
from live_origin import LiveOrigin, World, profile

from schemas.events import PartProduced

PACE_S = 0.1
"""Between two parts: twice as fast as live, so that the test takes half as long."""


async def publish(world: World, channel: Channel) -> None:
    """Goes on live until cancelled."""
    while True:
        for begins, made in itertools.groupby(channel.segment(), key=_is_first):
            if begins:
                await asyncio.sleep(PACE_S)
            await world.produce(made)


def _is_first(made: Made) -> bool:
    return isinstance(made.event, PartProduced) and made.event.rendition == "source"


@pytest.fixture
async def origin() -> AsyncIterator[LiveOrigin]:
    """An origin that is live."""
    world, channel = World(), Channel([encoded(), encoded("160p30", 160, 90), sound()])
    world.publisher.publish(profile())
    world.publisher.publish(channel.started())
    await world.produce(channel.segments(6))
    channel.interrupt(4)
    await world.produce(channel.segments(14))
    async with LiveOrigin(world) as running:
        publishing = asyncio.create_task(publish(world, channel))
        yield running
        publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publishing


@pytest.mark.row("P1", "P3", "P4", "P5", "P6", "P2")
@pytest.mark.parametrize("query", ["", "?latency=normal"])
async def test_every_check_of_the_strict_client_holds(origin: LiveOrigin, query: str) -> None:
    results = await hls_checker.check(f"{origin.url}/live/ana/master.m3u8{query}", origin.client)
    assert [result for result in results if result.outcome == "FAIL"] == []
    without_parts = {"part-target", "parts-join-to-segment", "block-reload-part", "preload-hint", "rendition-report"}
    assert {result.check for result in results if result.outcome == "n/a"} == (without_parts if query else set())


@pytest.mark.row("P1")
async def test_the_classic_stream_holds_too(origin: LiveOrigin) -> None:
    results = {result.check: result for result in await hls_checker.check(f"{origin.url}/live/ana/classic.m3u8", origin.client)}
    # AVERAGE-BANDWIDTH and FRAME-RATE came after version 3.
    assert [name for name, result in results.items() if result.outcome == "FAIL"] == ["master-attributes"]
    assert results["target-duration"].outcome == results["av-start"].outcome == "ok"
