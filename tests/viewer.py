"""A viewer: the page in a browser, with what it complained about and what its screen showed."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize

from tests import glass
from tests.chromium import until
from tests.glass import Seen

PICTURE = "(document.querySelector('video')?.readyState ?? 0) >= 3"
"""HAVE_FUTURE_DATA: it plays."""
VIEWPORT: ViewportSize = {"width": 960, "height": 640}
"""The wide layout, with a picture that two cores paint in software beside all else."""
REBUILT = "Playback is built anew"
"""How the page's player says that hls.js gave up."""


class Viewer:
    """One page on a channel, or on any page that has a video."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.fatal: list[str] = []
        """Errors after which the player built its source anew, and errors of the page itself."""
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.fatal.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if REBUILT in message.text:
            self.fatal.append(message.text)

    async def playing(self, seconds: float = 20) -> None:
        """Waits for the picture, and begins to read its clock."""
        await until(self.page, PICTURE, seconds)
        await glass.watch(self.page)

    async def sees(self, seconds: float) -> Seen:
        """What is painted from now on, for some seconds."""
        await glass.seen(self.page)
        await asyncio.sleep(seconds)
        return await glass.seen(self.page)

    async def controls(self) -> None:
        """Moves the pointer over the picture, so that its controls show."""
        await self.page.mouse.move(500, 200)
        await self.page.mouse.move(510, 210)

    async def choose(self, quality: str) -> None:
        """Picks a rendition, `auto` or `audio` from the quality menu."""
        await self.controls()
        await self.page.get_by_role("button", name="Quality").click()
        await self.page.locator(f"[role=menuitemradio][data-value='{quality}']").click()

    async def state(self) -> str:
        """What the player says of itself."""
        state: str = await self.page.evaluate("document.querySelector('.player').dataset.state")
        return state


@contextlib.asynccontextmanager
async def viewing(browser: Browser, url: str, **preferences: object) -> AsyncIterator[Viewer]:
    """A viewer of a page, who chose some things on an earlier visit: `lowLatency`, `quality`, ..."""
    context = await browser.new_context(viewport=VIEWPORT)
    try:
        chosen = json.dumps(json.dumps(preferences))
        await context.add_init_script(f"localStorage.getItem('chronicast') ?? localStorage.setItem('chronicast', {chosen});")
        page = await context.new_page()
        viewer = Viewer(page)
        await page.goto(url)
        yield viewer
    finally:
        await context.close()
