"""The page is served safely, and kept by browsers for as long as it may be."""

import gzip
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from sinks.page import routes as page
from sinks.page.routes import PageNotInstalledError, routes

pytestmark = pytest.mark.row("U3")


@pytest_asyncio.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application()
    app.add_routes([web.get("/healthz", _health), *routes()])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{runner.addresses[0][1]}", headers={"Accept-Encoding": "identity"}, auto_decompress=False
    ) as client:
        yield client
    await runner.cleanup()


async def _health(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _assets(client: aiohttp.ClientSession) -> list[str]:
    async with client.get("/") as answer:
        return re.findall(r'"(/assets/[^"]+)"', await answer.text())


@pytest.mark.parametrize("path", ["/", "/night_owl"])
async def test_html_is_revalidated_and_forbids_foreign_content(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-cache"
        tag = answer.headers["ETag"]
        html = await answer.text()
    assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|<style|\sstyle=", html), "inline code would be refused by the policy"
    async with client.get(path, headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
        assert await answer.read() == b""


async def test_every_asset_that_the_page_names_is_there_for_ever(client: aiohttp.ClientSession) -> None:
    named = await _assets(client)
    assert len(named) > 5
    for path in named:
        async with client.get(path) as answer:
            assert answer.status == 200, path
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_every_module_that_a_module_imports_is_there(client: aiohttp.ClientSession) -> None:
    (main,) = [path for path in await _assets(client) if path.endswith("main.js")]
    seen, left = set(), [main]
    while left:
        path = left.pop()
        seen.add(path)
        async with client.get(path) as answer:
            assert answer.status == 200, path
            assert answer.content_type == "text/javascript"
            if "/vendor/" not in path:
                found = re.findall(r"from '([^']+)'", await answer.text())
                left += [one for name in found if (one := _joined(path, name)) not in seen]
    assert any("hls" in path for path in seen)


def _joined(path: str, name: str) -> str:
    folder = path.rpartition("/")[0]
    return f"{folder.rpartition('/')[0]}/{name[3:]}" if name.startswith("../") else f"{folder}/{name[2:]}"


async def test_assets_are_compressed_for_those_who_can_unpack(client: aiohttp.ClientSession) -> None:
    path = next(path for path in await _assets(client) if path.endswith(".css"))
    async with client.get(path, headers={"Accept-Encoding": "identity"}) as plain:
        text = await plain.read()
        assert "Content-Encoding" not in plain.headers
    async with client.get(path, headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(await packed.read()) == text


@pytest.mark.parametrize("name", ["js/none.js", "../routes.py", "%2e%2e/routes.py", "js/../../routes.py"])
async def test_what_is_no_asset_is_not_served(client: aiohttp.ClientSession, name: str) -> None:
    folder = (await _assets(client))[0].split("/")[2]
    async with client.get(f"/assets/{folder}/{name}") as answer:
        assert answer.status == 404


async def test_an_asset_of_another_release_is_not_served_and_not_kept(client: aiohttp.ClientSession) -> None:
    release = (await _assets(client))[0].split("/")[2]
    async with client.get(f"/assets/{release[::-1]}/js/main.js") as answer:
        assert answer.status == 404
        assert answer.headers["Cache-Control"] == "no-store"


async def test_routes_registered_before_keep_their_names(client: aiohttp.ClientSession) -> None:
    async with client.get("/healthz") as answer:
        assert await answer.text() == "ok"


def test_missing_player_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "HLS", page.HERE / "nowhere")
    with pytest.raises(PageNotInstalledError, match="npm ci"):
        routes()
