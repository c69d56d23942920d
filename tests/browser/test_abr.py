"""The picture follows the link."""

import asyncio

import pytest
from playwright.async_api import Browser, CDPSession

from tests import glass
from tests.chromium import until
from tests.live import Live
from tests.viewer import viewing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SETTLE_S = 10
ROUND_TRIP_MS = 20


async def throttle(devtools: CDPSession, megabits: float) -> None:
    """Limits the page's downloads."""
    conditions = {"offline": False, "latency": ROUND_TRIP_MS, "downloadThroughput": megabits * 1e6 / 8, "uploadThroughput": 1e6}
    await devtools.send("Network.emulateNetworkConditions", conditions)


@pytest.mark.row("P11")
async def test_rendition_falls_and_rises_with_the_link(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        devtools = await viewer.page.context.new_cdp_session(viewer.page)
        await devtools.send("Network.enable")
        await throttle(devtools, 8)
        await viewer.playing()
        height = "document.querySelector('video').videoHeight"
        await until(viewer.page, f"{height} === 720", 30)
        await asyncio.sleep(SETTLE_S)
        await throttle(devtools, 1)
        await until(viewer.page, f"{height} < 720", 30)
        await asyncio.sleep(SETTLE_S)
        await throttle(devtools, 8)
        await until(viewer.page, f"{height} === 720", 90)
        await asyncio.sleep(SETTLE_S)
        seen = await glass.seen(viewer.page)
        watched = (seen.until_ms - seen.since_ms) / 1000
        assert sum(seen.gaps()) / watched < 0.01
        assert viewer.fatal == []
