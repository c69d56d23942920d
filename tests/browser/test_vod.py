"""hls.js plays what was live: rewound while it goes on, and as a VOD once it has ended."""

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Page, Route

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
