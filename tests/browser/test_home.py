"""Finding a stream, and a creator's view of his own: start page, browse, search, dashboard."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from infra.accounts import TOPIC as PROFILES
from infra.accounts import identity
from infra.parts import Parts
from schemas.events import ChannelProfile, StreamEnded, StreamStarted, ViewerJoined
from tests.chromium import until
from tests.live import Live, Stage
from tests.viewer import VIEWPORT

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.row("U3")]

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
CARD = "document.querySelector('.page:not([hidden]) .card')"
DRAWN = f"""(() => {{
  const still = {CARD}?.querySelector('canvas:not([hidden])');
  const bytes = still?.getContext('2d').getImageData(0, 0, still.width, still.height).data;
  return bytes ? new Set(bytes).size : 0;
}})()"""
"""Different values in a card's still: 0 where there is none, few in an empty one."""

PLOTTED = """Object.fromEntries([...document.querySelectorAll('.plot')].map((one) => [
  one.querySelector('.plot__label').textContent,
  parseFloat(one.querySelector('.plot__value').textContent),
]))"""
"""By plot its newest value; NaN where it has none."""
NAMELESS = """[...document.querySelectorAll('button, a')]
  .filter((one) => one.checkVisibility() && !one.ariaLabel && !one.textContent.trim())
  .map((one) => one.outerHTML)"""
"""Buttons and links on screen that say nothing to who does not see them."""


class Visit:
    """A page, and what it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """A visitor whom nobody knows."""
    context = await browser.new_context(viewport=VIEWPORT)
    yield Visit(await context.new_page())
    await context.close()


async def sign_in(page: Page, live: Live) -> None:
    """Opens the dashboard of the live channel."""
    await page.goto(f"{live.system.url}/dashboard")
    await page.get_by_role("textbox", name="Access token").fill(live.access_token)
    await page.get_by_role("button", name="Sign in").click()
    await until(page, "!document.querySelector('.dashboard__board').hidden")


@pytest.mark.row("R1")
async def test_browse_shows_a_live_channel_with_a_still_of_its_picture(visit: Visit, live: Live) -> None:
    page = visit.page
    await page.goto(live.system.url)
    await page.get_by_role("link", name="Browse").click()
    await until(page, f"{CARD}?.getAttribute('href') === '/{live.login}'")
    await until(page, f"{DRAWN} > 16")
    assert page.url == f"{live.system.url}/browse"
    assert await page.evaluate("document.querySelector('video').src") == ""  # nothing plays behind it
    await page.get_by_role("link", name="Fewest viewers").click()
    assert page.url == f"{live.system.url}/browse?sort=fewest"
    await page.locator(".page:not([hidden]) .card").first.click()
    await until(page, "document.documentElement.dataset.view === 'watch'")
    assert visit.complaints == []


@pytest.mark.row("R1")
async def test_search_finds_a_channel_by_a_beginning_or_a_typing_error_with_keys_alone(visit: Visit, live: Live) -> None:
    page = visit.page
    await page.goto(f"{live.system.url}/browse")
    await until(page, f"{CARD} !== null")
    await page.keyboard.press("/")
    await page.keyboard.type(f"{live.login[:2]}")
    await until(page, "document.querySelectorAll('.search [role=option]').length === 1")
    await page.keyboard.press("Escape")
    assert await page.get_by_role("listbox").is_hidden()
    await page.get_by_role("combobox").fill(live.login[1] + live.login[0] + live.login[2:])
    await until(page, "document.querySelectorAll('.search [role=option]').length === 1")
    await page.keyboard.press("ArrowDown")
    assert await page.get_by_role("combobox").get_attribute("aria-activedescendant") == "found-0"
    await page.keyboard.press("Enter")
    await until(page, "document.documentElement.dataset.view === 'watch'")
    assert page.url == live.page
    await page.get_by_role("combobox").fill("qqqq")
    await page.keyboard.press("Enter")
    await until(page, "document.querySelector('.page__none')?.textContent.startsWith('No channel')")
    assert visit.complaints == []


@pytest.mark.row("R15")
async def test_a_row_that_people_chose_is_on_start_and_browse_page_under_its_label(visit: Visit, live: Live) -> None:
    page = visit.page
    await live.system.command("recommend", "row", "rising-stars", "--channel", live.login)
    try:
        for address in ("/", "/browse"):
            await page.goto(live.system.url + address)
            await until(
                page,
                f"""[...document.querySelectorAll('main .row')].some((row) => row.checkVisibility()
              && row.querySelector('h2').textContent === 'Rising Stars'
              && row.querySelector('.card').getAttribute('href') === '/{live.login}')""",
            )
        await page.get_by_role("link", name="Fewest viewers").click()
        await page.get_by_role("heading", name="Rising Stars").wait_for()
    finally:
        await live.system.command("recommend", "row", "rising-stars")
    assert visit.complaints == []


@pytest.mark.row("R1")
async def test_browse_goes_on_where_one_scrolls_in_either_order(visit: Visit, live: Live) -> None:
    page, cards = visit.page, "[...document.querySelectorAll('.page:not([hidden]) > .cards .card')].map((one) => one.getAttribute('href'))"
    names = [f"many{number}_{time.time_ns() % 1_000_000}" for number in range(80)]
    with Parts(live.system.settings) as parts:
        publisher = parts.publisher("test")
        about = {name: {"channel_id": identity(name), "session_id": f"s-{name}"} for name in names}
        for name in names:
            who = {"channel_id": identity(name), "login": name, "display_name": name, "tier": "regular", "client_id": name}
            publisher.publish(ChannelProfile(**who, created_at=1, category="Chess"))  # type: ignore[arg-type]
            what = {"login": name, "region": "x", "ingest_node": "x", "width": 640, "height": 360, "frame_rate": 30.0, "has_audio": False}
            publisher.publish(StreamStarted(**about[name], **what, tier="regular")).result(10)  # type: ignore[arg-type]
        publisher.publish(ViewerJoined(channel_id=identity(names[0]), viewer_session_id="v-1", device="tv", region="")).result(10)
        try:
            await page.goto(f"{live.system.url}/browse?category=Chess")
            await until(page, f"{cards}[0] === '/{names[0]}' && {cards}.length === 36")
            while len(await page.evaluate(cards)) < len(names):
                await page.evaluate("scrollTo(0, document.body.scrollHeight)")
                await asyncio.sleep(0.2)
            assert sorted(await page.evaluate(cards)) == sorted(f"/{name}" for name in names)
            await page.get_by_role("link", name="Fewest viewers").click()
            await until(page, f"{cards}.length === 36 && !{cards}.includes('/{names[0]}')")
        finally:
            ended = {"reason": "unpublished", "media_sequence": 0, "frames_in": 0, "frames_out": 0, "frames_dropped": 0, "bytes_in": 0}
            for name in names:
                publisher.publish(StreamEnded(**about[name], **ended, media_ms=0)).result(10)  # type: ignore[arg-type]
                parts.log.append(PROFILES, identity(name).encode(), None)
            parts.log.flush(10)


@pytest.mark.row("U2")
async def test_dashboard_shows_the_health_of_the_creators_own_stream(visit: Visit, live: Live) -> None:
    page = visit.page
    await page.goto(f"{live.system.url}/dashboard")
    await page.get_by_role("textbox", name="Access token").fill("cc_nobody")
    await page.get_by_role("button", name="Sign in").click()
    await until(page, "document.querySelector('.dashboard__sign-in [role=alert]').textContent.startsWith('Nobody has')")
    await sign_in(page, live)
    await until(page, "document.querySelectorAll('.renditions tbody tr').length >= 4")
    await until(page, "document.querySelectorAll('.stages').length > 0")
    await until(page, f"Object.values({PLOTTED}).filter(Number.isNaN).length === 0")
    seen = await page.evaluate(PLOTTED)
    assert seen["Frame rate"] == pytest.approx(30, abs=1.5)  # what tests/glass.py sends
    assert seen["Bitrate"] > 0
    assert live.access_token not in await page.evaluate("location.href + document.body.outerHTML + JSON.stringify(localStorage)")
    await page.get_by_role("button", name="Sign out").click()
    assert await page.evaluate("sessionStorage.length") == 0
    assert await page.get_by_role("textbox", name="Access token").is_visible()


@pytest.mark.row("U2", "L3")
async def test_dashboard_makes_a_key_and_forgets_it_when_it_is_left(visit: Visit, live: Live, stage: Stage) -> None:
    account = await stage.account()
    page = visit.page
    await sign_in(page, live._replace(login=account.login, access_token=account.access_token))
    await page.get_by_role("button", name="Get server and a new key").click()
    await until(page, "document.querySelector('.copied__value[type=password]')?.value.startsWith('live_')")
    assert (await page.get_by_label("Server", exact=True).input_value()).startswith("rtmp://")
    await page.get_by_role("button", name="Show").click()
    key = await page.get_by_label("Stream key", exact=True).input_value()
    assert key not in account.rtmp_url
    await page.get_by_role("link", name="Browse").click()
    await until(page, "document.documentElement.dataset.view === 'browse'")
    kept = "JSON.stringify([...document.querySelectorAll('input')].map((one) => one.value)) + JSON.stringify(sessionStorage)"
    assert key not in await page.evaluate(kept)
    secret = "[...document.querySelectorAll('input[type=password]')].map((one) => one.form !== null)"
    assert set(await page.evaluate(secret)) == {True}, "browsers complain of a password field without a form"
    assert visit.complaints == []


@pytest.mark.parametrize(("size", "theme"), list(itertools.product(SIZES, ("dark", "light"))))
async def test_browse_and_dashboard_fit_every_size_and_theme(browser: Browser, live: Live, shots: Path, size: str, theme: str) -> None:
    width, height = SIZES[size]
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    visit = Visit(await context.new_page())
    page = visit.page
    await page.goto(f"{live.system.url}/browse")
    await until(page, f"{CARD} !== null")
    for name in ("browse", "dashboard"):
        if name == "dashboard":
            await sign_in(page, live)
            await until(page, "document.querySelectorAll('.stages').length > 0")
        await page.screenshot(path=shots / f"{name}-{size}-{theme}.png", full_page=True)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate(NAMELESS) == []
    await context.close()
    assert visit.complaints == []
