"""What breaks in the middle of a stream heals without the viewer's help."""

import asyncio
import os
import signal

import pytest
from playwright.async_api import Browser

from tests.chromium import until
from tests.live import Live, Stage
from tests.viewer import PICTURE, viewing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.row("I8", "P7")
@pytest.mark.parametrize("low_latency", [True, False])
async def test_publisher_gone_for_four_seconds_is_no_fatal_error(browser: Browser, stage: Stage, low_latency: bool) -> None:
    account = await stage.account()
    publisher = await stage.publish(account)
    async with viewing(browser, f"{stage.system.url}/{account.login}", lowLatency=low_latency) as viewer:
        await viewer.playing()
        await viewer.sees(3)
        await publisher.vanish()
        await asyncio.sleep(4)
        await stage.publish(account)
        await viewer.sees(12)
        seen = await viewer.sees(4)
        assert len(seen.samples) > 60  # of 120 pictures
        assert seen.latency(50) < (3 if low_latency else 8)
        assert viewer.fatal == []
        assert await viewer.state() == "playing"


async def test_lost_network_comes_back_without_reload(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        await viewer.playing()
        await viewer.page.context.set_offline(True)
        await asyncio.sleep(9)
        assert await viewer.state() != "playing"
        await viewer.page.context.set_offline(False)
        await viewer.sees(8)
        seen = await viewer.sees(4)
        assert len(seen.samples) > 60
        assert seen.latency(50) < 8  # the picture stood still anyway: it goes on at its place, not nine seconds behind
        assert viewer.fatal == []


@pytest.mark.row("P12")
async def test_origin_killed_is_not_seen_in_normal_mode(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        await viewer.playing()
        await viewer.sees(3)
        (pid,) = live.system.pids("origin")
        os.kill(pid, signal.SIGKILL)
        seen = await viewer.sees(20)
        assert sum(seen.gaps()) < 4  # it is back before the buffer has run dry, or soon after
        after = await viewer.sees(4)
        assert len(after.samples) > 60
        assert viewer.fatal == []


@pytest.mark.row("U3")
async def test_channel_that_ends_and_returns_plays_without_reload(browser: Browser, stage: Stage) -> None:
    account = await stage.account()
    page = f"{stage.system.url}/{account.login}"
    async with viewing(browser, page) as viewer:
        await until(viewer.page, "document.querySelector('.player__cover')?.textContent.includes('is offline')")
        publisher = await stage.publish(account)
        await viewer.playing()
        await publisher.stop()
        await until(viewer.page, "document.querySelector('.player__cover').textContent.includes('Last live')", 60)
        await stage.publish(account)
        await until(viewer.page, f"{PICTURE} && document.querySelector('.player__cover').hidden")
        assert len((await viewer.sees(3)).samples) > 40
        assert viewer.fatal == []


@pytest.mark.row("U10")
async def test_unknown_channel_says_so(browser: Browser, live: Live) -> None:
    async with viewing(browser, f"{live.system.url}/nobody_at_all") as viewer:
        await until(viewer.page, "document.querySelector('.player__cover')?.textContent.includes('No such channel')")
