"""The edge (real nginx) in front of an origin: what it caches, what it passes on at once, what it writes down."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from infra import nginx
from infra.settings import Settings
from tests.live_edge import serving


class Origin:
    """An origin of the test's: counts requests, and holds blocking ones until told."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.checked: Counter[tuple[str, str]] = Counter()
        """(place, grant) that the edge asked for."""
        self.restricted: set[str] = set()
        self.granted = "1/ms"
        self.part = asyncio.Event()
        self.status = 200
        """Of playlists."""
        self.more = ""
        """What they end with."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/media/{name:.+}", self.media),
                web.get("/vod/{name:.+}", self.media),
                web.get("/live/{name:.+}", self.playlist),
                web.get("/access-check", self.access),
                web.get("/", self.page),
            ]
        )
        self.runner = web.AppRunner(application)

    async def start(self, port: int) -> None:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", port).start()

    async def access(self, request: web.Request) -> web.Response:
        self.checked[request.headers["X-Place"], request.headers.get("X-Grant", "")] += 1
        open_ = request.headers["X-Place"] not in self.restricted or request.headers.get("X-Grant", "") == self.granted
        return web.Response(status=204 if open_ else 403, headers={"Cache-Control": "max-age=1"})

    async def media(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        await asyncio.sleep(0.1)
        return web.Response(body=bytes(range(256)), headers={"Cache-Control": "public, max-age=31536000, immutable"})

    async def playlist(self, request: web.Request) -> web.Response:
        self.asked[request.path_qs] += 1
        if "_HLS_msn" in request.query:
            await self.part.wait()
        if request.path.endswith("master.m3u8"):
            await asyncio.sleep(0.2)
        fresh = "private, no-store" if request.path.endswith("master.m3u8") else "max-age=1"
        headers = {"Cache-Control": fresh, "Vary": "Accept-Encoding"}
        if self.status != 200:
            headers = {"Cache-Control": "no-store", "Retry-After": "1"}
        response = web.Response(status=self.status, text=f"#EXTM3U {request.query_string}{self.more}", headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async def echo(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def page(self, _: web.Request) -> web.Response:
        return web.Response(text="page")


class Edge:
    """nginx and the origin behind it."""

    def __init__(self, settings: Settings, origin: Origin, session: aiohttp.ClientSession) -> None:
        self.origin = origin
        self.objects = settings.objects_folder
        self.url = f"http://127.0.0.1:{settings.ports.edge}"
        self.log = settings.folder / "logs" / "edge.log"
        self._session = session

    async def get(self, path: str, **headers: str) -> tuple[int, bytes, str]:
        """Status, body as sent, what the cache had to do with it."""
        async with self._session.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.read(), answer.headers.get("X-Cache", "")


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Edge]:
    """Both, for the block."""
    origin = Origin()
    await origin.start(settings.ports.origin)
    async with serving(settings), aiohttp.ClientSession(auto_decompress=False) as session:
        yield Edge(settings, origin, session)
    await origin.runner.cleanup()


async def answered(edge: Edge, count: int) -> float:
    """Seconds that so many requests take on this machine at this moment, of which none waits for anything."""
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(edge.get("/") for _ in range(count)))
    return asyncio.get_running_loop().time() - began


@pytest.fixture
async def edge(settings: Settings) -> AsyncIterator[Edge]:
    async with running(settings) as edge:
        yield edge


@pytest.mark.row("P12", "P13")
async def test_viewers_of_one_segment_cost_the_origin_one_request(edge: Edge) -> None:
    answers = await asyncio.gather(*(edge.get("/media/1/s/source/5.m4s") for _ in range(20)))
    assert {(status, len(body)) for status, body, _ in answers} == {(200, 256)}
    assert edge.origin.asked["/media/1/s/source/5.m4s"] == 1
    assert (await edge.get("/media/1/s/source/5.m4s", Range="bytes=10-12"))[:2] == (206, bytes([10, 11, 12]))
    assert edge.origin.asked["/media/1/s/source/5.m4s"] == 1


@pytest.mark.row("L12", "P14")
async def test_viewers_who_wait_for_a_segment_cost_the_origin_one_request_and_have_it_within_half_a_second(edge: Edge) -> None:
    path, loop = "/live/a/source.m3u8?latency=normal&_HLS_msn=9", asyncio.get_running_loop()
    plain = await answered(edge, 50)
    waiting = [asyncio.create_task(edge.get(path)) for _ in range(50)]
    await asyncio.sleep(1.2)
    assert (edge.origin.asked[path], sum(task.done() for task in waiting)) == (1, 0)
    began = loop.time()
    edge.origin.part.set()
    answers = await asyncio.gather(*waiting)
    assert loop.time() - began < 0.8 + plain, "nginx looks every 500 ms"
    assert (edge.origin.asked[path], {(status, body) for status, body, _ in answers}) == (1, {answers[0][:2]})


@pytest.mark.row("P13")
async def test_masters_are_one_viewers_each_and_wait_for_no_other(edge: Edge) -> None:
    began = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(edge.get("/live/a/master.m3u8") for _ in range(20)))
    assert asyncio.get_running_loop().time() - began < 3.0, "one after another they take four"
    assert [status for status, _, _ in answers] == [200] * 20
    assert edge.origin.asked["/live/a/master.m3u8"] == 20


@pytest.mark.row("P13")
async def test_the_origin_is_asked_once_a_second_whether_a_channel_is_open_however_many_watch(edge: Edge) -> None:
    await edge.get("/live/a/source.m3u8")
    edge.origin.checked.clear()
    loop = asyncio.get_running_loop()
    end = loop.time() + 3.0
    asked = 0
    while loop.time() < end:
        await asyncio.gather(*(edge.get("/live/a/source.m3u8") for _ in range(10)))
        asked += 10
    assert asked > 100
    assert edge.origin.checked.total() <= 5


@pytest.mark.row("P13")
async def test_where_the_origin_does_not_say_who_may_watch_what_is_unknown_stays_closed(edge: Edge) -> None:
    assert (await edge.get("/media/1/s/source/5.m4s"))[0] == 200
    await edge.origin.runner.cleanup()
    assert (await edge.get("/media/1/s/source/5.m4s"))[0] == 200, "what is being watched goes on"
    status, body, _ = await edge.get("/media/2/s/source/5.m4s")
    assert (status, json.loads(body)["error"]) == (503, "starting")


@pytest.mark.row("V10")
async def test_viewers_of_a_popular_vod_cost_the_origin_one_request_a_segment(edge: Edge) -> None:
    for number in range(1, 4):
        path = f"/vod/v-1/720p30/{number:05d}.m4s"
        answers = await asyncio.gather(*(edge.get(path, Range="bytes=0-9") for _ in range(20)))
        assert {(status, len(body)) for status, body, _ in answers} == {(206, 10)}
        assert edge.origin.asked[path] == 1
        assert (await edge.get(path))[2] == "HIT"


@pytest.mark.row("P12")
@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("1/s-1/source/5.0.m4s", "video/mp4"),
        ("1/s-1/480p30/5.m4s", "video/mp4"),
        ("1/s-1/audio/5.11.m4s", "audio/mp4"),
        ("1/s-1/source/init-0.mp4", "video/mp4"),
    ],
)
async def test_objects_on_this_machine_never_reach_the_origin(edge: Edge, address: str, kind: str) -> None:
    path = edge.objects / address
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(100))
    async with aiohttp.ClientSession() as session, session.get(f"{edge.url}/media/{address}", headers={"Range": "bytes=0-9"}) as answer:
        assert (answer.status, len(await answer.read()), answer.content_type) == (206, 10, kind)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert not edge.origin.asked
    await edge.get(f"/media/{address.replace('s-1', 's-2')}")
    assert sum(edge.origin.asked.values()) == 1, "what is not there may be a part that is waited for"


async def test_nothing_but_media_is_read_from_the_store(edge: Edge) -> None:
    for address in ("views/x.m4s", "1/s/source/5.m4s.tmp", "1/s/source/../../../secret", "1/s/source/5.0.ts"):
        path = edge.objects / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"private")
        assert (await edge.get(f"/media/{address}"))[1] != b"private"


PART = "/live/a/source.m3u8?_HLS_msn=9&_HLS_part=1"
WORKERS = os.cpu_count() or 1


@pytest.mark.row("P13")
async def test_a_problem_is_the_answer_to_all_who_waited_for_it_and_to_nobody_after_them(edge: Edge) -> None:
    edge.origin.status = 503
    waiting = [asyncio.create_task(edge.get(PART, **{"Accept-Encoding": "identity"})) for _ in range(30)]
    await asyncio.sleep(0.5)
    edge.origin.part.set()
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 8)
    assert {answer[:2] for answer in answers} == {(503, b"#EXTM3U _HLS_msn=9&_HLS_part=1")}
    assert edge.origin.asked[PART] <= WORKERS
    edge.origin.status = 200
    assert (await edge.get(PART))[0] == 200
    headers = []
    edge.origin.status, edge.origin.part = 400, asyncio.Event()
    async with aiohttp.ClientSession() as session:

        async def refused() -> None:
            async with session.get(f"{edge.url}{PART}&_HLS_skip=YES") as answer:
                headers.append((answer.status, *(answer.headers[name] for name in ("Cache-Control", "Content-Type", "Retry-After"))))

        tasks = [asyncio.create_task(refused()) for _ in range(WORKERS * 10)]
        await asyncio.sleep(0.5)
        edge.origin.part.set()
        await asyncio.gather(*tasks)
    assert Counter(headers) == {(400, "no-store", "text/plain; charset=utf-8", "1"): WORKERS * 10}


@pytest.mark.row("P13")
async def test_who_asked_for_all_and_reads_nothing_holds_up_nobody(edge: Edge) -> None:
    edge.origin.more = "\n# more than the kernel takes" * 300_000
    slow = [await asyncio.open_connection("127.0.0.1", int(edge.url.rpartition(":")[2]), limit=1) for _ in range(2 * WORKERS)]
    for _, writer in slow:
        writer.write(f"GET {PART} HTTP/1.1\r\nHost: edge\r\n\r\n".encode())
    while not edge.origin.asked[PART]:
        await asyncio.sleep(0.01)
    waiting = [asyncio.create_task(edge.get(PART, **{"Accept-Encoding": "identity"})) for _ in range(4 * WORKERS)]
    await asyncio.sleep(0.3)
    edge.origin.part.set()
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert {(status, len(body) > len(edge.origin.more)) for status, body, _ in answers} == {(200, True)}
    assert edge.origin.asked[PART] <= WORKERS
    for _, writer in slow:
        writer.close()


@pytest.mark.row("P13")
async def test_who_has_waited_in_vain_for_what_another_asked_asks_himself(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = nginx.RELOADS.read_text()
    assert "DEADLINE_S = 10 " in text
    script = tmp_path / "nginx.lua"
    script.write_text(text.replace("DEADLINE_S = 10 ", "DEADLINE_S = 1 "))
    monkeypatch.setattr(nginx, "RELOADS", script)
    async with running(settings) as edge:
        waiting = [asyncio.create_task(edge.get(PART)) for _ in range(20)]
        while edge.origin.asked[PART] < 20:
            await asyncio.sleep(0.01)
        edge.origin.part.set()
        assert {status for status, _, _ in await asyncio.gather(*waiting)} == {200}


async def test_each_query_and_coding_of_a_playlist_is_kept_apart(edge: Edge) -> None:
    plain = await edge.get("/live/a/source.m3u8", **{"Accept-Encoding": "identity"})
    normal = await edge.get("/live/a/source.m3u8?latency=normal", **{"Accept-Encoding": "identity"})
    packed = await edge.get("/live/a/source.m3u8", **{"Accept-Encoding": "br, gzip;q=0.5"})
    again = await edge.get("/live/a/source.m3u8", **{"Accept-Encoding": "gzip, deflate"})
    assert (plain[1], normal[1]) == (b"#EXTM3U ", b"#EXTM3U latency=normal")
    assert packed[1].startswith(b"\x1f\x8b")
    assert again[1:] == (packed[1], "HIT")


async def test_the_last_playlist_is_shown_while_the_origin_is_away(edge: Edge) -> None:
    shown = await edge.get("/live/a/source.m3u8")
    await edge.origin.runner.cleanup()
    await asyncio.sleep(2.1)
    assert await edge.get("/live/a/source.m3u8") == (200, shown[1], "STALE")


@pytest.mark.parametrize(
    "path",
    [
        "/helix/users",
        "/mock/users",
        "/eventsub/subscriptions",
        "/oauth2/validate",
        "/auth/authorize",
        "/recommendations/rows",
        "/api/playback/ana",
    ],
)
async def test_the_api_is_at_its_addresses_and_is_told_who_calls(edge: Edge, settings: Settings, path: str) -> None:
    async def called(request: web.Request) -> web.Response:
        return web.json_response({name: request.headers[name] for name in ("X-Forwarded-For", "X-Real-IP")})

    api = web.Application()
    api.add_routes([web.get(path, called)])
    runner = web.AppRunner(api)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", settings.ports.api).start()
    status, body, _ = await edge.get(path, **{"X-Forwarded-For": "192.0.2.66", "X-Real-IP": "192.0.2.66"})
    assert (status, json.loads(body)) == (200, {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"})
    await runner.cleanup()


@pytest.mark.parametrize("path", ["/chat", "/irc", "/ws"])
async def test_websockets_go_to_gateway_and_api_and_the_page_of_a_channel_does_not(edge: Edge, settings: Settings, path: str) -> None:
    gateway = web.Application()
    gateway.add_routes([web.get(path, edge.origin.echo)])
    runner = web.AppRunner(gateway)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", settings.ports.api if path == "/ws" else settings.ports.gateway).start()
    async with aiohttp.ClientSession() as session, session.ws_connect(edge.url + path) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=30) == "hello"
    assert (await edge.get(f"{path}ter"))[0] == 404, "the test's origin has no such page"
    await runner.cleanup()


async def test_the_log_has_a_line_a_request_and_no_query(edge: Edge) -> None:
    await edge.get("/live/a/source.m3u8?token=secret")

    def lines(log: Path) -> list[dict[str, object]]:
        text = log.read_text() if log.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    while not any(line["path"] == "/live/a/source.m3u8" for line in lines(edge.log)):
        await asyncio.sleep(0.1)
    assert "secret" not in edge.log.read_text()
