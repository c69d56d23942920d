"""Nothing stalls for a minute, or for ten with `--soak`."""

import pytest
from playwright.async_api import Browser

from tests.live import Live
from tests.viewer import viewing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(1500)]

SHORT_S, LONG_S, SETTLE_S = 60, 600, 8
PART_S, SEGMENT_S = 0.2, 2.0


@pytest.mark.row("P7", "P8")
@pytest.mark.parametrize("low_latency", [True, False], ids=["low", "normal"])
async def test_clean_link_has_no_stall(browser: Browser, live: Live, request: pytest.FixtureRequest, low_latency: bool) -> None:
    async with viewing(browser, live.page, lowLatency=low_latency, quality="source") as viewer:
        await viewer.playing()
        await viewer.sees(SETTLE_S)
        seen = await viewer.sees(LONG_S if request.config.getoption("--soak") else SHORT_S)
        unit = PART_S if low_latency else SEGMENT_S
        print(
            f"g2g p50 {seen.latency(50):.2f} p95 {seen.latency(95):.2f} s, ahead p50 {seen.buffered(50):.2f} s = "
            f"{seen.buffered(50) / unit:.1f} {'parts' if low_latency else 'segments'}, {seen.dropped} frames dropped, gaps {seen.gaps()}"
        )
        assert seen.gaps() == []
        assert seen.latency(95) < (3 if low_latency else 7)
        assert seen.buffered(50) > unit
        assert viewer.fatal == []
