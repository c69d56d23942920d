"""Other people's DASH players play our manifest."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Route

from tests.chromium import until
from tests.live import Live
from tests.viewer import PICTURE, Viewer, viewing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MODULES = Path(__file__).with_name("node_modules")
PLAYERS = {
    "dash.js": (
        MODULES / "dashjs" / "dist" / "modern" / "umd" / "dash.all.min.js",
        """const player = dashjs.MediaPlayer().create();
        player.on('error', (e) => errors.push(e.error.message));
        player.initialize(document.querySelector('video'), MANIFEST, true);""",
    ),
    "Shaka": (
        MODULES / "shaka-player" / "dist" / "shaka-player.compiled.js",
        """const player = new shaka.Player(), video = document.querySelector('video');
        player.addEventListener('error', (e) => errors.push(String(e.detail.code)));
        player.attach(video).then(() => player.load(MANIFEST)).then(() => video.play(), (e) => errors.push(String(e.code)));""",
    ),
}
PAGE = "<!doctype html><video muted playsinline></video><script src=player.js></script><script>const errors = []; {start}</script>"
WATCH_S = 15


@pytest.mark.row("P2")
@pytest.mark.parametrize("name", PLAYERS)
async def test_manifest_plays_without_stall(browser: Browser, live: Live, name: str) -> None:
    script, start = PLAYERS[name]
    assert script.is_file(), "run `npm ci` in tests/browser"
    html = PAGE.format(start=start.replace("MANIFEST", repr(live.playlist("manifest.mpd"))))

    async def serve(route: Route) -> None:
        if route.request.url.endswith("player.js"):
            await route.fulfill(path=script, content_type="text/javascript")
        else:
            await route.fulfill(body=html, content_type="text/html")

    async with viewing(browser, "about:blank") as blank:
        page = blank.page
        await page.route("**/foreign/**", serve)
        await page.goto(f"{live.system.url}/foreign/page.html")
        viewer = Viewer(page)
        await until(page, PICTURE, 30)
        await viewer.playing()
        await viewer.sees(5)
        seen = await viewer.sees(WATCH_S)
        assert len(seen.samples) > WATCH_S * 30 * 0.8
        assert seen.gaps() == []
        assert seen.latency(95) < 15
        assert await page.evaluate("errors") == []
