"""The strict client finds nothing wrong with a live origin; and it finds what is wrong."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import hls_checker
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
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


@asynccontextmanager
async def live(tamper: Callable[[str], str] | None = None) -> AsyncIterator[LiveOrigin]:
    """An origin that is live, its playlists perhaps tampered with."""
    world, channel = World(), Channel([encoded(), encoded("160p30", 160, 90), sound()])
    world.publisher.publish(profile())
    world.publisher.publish(channel.started())
    await world.produce(channel.segments(6))
    channel.interrupt(4)
    await world.produce(channel.segments(14))
    running = LiveOrigin(world)
    if tamper is not None:
        running.app.middlewares.insert(0, tampering(tamper))
    async with running:
        publishing = asyncio.create_task(publish(world, channel))
        yield running
        publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publishing


def tampering(tamper: Callable[[str], str]) -> Middleware:
    """Changes playlists on their way out."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        if isinstance(answer, web.Response) and isinstance(answer.body, bytes) and answer.content_type == "application/vnd.apple.mpegurl":
            answer.body = tamper(answer.body.decode()).encode()
        return answer

    return middleware


@pytest.fixture
async def origin() -> AsyncIterator[LiveOrigin]:
    """An origin that is live."""
    async with live() as running:
        yield running


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


@pytest.mark.parametrize(
    ("check", "pattern", "by"),
    [
        ("pdt-present", r"#EXT-X-PROGRAM-DATE-TIME.*\n", ""),
        ("pdt-continuous", r"T(\d\d:\d\d):\d\d\.", r"T\1:07."),
        ("target-duration", r"#EXTINF:2", "#EXTINF:3"),
        ("part-target", r"PART-TARGET=0.2", "PART-TARGET=0.1"),
        ("server-control", r"PART-HOLD-BACK=1", "PART-HOLD-BACK=0"),
        ("map-present", r"#EXT-X-MAP.*\n", ""),
        ("parts-join-to-segment", r"(#EXT-X-PART:.*\.)3\.m4s", r"\g<1>2.m4s"),
        ("bandwidth-covers", r"BANDWIDTH=\d\d", "BANDWIDTH=1"),
        ("aligned-renditions", r"(.*source/init-0(.*\n)*)#EXT-X-DISCONTINUITY\n", r"\1"),
        ("skip-merge", r"SKIPPED-SEGMENTS=1", "SKIPPED-SEGMENTS="),
        ("rendition-report", r'URI="audio.m3u8",LAST', 'URI="other.m3u8",LAST'),
        ("iframe-one-picture", r"BYTERANGE:(\d+)", "BYTERANGE:50"),
    ],
)
async def test_the_strict_client_finds_what_is_wrong(check: str, pattern: str, by: str) -> None:
    async with live(lambda text: re.sub(pattern, by, text)) as origin:
        results = await hls_checker.check(f"{origin.url}/live/ana/master.m3u8", origin.client, [check])
    assert [(result.check, result.outcome) for result in results] == [("master-loads", "ok"), (check, "FAIL")]
