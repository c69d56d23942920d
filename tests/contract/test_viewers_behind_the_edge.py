"""Players without our script, a real nginx with its cache in front, a real origin: the count is that of the players."""

import asyncio
import re
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from live_channel import Channel, dummy
from live_origin import LiveOrigin, World, profile

from infra.settings import Settings
from sinks.origin.app import SESSIONS
from streams.edges.audience import SILENT_US
from tests.live_edge import serving

WATCHING, LEAVING, BOTS = 200, 80, 60
MEDIA = re.compile(r"^(~\S+/\w+\.m3u8\S*)$", re.MULTILINE)


class Theatre:
    """The edge, and who watches through it."""

    def __init__(self, url: str, origin: LiveOrigin, client: aiohttp.ClientSession) -> None:
        self.url = f"{url}/live/ana/"
        self.origin = origin
        self.hits = self.loads = 0
        self._client = client

    async def player(self, mode: str) -> None:
        """Loads the master and then its playlist again and again, as players do."""
        variant = MEDIA.search(await self.get(f"master.m3u8{mode}"))
        while True:
            await self.get(variant[1])
            await asyncio.sleep(0.9)

    async def bot(self) -> None:
        """Looks at everything once."""
        for variant in MEDIA.findall(await self.get("master.m3u8")):
            await self.get(variant)

    async def get(self, path: str) -> str:
        async with self._client.get(self.url + path) as answer:
            assert answer.status == 200
            self.hits += answer.headers.get("X-Cache") == "HIT"
            self.loads += 1
            return await answer.text()

    async def counted(self, expected: int, within: float) -> int:
        """The API's number, once it is the expected one or the time is over."""
        deadline = time.monotonic() + within
        while True:
            async with self._client.get(f"{self.url.partition('/live')[0]}/api/channels/ana") as answer:
                found: int = (await answer.json())["viewers"]
            if found == expected or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.25)


@pytest.fixture
async def theatre(settings: Settings) -> AsyncIterator[Theatre]:
    world, channel = World(), Channel([dummy("source", 1280, 720), dummy("480p30", 854, 480), dummy("audio")])
    world.publisher.publish(profile())
    world.publisher.publish(channel.started())
    await world.produce(channel.segments(3))
    async with LiveOrigin(world, port=settings.ports.origin) as origin:
        place = ("127.0.0.1", settings.ports.sessions)
        reports, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: origin.app[SESSIONS], local_addr=place)
        url = f"http://127.0.0.1:{settings.ports.edge}"
        async with serving(settings), aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
            yield Theatre(url, origin, client)
        reports.close()


@pytest.mark.row("E5", "F2")
async def test_behind_a_cache_the_count_is_that_of_the_players_and_bots_are_none(theatre: Theatre) -> None:
    modes = ["", "?latency=normal"]
    players = [asyncio.create_task(theatre.player(modes[n % 2])) for n in range(WATCHING)]
    await asyncio.gather(*(theatre.bot() for _ in range(BOTS)))
    assert await theatre.counted(WATCHING, within=40) == pytest.approx(WATCHING, rel=0.01)
    assert theatre.hits > 0.5 * theatre.loads, "most answers came out of the cache, whatever session they were for"
    for gone in players[:LEAVING]:
        gone.cancel()
    stay = WATCHING - LEAVING
    assert await theatre.counted(stay, within=SILENT_US / 1e6 + 40) == pytest.approx(stay, rel=0.01)
    assert not any(player.done() for player in players[LEAVING:])
    for player in players:
        player.cancel()
    await asyncio.gather(*players, return_exceptions=True)
