"""Viewers are led to edges that answer, and a popular stream's beginning lies in an edge's cache before they come: real nginx, origin."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urljoin

import aiohttp
import aiohttp.web
import msgspec
import pytest
import uvicorn
from fastapi import FastAPI
from live_channel import Channel, dummy
from live_origin import LiveOrigin, World, profile
from test_helix import Server

from infra import ports
from infra.settings import Settings
from processors.routing.edges import POPULAR
from processors.routing.regions import Edge
from schemas.event import Event
from schemas.events import EdgeAssigned, EdgesWarmed, Followed, RoomState, Subscribed
from sinks.edges.admission import Admissions
from sinks.edges.health import Health
from sinks.edges.routes import router
from sinks.edges.warmer import Warmer
from sinks.helix import errors
from sinks.helix.views import Views
from streams.edges.passes import LIFE_S, Passes, required
from streams.edges.stream_keys import digest
from streams.privacy.master import MasterKeys
from streams.reading import whole
from tests.live_edge import serving


class Map(NamedTuple):
    """Two edges, of which one answers."""

    world: World
    views: Views
    health: Health
    client: aiohttp.ClientSession
    admissions: Admissions

    def told(self) -> list[Event]:
        """The decisions on the log."""
        return [self.world.codec.decode(record.value) for record in whole(self.world.log, "media.route.events.v1") if record.value]


@pytest.fixture
async def map_(settings: Settings) -> AsyncIterator[Map]:
    world = World()
    world.publisher.publish(profile())
    origin = LiveOrigin(world, port=settings.ports.origin)
    origin.app.router.add_get("/readyz", origin_ready)
    async with origin, serving(settings):
        [closed] = ports.free(1)
        near = Edge("edge-fra", "fra", f"http://127.0.0.1:{settings.ports.edge}")
        health = Health([near, Edge("edge-ams", "ams", f"http://127.0.0.1:{closed}")])
        while near.node_id not in health.ready or len(health.ready) > 1:
            await health.look()
            await asyncio.sleep(0.05)
        views = Views(world.log, world.codec)
        await views.start()
        async with aiohttp.ClientSession(near.url) as client:
            passes = Passes(MasterKeys.at(settings.master_key_file).derived, settings.playback_key)
            yield Map(world, views, health, client, Admissions(views, passes))
        await views.close()


@pytest.mark.row("P16")
@pytest.mark.parametrize("restricted", [False, True])
async def test_edges_have_the_beginning_of_a_popular_stream_before_its_first_viewer(map_: Map, restricted: bool) -> None:
    world, channel = map_.world, Channel([dummy("source", 1280, 720), dummy("audio")])
    world.publisher.publish(msgspec.structs.replace(profile(), mature=restricted, watch_subscribers_only=restricted))
    while required(map_.views.accounts.by_id("42")) != ("ms" if restricted else ""):
        await asyncio.sleep(0.01)
    warmer = Warmer(map_.views, map_.health, world.publisher, map_.admissions, lambda: channel.now)
    map_.views.listeners.append(warmer.heard)
    for fan in range(POPULAR):
        world.publisher.publish(Followed(channel_id=channel.channel_id, user_id=str(1_000 + fan)))
    while len(map_.views.directory.followers(channel.channel_id)) < POPULAR:
        await asyncio.sleep(0.01)
    unknown = Channel([dummy("source")], channel_id="43", session_id="8d0c6f3e-2f0b-4b53-9f3f-0a4f6b7d1c11")
    world.publisher.publish(unknown.started("bob"))
    world.publisher.publish(channel.started())
    await world.produce(channel.segments(1))
    async with asyncio.timeout(60):
        while not (told := [event for event in map_.told() if isinstance(event, EdgesWarmed)]):
            await asyncio.sleep(0.05)
    [event] = told
    assert (event.channel_id, event.followers, event.correlation_id) == ("42", POPULAR, channel.session_id)
    [edge] = event.edges
    assert (edge.node_id, edge.objects, edge.failure) == ("edge-fra", 4, ""), "of picture and sound, what begins them and the first segment"
    size, folder = 0, map_.admissions.beginning("42").folder
    assert restricted == bool(folder)
    async with map_.client.get(f"{folder}/live/ana/source.m3u8?latency=normal") as answer:
        lines = (await answer.text()).splitlines()
    begun = next(line for line in lines if line.startswith("#EXT-X-MAP")).split('"')[1]
    for address in (begun, next(line for line in lines if line and not line.startswith("#"))):
        async with map_.client.get(urljoin(f"{folder}/live/ana/source.m3u8", address)) as answer:
            assert (answer.status, answer.headers["X-Cache"]) == (200, "HIT")
            size += len(await answer.read())
    assert 0 < size < edge.bytes
    await warmer.close()


@pytest.mark.row("P17", "U10")
async def test_a_playback_url_is_that_of_the_nearest_edge_that_answers(map_: Map) -> None:
    async with playing(map_) as asked:
        await _led(map_, asked)


async def _led(map_: Map, asked: str) -> None:
    edge = map_.health.edges[0].url
    for path, status, url in (
        ("ana?region=ams", 200, f"{edge}/live/ana/master.m3u8?latency=normal"),
        ("ANA?latitude=52.3&longitude=4.8&latency=low&rtt=edge-ams:10", 200, f"{edge}/live/ana/master.m3u8"),
        ("nobody", 404, None),
        ("ana?region=atlantis", 400, None),
        ("ana?rtt=edge-ams", 400, None),
        ("ana?rtt=edge-ams:%F0%9D%9F%91", 400, None),
        ("ana?latitude=north", 400, None),
    ):
        async with map_.client.get(asked + path) as answer:
            body = await answer.json()
            assert (answer.status, body.get("url")) == (status, url), body
            assert status == 200 or body["message"]
    decisions = [event for event in map_.told() if isinstance(event, EdgeAssigned)]
    assert [(each.node_id, [(one.node_id, one.state) for one in each.candidates]) for each in decisions] == [
        ("edge-fra", [("edge-ams", "unhealthy"), ("edge-fra", "ready")])
    ] * 2
    while map_.views.routes.led("42") != {"edge-fra": 2}:
        await asyncio.sleep(0.01)
    map_.health.ready = frozenset()
    async with map_.client.get(asked + "ana") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


@asynccontextmanager
async def playing(map_: Map) -> AsyncIterator[str]:
    """The API's part that leads viewers, for the block: the address before a login."""
    app = FastAPI()
    errors.install(app)
    app.include_router(router(map_.views, map_.health, map_.world.publisher, map_.admissions))
    [port] = ports.free(1)
    server = Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}/api/playback/"
    server.should_exit = True
    await running


@pytest.mark.row("L3", "U10")
async def test_a_restricted_channel_has_a_signed_playback_url_for_subscribers_who_confirm_and_reasons_for_others(map_: Map) -> None:
    channel, world = Channel([dummy("source", 1280, 720), dummy("audio")]), map_.world
    world.publisher.publish(channel.started())
    await world.produce(channel.segments(3))
    people = {name: number for number, name in enumerate(("sue", "tom", "mod"), 50)}
    for name, number in people.items():
        about = {"channel_id": str(number), "login": name, "display_name": name, "client_id": name}
        world.publisher.publish(msgspec.structs.replace(profile(), **about, access_token_hash=digest(name)))
    world.publisher.publish(Subscribed(channel_id="42", user_id="50", plan="tier1", cumulative_months=1))
    world.publisher.publish(RoomState(channel_id="42", moderators=("52",)))
    world.publisher.publish(msgspec.structs.replace(profile(), mature=True, watch_subscribers_only=True, access_token_hash=digest("ana")))
    while not map_.views.room("42").moderators or "50" not in map_.views.directory.subscribers("42"):
        await asyncio.sleep(0.01)
    while required(map_.views.accounts.by_id("42")) != "ms":
        await asyncio.sleep(0.01)

    async with playing(map_) as asked:

        async def ask(who: str, mature: str) -> tuple[int, dict[str, Any]]:
            headers = {"Authorization": f"Bearer {who}"} if who else {}
            async with map_.client.get(f"{asked}ana?mature={mature}", headers=headers) as answer:
                assert answer.status != 200 or answer.headers["Cache-Control"] == "no-store"
                return answer.status, await answer.json()

        for who, mature, status, words in (
            ("", "true", 403, "sign in"),
            ("tom", "true", 403, "tom is not one"),
            ("sue", "false", 403, "mature=true"),
            ("nobody", "true", 401, "token"),
        ):
            found, body = await ask(who, mature)
            assert (found, words in body["message"]) == (status, True), body
        for who in ("sue", "mod", "ana"):
            found, body = await ask(who, "true")
            assert (found, body["expires_in"]) == (200, LIFE_S)
            async with map_.client.get(body["url"]) as answer:
                assert answer.status == 200
            async with map_.client.get(body["url"].replace(body["pass"], "")) as answer:
                assert answer.status == 403


async def origin_ready(_: aiohttp.web.Request) -> aiohttp.web.Response:
    """As the origin's process has it."""
    return aiohttp.web.Response(text="ready")
