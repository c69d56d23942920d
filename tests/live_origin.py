"""A real origin on a free port, over a log in memory and an object store in memory."""

import asyncio
from collections.abc import Iterable
from typing import Self

import aiohttp
from aiohttp import web
from live_channel import Made

from schemas.events import ChannelProfile
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.origin import VIEWS, OriginConfig, make_app
from streams.edges.sessions import Signer
from streams.fold import Clock
from streams.log_memory import MemoryLog
from streams.objects import Objects, StoredObjects
from streams.publisher import Publisher
from tests.ingest_stage import Stage

DAY_S = 86_400


def profile(channel_id: str = "42", login: str = "ana") -> ChannelProfile:
    """A partner's account."""
    return ChannelProfile(
        occurred_at=1,
        channel_id=channel_id,
        login=login,
        display_name=login.title(),
        tier="partner",
        category="Art",
        language="en",
        client_id="client",
        created_at=1,
    )


class World:
    """The log and the store: what outlives an origin."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.codec = Codec(LocalRegistry())
        self.objects: Objects = StoredObjects.at("memory://")
        self.publisher = Publisher(self.log, self.codec, "test-1")
        self.signer = Signer(bytes(32))

    async def produce(self, made: Iterable[Made]) -> None:
        """Object first, event second."""
        for event, address, data in made:
            if address:
                await self.objects.put(address, data)
            self.publisher.publish(event)


class LiveOrigin:
    """An origin while it runs; an async context manager."""

    def __init__(self, world: World, clock: Clock | None = None, config: OriginConfig | None = None, port: int = 0) -> None:
        config = config or OriginConfig(segment_reach_s=10_000 * DAY_S, broadcast_reach_s=10_000 * DAY_S)  # events of tests are of any year
        more = {} if clock is None else {"clock": clock}
        self.app = make_app(config, world.log, world.codec, world.objects, world.publisher, world.signer, **more)
        self.views = self.app[VIEWS]
        self._port = port

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self.app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        self.client = aiohttp.ClientSession(self.url, connector=aiohttp.TCPConnector(limit=0))
        while self.views.lacks():
            await asyncio.sleep(0.002)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self._runner.cleanup()

    async def text(self, path: str, status: int = 200) -> str:
        """The body of an answer with that status."""
        async with self.client.get(path) as answer:
            body = await answer.text()
            assert answer.status == status, f"{path} answered {answer.status}: {body[:300]}"
            return body

    async def applied(self) -> None:
        """Returns once everything on the log has been applied."""
        while self.views.lag():
            await asyncio.sleep(0.001)


def origin_of(stage: Stage) -> LiveOrigin:
    """An origin on a stage's log and objects."""
    world = World()
    world.log, world.codec, world.objects, world.publisher = stage.log, stage.codec, stage.objects, stage.publisher
    return LiveOrigin(world)
