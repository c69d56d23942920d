"""Debian's Chromium, headless, driven by Playwright."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from playwright.async_api import Browser, Page, async_playwright

EXECUTABLE = "/usr/bin/chromium"
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # no calls to the vendor's hosts
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-renderer-backgrounding",  # several pages at once: each counts as seen
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser for the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


async def until(page: Page, condition: str, seconds: float = 20) -> None:
    """Waits for a JavaScript expression to become true.

    Playwright's own wait evaluates text within the page, which our content security policy forbids; a single evaluation goes through
    the debugger and is let through.

    Raises:
        TimeoutError: it did not in that time.
    """
    deadline = time.monotonic() + seconds
    while not await page.evaluate(condition):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition} did not come true within {seconds} s on {page.url}")
        await asyncio.sleep(0.05)
