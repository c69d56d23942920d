"""A channel that is not for everybody: the gate before it, who comes in, and how it plays on beyond a pass's end."""

import asyncio

import pytest
from playwright.async_api import Browser, Page

from tests.chromium import until
from tests.live import Stage
from tests.system import PLAYBACK_S
from tests.viewer import PICTURE, viewing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.row("U3", "P18")]
COVER = "document.querySelector('.player__cover:not([hidden])')?.textContent ?? ''"
STOPPED = "document.querySelector('video').src === ''"


async def sign_in(page: Page, token: str) -> None:
    """By the form that is on screen."""
    form = page.locator("form", has=page.locator("input[name=token]")).locator("visible=true").first
    await form.get_by_label("Access token").fill(token)
    await form.get_by_role("button", name="Sign in").click()


async def test_strangers_are_out_within_seconds_and_a_subscriber_watches_on_beyond_the_end_of_his_pass(
    browser: Browser, stage: Stage
) -> None:
    channel, fan = await stage.account(), await stage.account()
    await stage.publish(channel)
    async with viewing(browser, f"{stage.system.url}/{channel.login}") as viewer:
        page, asked, refused = viewer.page, [], []
        page.on("request", lambda request: asked.append(request.url) if "/api/playback/" in request.url else None)
        page.on("response", lambda answer: refused.append(answer.url) if answer.status == 403 else None)
        await viewer.playing()
        await stage.system.command("account", "restrict", channel.login, "--subscribers")
        await until(page, f"({COVER}).includes('for subscribers') && {STOPPED}", 8)
        assert asked == [], "nobody is signed in: there is nothing to ask"

        await sign_in(page, fan.access_token)
        await until(page, f"({COVER}).includes('is not one of them')")
        await stage.system.command("account", "subscribe", fan.login, channel.login)
        await until(page, f"({COVER}) === '' && {PICTURE}", 30)
        asked.clear()
        refused.clear()
        viewer.fatal.clear()
        seen = await viewer.sees(PLAYBACK_S + 4)
        assert asked, "renewed before its end"
        assert (refused, viewer.fatal) == ([], [])
        assert seen.gaps(longer_than=2) == [], "no segment is missing"
        assert await page.evaluate("document.querySelector('video').currentSrc.startsWith('blob:')")
        assert not any("/~" in link for link in await page.eval_on_selector_all("[href], [src]", "all => all.map((one) => one.outerHTML)"))


async def test_the_owner_restricts_in_the_dashboard_and_a_visitor_confirms(browser: Browser, stage: Stage) -> None:
    channel = await stage.account()
    await stage.publish(channel)
    async with viewing(browser, f"{stage.system.url}/dashboard") as owner:
        await sign_in(owner.page, channel.access_token)
        await owner.page.get_by_label("For a mature audience: viewers confirm first").check()
        await until(owner.page, "document.body.textContent.includes('Saved.')")
    async with viewing(browser, f"{stage.system.url}/{channel.login}") as viewer:
        await until(viewer.page, f"({COVER}).includes('mature audience')")
        assert await viewer.page.evaluate(STOPPED)
        await viewer.page.get_by_role("button", name="Watch", exact=True).click()
        await viewer.playing()
        await asyncio.sleep(3)
        assert (viewer.fatal, await viewer.state()) == ([], "playing")
