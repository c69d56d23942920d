"""hls.js plays what was live: rewound while it goes on, and as a VOD once it has ended."""

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest
from playwright.async_api import Browser, Page, Route

from tests import glass
from tests.chromium import until
from tests.live import Stage
from tests.viewer import viewing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HLS = Path(__file__).parents[2] / "sinks" / "page" / "node_modules" / "hls.js" / "dist" / "hls.min.js"
PAGE = """<!doctype html><video muted playsinline></video><script src=hls.js></script><script>
const video = document.querySelector('video'), errors = [], hls = new Hls({startPosition: 0});
hls.on(Hls.Events.ERROR, (_, e) => { if (e.fatal) errors.push(e.details); });
hls.loadSource(SOURCE); hls.attachMedia(video); video.play();
</script>"""
LIVE_S = 12
HOURS, SEGMENT_S = 10, 2
PLAYLIST = "application/vnd.apple.mpegurl"
TIMESCALE = {False: 90_000, True: glass.SAMPLE_RATE}
"""Of a track, by whether it is sound."""


@pytest.mark.row("E8", "V7")
async def test_a_stream_is_rewound_while_live_and_its_vod_plays_whole_and_seeks(browser: Browser, stage: Stage) -> None:
    account = await stage.account()
    publisher = await stage.publish(account)
    url = stage.system.url
    async with viewing(browser, "about:blank") as blank:
        page = blank.page
        await asyncio.sleep(LIVE_S)
        await play(page, url, f"/live/{account.login}/rewind.m3u8")
        await until(page, "video.currentTime > 1 && video.duration > 0")
        assert await page.evaluate("hls.liveSyncPosition - video.currentTime") > 2, "it plays the edge, not the past"
        await publisher.stop()

        vod = await archived(url, account.login)
        await play(page, url, vod["playlist"])
        await until(page, "video.currentTime > 1")
        assert abs(await page.evaluate("video.duration") - vod["duration_ms"] / 1_000) < 0.1
        await page.evaluate("video.currentTime = video.duration - 2")
        await until(page, "video.ended")
        assert await page.evaluate("video.webkitDroppedFrameCount + video.getVideoPlaybackQuality().totalVideoFrames") > 60
        assert await page.evaluate("errors") == []
        await seeks(page, url, vod["playlist"])


async def seeks(page: Page, url: str, playlist: str) -> None:
    """Ten hours, made of the recording over and over: a seek loads one or two segments of a track, the first with the moment in it."""
    begins: dict[str, float] = {}

    async def longer(route: Route) -> None:
        head, _, rest = (await (await route.fetch()).text()).partition("#EXTINF:")
        text, names = [head], [line for line in rest.splitlines() if line.endswith(".m4s")][:-1]
        for number in range(HOURS * 3600 // SEGMENT_S):
            copy, place = divmod(number, len(names))
            text.append(f"#EXTINF:{SEGMENT_S:.3f},\n{names[place]}?copy={copy}\n")
            begins[urljoin(route.request.url, f"{names[place]}?copy={copy}")] = number * SEGMENT_S
        await route.fulfill(body="".join((*text, "#EXT-X-ENDLIST\n")), content_type=PLAYLIST)

    async def later(route: Route) -> None:
        asked = route.request.url
        seconds = begins[asked] - begins[f"{asked.partition('?')[0]}?copy=0"]
        await route.fulfill(body=moved(await (await route.fetch()).body(), int(seconds) * TIMESCALE["/audio/" in asked]))

    await page.route("**/vod/*/*/index.m3u8", longer)
    await page.route("**/vod/*/*/*.m4s?copy=*", later)
    await play(page, url, playlist)
    await page.evaluate("hls.config.maxBufferLength = hls.config.maxMaxBufferLength = 1")  # what is loaded is what is needed
    await until(page, "video.currentTime > 0.5")
    for moment in (18_000.75, 35_000.5, 60.25):
        await page.evaluate("video.pause()")
        await until(page, "video.buffered.end(video.buffered.length - 1) > video.currentTime + 1")
        asked: list[str] = []
        page.on("request", hear := partial(lambda asked, request: asked.append(request.url), asked))
        await page.evaluate(f"new Promise((done) => {{ video.onseeked = done; video.currentTime = {moment}; }})")
        page.remove_listener("request", hear)
        assert await page.evaluate("video.currentTime") == moment
        assert sum(each.endswith(".m3u8") for each in asked) <= 1
        tracks = {track: [begins[each] for each in asked if each in begins and ("/audio/" in each) == track] for track in (False, True)}
        for found in tracks.values():
            assert len(found) in (1, 2), tracks
            assert found[0] <= moment < found[0] + SEGMENT_S, tracks
    assert await page.evaluate("errors") == []
    await page.unroute_all(behavior="ignoreErrors")  # what is being loaded ahead


def moved(media: bytes, ticks: int) -> bytes:
    """Fragments, some ticks later: counts up each base media decode time (ISO/IEC 14496-12 section 8.8.12)."""
    head, *rest = media.split(b"tfdt\1\0\0\0")
    return b"tfdt\1\0\0\0".join((head, *((int.from_bytes(each[:8], "big") + ticks).to_bytes(8, "big") + each[8:] for each in rest)))


async def play(page: Page, url: str, playlist: str) -> None:
    """Opens a page of another site that plays a playlist with hls.js from its beginning."""

    async def serve(route: Route) -> None:
        if route.request.url.endswith("hls.js"):
            await route.fulfill(path=HLS, content_type="text/javascript")
        else:
            await route.fulfill(body=PAGE.replace("SOURCE", repr(url + playlist)), content_type="text/html")

    await page.route("**/foreign/**", serve)
    await page.goto(f"{url}/foreign/page.html")


async def archived(url: str, login: str) -> Any:
    """A channel's VOD, waited for."""
    deadline = time.monotonic() + 30
    async with aiohttp.ClientSession(url) as client:
        while time.monotonic() < deadline:
            async with client.get("/api/vods", params={"channel": login}) as answer:
                found = (await answer.json())["vods"]
            if found:
                return found[0]
            await asyncio.sleep(0.5)
    raise TimeoutError(f"{login} has no VOD")
