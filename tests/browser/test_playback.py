"""The page plays a live channel: modes, qualities, latency."""

import time

import pytest
from playwright.async_api import Browser

from tests import glass
from tests.chromium import until
from tests.live import LADDER, Live, Stage
from tests.viewer import viewing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CLEAN_S = 15
"""Watched for latency. The machine runs the publisher, the encoders, the system and the browser, so bounds are wide: the bench tells
the figures, and the test that watches for a minute or ten says that nothing stalls."""


@pytest.mark.row("P18", "U3")
async def test_channel_plays_within_seconds(browser: Browser, live: Live) -> None:
    began = time.monotonic()
    async with viewing(browser, live.page) as viewer:
        await viewer.playing(seconds=10)
        assert time.monotonic() - began < 6
        assert await viewer.page.title() == f"{live.login} – Chronicast"
        seen = await viewer.sees(2)
        assert seen.samples
        assert not seen.unreadable
        assert viewer.fatal == []


@pytest.mark.row("P9", "P8")
async def test_normal_latency_is_the_default_and_keeps_two_segments_ahead(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        asked: list[str] = []
        viewer.page.on("request", lambda request: asked.append(request.url))
        await viewer.playing()
        assert await viewer.page.get_by_role("switch", name="Low latency").get_attribute("aria-checked") == "false"
        await viewer.sees(5)
        seen = await viewer.sees(CLEAN_S)
        assert 3 < seen.latency(50) < 8
        assert 2 < seen.buffered(50) < 7  # two to three segments, give or take what a busy machine does
        assert sum(seen.gaps()) < CLEAN_S / 10
        assert not [url for url in asked if "_HLS_part" in url]


@pytest.mark.row("P3", "P7", "P8")
async def test_low_latency_is_about_a_second_behind(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page, lowLatency=True) as viewer:
        await viewer.playing()
        await viewer.sees(5)
        seen = await viewer.sees(CLEAN_S)
        assert seen.latency(50) < 2.5
        assert sum(seen.gaps()) < CLEAN_S / 10
        assert viewer.fatal == []


@pytest.mark.row("P9")
async def test_mode_is_switched_without_reload(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        await viewer.playing()
        await viewer.page.evaluate("window.loadedOnce = true")
        await viewer.sees(3)
        slow = await viewer.sees(3)
        await viewer.controls()
        await viewer.page.get_by_role("switch", name="Low latency").click()
        await viewer.sees(6)
        fast = await viewer.sees(3)
        await viewer.page.keyboard.press("y")
        await viewer.sees(8)
        slow_again = await viewer.sees(3)
        assert fast.latency(50) + 1.5 < min(slow.latency(50), slow_again.latency(50))
        assert await viewer.page.evaluate("window.loadedOnce") is True
        assert viewer.fatal == []


@pytest.mark.row("P18")
async def test_quality_menu_lists_the_ladder_and_switches(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        await viewer.playing()
        await viewer.controls()
        await viewer.page.get_by_role("button", name="Quality").click()
        choices = viewer.page.get_by_role("menuitemradio")
        values = [await choice.get_attribute("data-value") for choice in await choices.all()]
        assert values == ["auto", *LADDER, "audio"]
        await viewer.page.keyboard.press("Escape")
        await viewer.choose("160p30")
        await until(viewer.page, "document.querySelector('video').videoHeight === 160", 40)
        await viewer.choose("source")
        await until(viewer.page, "document.querySelector('video').videoHeight === 720", 40)
        assert (await viewer.sees(1)).unreadable == 0
        assert viewer.fatal == []


@pytest.mark.row("P18", "S3")
@pytest.mark.parametrize("low_latency", [True, False])
async def test_renditions_that_come_while_one_watches_can_be_played(browser: Browser, stage: Stage, low_latency: bool) -> None:
    account = await stage.account()
    await stage.publish(account)
    async with viewing(browser, f"{stage.system.url}/{account.login}", lowLatency=low_latency, quality=LADDER[-1]) as viewer:
        await viewer.playing()
        await stage.system.answer("account", "promote", account.login, "partner")
        await until(viewer.page, "document.querySelector('video').videoHeight === 160", 30)
        await viewer.choose("source")
        await until(viewer.page, "document.querySelector('video').videoHeight === 720", 30)
        assert sum((await glass.seen(viewer.page)).gaps()) < 2
        assert viewer.fatal == []


@pytest.mark.row("P18")
async def test_sound_alone_plays(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        await viewer.playing()
        await viewer.choose("audio")
        video = "document.querySelector('video')"
        await until(viewer.page, f"{video}.videoWidth === 0 && {video}.readyState >= 3 && {video}.currentTime > 0")
        began = await viewer.page.evaluate(f"{video}.currentTime")
        await until(viewer.page, f"{video}.currentTime > {began} + 2")
        await viewer.choose("auto")
        await until(viewer.page, f"{video}.videoWidth > 0 && {video}.readyState >= 3")


@pytest.mark.row("I9", "P10")
async def test_player_reports_its_stage_of_the_budget(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        reports: list[dict[str, object]] = []
        viewer.page.on("request", lambda request: request.url.endswith("/api/quality") and reports.append(request.post_data_json))
        async with viewer.page.expect_response("**/api/quality", timeout=25_000) as answer:
            await viewer.playing()
        assert (await answer.value).status == 202
        report = reports[0]
        assert report["segment_event_id"]
        assert 1_000 < int(str(report["latency_ms"])) < 30_000
        stages = await viewer.page.evaluate(f"fetch('/api/channels/{live.login}/latency').then((answer) => answer.json())")
        assert "player" in {stage["stage"] for stage in stages["stages"] if stage["mode"] == "normal"}


@pytest.mark.row("E5", "U3")
async def test_who_watches_is_counted_once_through_rebuilds_and_shown_and_gone_once_it_leaves(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        await viewer.playing()
        shown = "document.querySelector('.about__viewers')?.textContent"
        await until(viewer.page, f"{shown} === '1 watching'", 30)
        await viewer.choose("audio")
        await viewer.page.wait_for_timeout(4_000)
        assert await viewer.page.evaluate(shown) == "1 watching"
        async with viewer.page.expect_request("**/api/sessions/leave"):
            await viewer.page.evaluate("dispatchEvent(new Event('pagehide'))")
