"""Players that wait for parts, a real nginx in front of a real origin: however many wait, a worker asks once, and all have it at once."""

import asyncio
import itertools
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import aiohttp
import msgspec
import pytest
from aiohttp import web
from live_channel import Channel, Made, dummy
from live_origin import LiveOrigin, World, profile

from infra.settings import Settings
from schemas.events import PartProduced
from sinks.origin.app import SESSIONS
from sinks.origin.problem import Handler
from sinks.origin.sessions import Sessions
from streams.clock import now_us
from streams.edges.passes import Passes
from streams.privacy.master import MasterKeys
from tests.live_edge import serving

WORKERS = os.cpu_count() or 1
"""Of nginx: one a core."""
LOOK_S = 0.5
"""nginx's own lock lets the waiting look so often."""
PROMPT_S = 8.0
"""Less than the ten seconds after which who has waited in vain asks himself (infra/nginx.lua)."""
Answer = tuple[int, bytes, str]
"""Status, body, what the cache had to do with it."""


class Reports(asyncio.DatagramProtocol):
    """Counts what the edge tells of answers out of its cache on the way to the origin."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.count = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.count += 1
        self._sessions.datagram_received(data, addr)


class House:
    """An origin, the edge before it, and a channel whose parts come when the test says so."""

    def __init__(self, settings: Settings, client: aiohttp.ClientSession) -> None:
        self.settings, self.client = settings, client
        self.world = World()
        self.channel = Channel([dummy("source", 1280, 720)], start_us=(now_us() // 2_000_000 - 4) * 2_000_000)
        self.world.publisher.publish(profile())
        self.world.publisher.publish(self.channel.started())
        self.asked: Counter[str] = Counter()
        """Playlists that the origin was asked for."""
        self.reports: Reports
        self._connections: set[asyncio.Transport] = set()

    async def open(self) -> None:
        """Starts the origin."""
        self.origin = LiveOrigin(self.world, port=self.settings.ports.origin)
        self.origin.app.middlewares.append(self._counting)
        await self.origin.__aenter__()

    def kill(self) -> asyncio.Task[None]:
        """Ends it as a kill does: every connection is reset, and no new one is taken. What is left of it ends with what it waits for."""
        for connection in self._connections:
            connection.abort()
        self._connections.clear()
        return asyncio.create_task(self.origin.__aexit__())

    def parts(self) -> Iterator[tuple[str, list[Made]]]:
        """Of the next segments: the directives that wait for a part, and what makes it."""
        group: list[Made] = []
        while True:
            media_sequence, part = self.channel.next, 0
            for made in self.channel.segment():
                group.append(made)
                if isinstance(made.event, PartProduced):
                    yield f"?_HLS_msn={media_sequence}&_HLS_part={part}", group
                    group, part = [], part + 1

    async def get(self, path: str) -> Answer:
        """A whole answer."""
        async with self.client.get(path) as answer:
            return answer.status, await answer.read(), answer.headers.get("X-Cache", "")

    def wait(self, viewers: int, path: str) -> list[asyncio.Task[Answer]]:
        """So many reloads of one playlist."""
        return [asyncio.create_task(self.get(path)) for _ in range(viewers)]

    @web.middleware
    async def _counting(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        assert request.transport is not None
        self._connections.add(request.transport)
        if request.path.startswith("/live/"):
            self.asked[request.path_qs] += 1
        return await handler(request)


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    url = f"http://127.0.0.1:{settings.ports.edge}"
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as client:
        house = House(settings, client)
        await house.world.produce(house.channel.segments(3))
        await house.open()
        place = ("127.0.0.1", settings.ports.sessions)
        loop = asyncio.get_running_loop()
        transport, house.reports = await loop.create_datagram_endpoint(lambda: Reports(house.origin.app[SESSIONS]), local_addr=place)
        async with serving(settings):
            yield house
        transport.close()
        await house.origin.__aexit__()


@pytest.mark.row("L12", "P13", "P14", "P5")
@pytest.mark.parametrize("viewers", [1, 100])
async def test_viewers_who_wait_for_a_part_cost_the_origin_one_request_a_worker_and_have_it_at_once(house: House, viewers: int) -> None:
    waits = []
    for directives, made in itertools.islice(house.parts(), 4):
        path = f"/live/ana/source.m3u8{directives}"
        waiting = house.wait(viewers, path)
        await asyncio.sleep(LOOK_S * 1.2)  # who looked every half second would look again 0.4 s after the part
        assert not any(task.done() for task in waiting)
        began = asyncio.get_running_loop().time()
        await house.world.produce(made)
        answers = await asyncio.gather(*waiting)
        waits.append(asyncio.get_running_loop().time() - began)
        assert 1 <= house.asked[path] <= min(viewers, WORKERS)
        assert {(status, body) for status, body, _ in answers} == {answers[0][:2]}
        assert answers[0][0] == 200
        assert house.asked.total() <= min(viewers, WORKERS) * len(waits), "nothing else is asked for"
        assert (await house.get(path))[1] == answers[0][1], "who comes later has the same"
    assert min(waits) < LOOK_S / 2, "all of them, and a slow machine"


@pytest.mark.row("P13")
async def test_a_stranger_is_refused_while_others_wait_for_a_part_of_a_restricted_channel(house: House) -> None:
    house.world.publisher.publish(msgspec.structs.replace(profile(), watch_subscribers_only=True))
    passes = Passes(MasterKeys.at(house.settings.master_key_file).derived, house.settings.playback_key)
    directives, made = next(house.parts())
    path = f"/live/ana/source.m3u8{directives}"
    while (await house.get("/live/ana/source.m3u8"))[0] != 403:
        await asyncio.sleep(0.1)
    house.asked.clear()
    given = [passes.issue("42", grants) for grants in ("s", "ms")]
    waiting = [task for each in given for task in house.wait(10, f"/~{each}{path}")]
    while not house.asked:
        await asyncio.sleep(0.01)
    for stranger in (path, f"/~{passes.issue('42', 'm')}{path}", f"/~{passes.issue('43', 's')}{path}"):
        status, body, _ = await asyncio.wait_for(house.get(stranger), PROMPT_S)
        assert (status, b'"restricted"' in body) == (403, True)
    assert not any(task.done() for task in waiting)
    await house.world.produce(made)
    answers = await asyncio.gather(*waiting)
    assert {(status, body) for status, body, _ in answers} == {answers[0][:2]}
    assert (answers[0][0], house.asked.total() <= WORKERS) == (200, True)
    assert (await house.get(path))[0] == 403, "what was fetched with a pass is not open to others"


@pytest.mark.row("L12", "P13")
async def test_who_asked_the_origin_may_go_and_the_others_are_answered_all_the_same(house: House) -> None:
    directives, made = next(house.parts())
    path = f"/live/ana/source.m3u8{directives}"
    [first] = house.wait(1, path)
    while not house.asked[path]:
        await asyncio.sleep(0.01)
    waiting = house.wait(50, path)
    await asyncio.sleep(0.2)
    first.cancel()
    await asyncio.sleep(0.2)
    for gone in waiting[40:]:
        gone.cancel()
    await house.world.produce(made)
    answers = await asyncio.wait_for(asyncio.gather(*waiting[:40]), PROMPT_S)
    assert {status for status, _, _ in answers} == {200}
    assert house.asked[path] <= WORKERS + 1, "the next of them asks"


@pytest.mark.row("P13")
async def test_an_origin_that_dies_lets_nobody_hang_and_the_next_one_is_asked(house: House) -> None:
    (directives, made), (later, then_made) = itertools.islice(house.parts(), 2)
    path = f"/live/ana/source.m3u8{directives}"
    waiting = house.wait(50, path)
    while not house.asked[path]:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    ending = house.kill()
    answers = await asyncio.wait_for(asyncio.gather(*waiting), PROMPT_S)
    assert {status for status, _, _ in answers} == {502}
    await house.world.produce(made)
    await ending
    await house.open()
    again = house.wait(50, f"/live/ana/source.m3u8{later}")
    await asyncio.sleep(0.2)
    await house.world.produce(then_made)
    assert {status for status, _, _ in await asyncio.wait_for(asyncio.gather(*again), PROMPT_S)} == {200}


@pytest.mark.row("E5", "F2")
async def test_who_waits_for_parts_at_the_edge_is_counted_and_told_of_as_seldom_as_a_player_of_segments(house: House) -> None:
    tokens = [house.world.signer.begin("42", "desktop") for _ in range(30)]
    parts, began = 0, asyncio.get_running_loop().time()
    for directives, made in itertools.islice(house.parts(), 18):
        waiting = [task for token in tokens for task in house.wait(1, f"/live/ana/~{token}/source.m3u8{directives}")]
        await asyncio.sleep(0.2)
        await house.world.produce(made)
        assert {status for status, _, _ in await asyncio.gather(*waiting)} == {200}
        parts += 1
    took = asyncio.get_running_loop().time() - began
    assert house.asked.total() <= parts * WORKERS
    async with asyncio.timeout(30):
        while json.loads((await house.get("/api/channels/ana"))[1])["viewers"] != len(tokens):
            await asyncio.sleep(0.1)
    assert 0 < house.reports.count <= len(tokens) * (1 + took / 2), "once in two seconds"
