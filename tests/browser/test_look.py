"""How the page looks and how it is operated: every size and theme, keyboard, names."""

import itertools
import json
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest
from playwright.async_api import Browser

from tests.chromium import until
from tests.live import Live
from tests.viewer import PICTURE, viewing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
THEMES = ("dark", "light")
NAMELESS = """[...document.querySelectorAll('button')].filter((b) => !b.ariaLabel && !b.textContent.trim()).map((b) => b.className)"""
"""Buttons that a screen reader has no name for."""


@pytest.mark.row("U3")
@pytest.mark.parametrize(("size", "theme"), list(itertools.product(SIZES, THEMES)))
async def test_every_size_and_theme_fits_the_screen(browser: Browser, live: Live, shots: Path, size: str, theme: str) -> None:
    width, height = SIZES[size]
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name, path in {"home": "/", "watch": f"/{live.login}"}.items():
        await page.goto(live.system.url + path)
        await until(page, PICTURE)
        await page.mouse.move(width / 2, 200)
        await until(page, "document.querySelector('.latency').textContent !== '–'")
        await page.screenshot(path=shots / f"{name}-{size}-{theme}.png")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate("[...document.querySelectorAll('button')].every((one) => one.ariaLabel || one.textContent.trim())")
        outside = (
            "[...document.querySelectorAll('.controls button')].filter((one) => one.getBoundingClientRect().right > innerWidth).length"
        )
        assert await page.evaluate(outside) == 0
    await context.close()
    assert complaints == []  # the content security policy's violations would be here too


async def test_theme_button_wins_over_the_system_and_is_kept(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        ground = "getComputedStyle(document.body).backgroundColor"
        before = await viewer.page.evaluate(ground)
        await viewer.page.get_by_role("button", name="Dark theme").or_(viewer.page.get_by_role("button", name="Light theme")).click()
        after = await viewer.page.evaluate(ground)
        assert after != before
        await viewer.page.reload()
        assert await viewer.page.evaluate(ground) == after


async def test_player_is_operated_by_keys(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.page) as viewer:
        page, video = viewer.page, "document.querySelector('video')"
        await viewer.playing()
        await page.keyboard.press("k")
        assert await page.evaluate(f"{video}.paused")
        await page.keyboard.press("k")
        assert not await page.evaluate(f"{video}.paused")
        await page.keyboard.press("m")
        assert await page.evaluate(f"{video}.muted")
        await page.keyboard.press("t")
        assert await page.evaluate("document.documentElement.classList.contains('theatre')")
        await page.keyboard.press("t")
        await page.keyboard.press("ArrowLeft")
        await until(page, "document.querySelector('.live-pill').textContent === 'Go live'")
        await page.keyboard.press("l")
        await until(page, "document.querySelector('.live-pill').textContent === 'Live'")
        await page.keyboard.press("?")
        assert await page.get_by_role("dialog").is_visible()
        await page.keyboard.press("Escape")
        assert not await page.get_by_role("dialog").is_visible()


async def test_start_page_leads_to_the_channel_with_the_picture_running(browser: Browser, live: Live) -> None:
    async with viewing(browser, live.system.url) as viewer:
        await viewer.playing()
        await viewer.page.evaluate("window.loadedOnce = true")
        await viewer.page.get_by_role("link", name="Watch", exact=True).click()
        await until(viewer.page, "document.documentElement.dataset.view === 'watch'")
        assert viewer.page.url == live.page
        assert (await viewer.sees(2)).gaps() == []
        assert await viewer.page.evaluate("window.loadedOnce") is True
        await viewer.page.go_back()
        await until(viewer.page, "document.documentElement.dataset.view === 'home'")


@pytest.mark.row("I9")
async def test_page_names_segments_by_the_event_that_made_them(browser: Browser, live: Live) -> None:
    address = "42/9f6c/source/897685221.m4s"
    async with viewing(browser, live.page) as viewer:
        module = "new URL('reports.js', document.querySelector('script[type=module]').src).href"
        script = f"import({module}).then((reports) => reports.eventIdOf({json.dumps(f'{live.system.url}/media/{address}')}))"
        assert await viewer.page.evaluate(script) == str(uuid5(NAMESPACE_URL, address))
