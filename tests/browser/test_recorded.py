"""Pages of what was, in a real browser: a clip from its button to its page, a VOD with its chat in step, and going back in what is live."""

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Page, Route

from tests.chromium import until
from tests.live import Live, Stage
from tests.system import Account, System
from tests.viewer import PICTURE

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

VIDEO = "document.querySelector('.recorded__video')"
PLAYLIST = "application/vnd.apple.mpegurl"
LINES = "[...document.querySelectorAll('.chat--replay .line__text')].map((one) => one.textContent)"
SIZES = {"wide": (1440, 900, "dark"), "narrow": (390, 844, "light")}


async def opened(browser: Browser, url: str, size: tuple[int, int, Any] = (1200, 760, "dark"), token: str = "") -> Page:
    """A page, signed in where a token is given; what it complains about fails the test."""
    width, height, theme = size
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    if token:
        await context.add_init_script(f"localStorage.setItem('chronicast', JSON.stringify({{ accessToken: '{token}' }}))")
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"{error}"))
    page.on("console", lambda said: pytest.fail(said.text) if "Content Security Policy" in said.text else None)
    await page.goto(url)
    return page


async def say(system: System, who: Account, channel: Account, text: str) -> None:
    """Has somebody write in a channel's chat."""
    async with aiohttp.ClientSession(system.url) as client:
        async with client.get("/oauth2/validate", headers={"Authorization": f"OAuth {who.access_token}"}) as answer:
            client_id = (await answer.json())["client_id"]
        headers = {"Authorization": f"Bearer {who.access_token}", "Client-Id": client_id}
        message = {"broadcaster_id": channel.id, "sender_id": who.id, "message": text}
        async with client.post("/helix/chat/messages", headers=headers, json=message) as answer:
            assert (await answer.json())["data"][0]["is_sent"], await answer.text()


@pytest.mark.row("U3", "K3", "K5")
async def test_the_clip_button_leads_to_a_clip_that_plays(browser: Browser, live: Live, shots: Path) -> None:
    viewer = await live.system.account(f"clipper_{time.time_ns() % 1_000_000}")
    page = await opened(browser, live.page, token=viewer.access_token)
    await until(page, PICTURE)
    await until(page, "document.querySelector('.chat').dataset.state === 'live'")
    await asyncio.sleep(6)  # a clip needs five seconds of the stream
    await page.mouse.move(500, 200)
    await page.get_by_role("button", name="Clip (x)").click()
    await page.get_by_label("Title").fill("What a save")
    await page.get_by_label("Length in seconds").fill("5")
    await page.screenshot(path=shots / "clip-form.png")
    await page.get_by_role("button", name="Create clip").click()
    await until(page, "document.querySelector('.clip-form__picture').naturalWidth > 0")
    await until(page, "document.querySelector('.clip-form__outcome').dataset.status === 'ready'", 30)
    await page.screenshot(path=shots / "clip-ready.png")
    await page.get_by_role("link", name="Watch the clip").click()
    await until(page, f"{VIDEO}.readyState >= 2")
    assert abs(await page.evaluate(f"{VIDEO}.duration") - 5) < 0.1
    assert await page.evaluate("document.querySelector('.recorded__title').textContent") == "What a save"
    await page.evaluate(f"{VIDEO}.muted = true, {VIDEO}.play()")
    await until(page, f"{VIDEO}.currentTime > 1")
    clip = page.url
    await page.context.close()
    for name, size in SIZES.items():
        page = await opened(browser, clip, size)
        await until(page, f"{VIDEO}.readyState >= 2")
        await page.screenshot(path=shots / f"clip-{name}.png")
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
        await page.context.close()


@pytest.mark.row("U3", "E6", "V10")
async def test_a_recording_shows_its_chat_in_step_and_after_seeks(browser: Browser, system: System, stage: Stage, shots: Path) -> None:
    channel, ann, bob = [await stage.account() for _ in range(3)]
    publisher = await stage.publish(channel)
    said = {}
    for number in range(6):
        said[f"line {number}"] = time.time()
        await say(system, (ann, bob)[number % 2], channel, f"line {number}")
        await asyncio.sleep(2)
    await publisher.stop()
    async with aiohttp.ClientSession(system.url) as client:
        deadline = time.monotonic() + 60
        found: list[Any] = []
        while not found:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.5)
            async with client.get(f"/api/vods?channel={channel.login}") as answer:
                found = (await answer.json())["vods"]
        async with client.get(found[0]["metadata"]) as answer:
            began = (await answer.json())["timeline"][0]["wall_us"] / 1e6
    for name, size in SIZES.items():
        page = await opened(browser, f"{system.url}/videos/{found[0]['vod_id']}", size)
        await until(page, f"{VIDEO}.readyState >= 2")
        last = max(said.values()) - began + 1
        await page.evaluate(f"{VIDEO}.muted = true, {VIDEO}.pause(), {VIDEO}.currentTime = {last}")
        await until(page, f"{LINES}.length === 6")
        await page.screenshot(path=shots / f"video-{name}.png")
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
        if name == "wide":
            middle = said["line 3"] - began
            await page.evaluate(f"{VIDEO}.currentTime = {middle - 1}")  # a second before it was said
            await until(page, f"{LINES}.length === 3")
            await page.evaluate(f"{VIDEO}.play()")
            await until(page, f"{LINES}.includes('line 3')")
            assert abs(await page.evaluate(f"{VIDEO}.currentTime") - middle) <= 1
        await page.context.close()
    await ahead(browser, f"{system.url}/videos/{found[0]['vod_id']}")


async def ahead(browser: Browser, url: str) -> None:
    """A recording of a minute, made of the short one over and over: paused at its beginning, the page loads ten segments ahead, no more."""
    page = await opened(browser, "about:blank")

    async def longer(route: Route) -> None:
        text = await (await route.fetch()).text()
        head, *segments = text.replace("#EXT-X-ENDLIST\n", "").split("#EXTINF")
        again = "".join(f"#EXTINF{segment}" for segment in segments)
        times = -(-60 // len(segments) // 2)
        await route.fulfill(body=head + "#EXT-X-DISCONTINUITY\n".join([again] * times) + "#EXT-X-ENDLIST\n", content_type=PLAYLIST)

    await page.route("**/vod/*/*/index.m3u8", longer)
    await page.goto(url)
    end = f"{VIDEO}.buffered.length && {VIDEO}.buffered.end(0)"
    await until(page, f"{end} >= 20")
    await asyncio.sleep(1)
    assert await page.evaluate(f"[{VIDEO}.paused, {VIDEO}.currentTime]") == [True, 0]
    assert 20 <= await page.evaluate(end) <= 23
    assert await page.evaluate(f"{VIDEO}.duration") >= 55
    await page.context.close()


@pytest.mark.row("U3", "E8")
async def test_going_back_beyond_the_live_playlist_and_to_the_live_picture_again(browser: Browser, live: Live, shots: Path) -> None:
    page = await opened(browser, live.page)
    await until(page, PICTURE)
    await live.aged(72)  # a live playlist has 60 s
    await page.mouse.move(500, 200)
    slider = "document.querySelector('.rewind__slider')"
    await until(page, f"!document.querySelector('.rewind').hidden && {slider}.max - {slider}.min > 66000")
    await page.evaluate(f"{slider}.value = Number({slider}.min) + 2000, {slider}.dispatchEvent(new Event('change'))")
    await until(page, f"{slider}.value - {slider}.min < 12000 && {PICTURE}", 30)
    at = await page.evaluate("document.querySelector('.player video').currentTime")
    await until(page, f"document.querySelector('.player video').currentTime > {at} + 1")
    await page.mouse.move(510, 210)
    await page.screenshot(path=shots / "rewound.png")
    assert await page.evaluate("document.querySelector('.live-pill').textContent") == "Go live"
    await page.get_by_role("button", name="Go to the live picture").click()
    await until(
        page, f"document.querySelector('.live-pill').textContent === 'Live' && {slider}.max - {slider}.value < 3000 && {PICTURE}", 30
    )
    await page.context.close()
