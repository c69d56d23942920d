"""The picture follows the link."""

import pytest
from playwright.async_api import Browser, CDPSession

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
        await until(viewer.page, "document.querySelector('video').videoHeight === 720", 30)
        wide = await viewer.sees(SETTLE_S)
        await throttle(devtools, 1)
        await until(viewer.page, "document.querySelector('video').videoHeight < 720", 30)
        narrow = await viewer.sees(SETTLE_S)
        await throttle(devtools, 8)
        await until(viewer.page, "document.querySelector('video').videoHeight === 720", 60)
        again = await viewer.sees(SETTLE_S)
        samples = [*wide.samples, *narrow.samples, *again.samples]
        watched = (samples[-1].at_ms - samples[0].at_ms) / 1000
        still = sum(gap for seen in (wide, narrow, again) for gap in seen.gaps())
        assert still / watched < 0.01
        assert viewer.fatal == []
