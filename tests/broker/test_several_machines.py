"""The system on several machines, each process started by `run`: what is pushed to one plays at another's edge."""

import json
from pathlib import Path

import aiohttp
import msgspec
import pytest
from yarl import URL

from infra import ports
from infra.demo_chat import Viewer
from infra.settings import Settings
from tests.glass import Publisher
from tests.live import answers
from tests.machines import listens, machines, offsets


async def plays(playlist: str) -> None:
    """Its newest object is there, and is MP4."""
    async with aiohttp.ClientSession() as client:
        async with client.get(playlist) as answer:
            lines = (await answer.text()).splitlines()
            address = answer.url.join(URL([line for line in lines if line and not line.startswith("#")][-1]))
        async with client.get(address) as answer:
            assert answer.status == 200
            assert (await answer.read())[4:8] in {b"styp", b"moof"}


@pytest.mark.broker
@pytest.mark.media
@pytest.mark.timeout(300)
@pytest.mark.row("U9")
async def test_a_stream_pushed_to_one_machine_plays_at_anothers_edge_and_is_chatted_about_there(
    settings: Settings, s3_bucket: str, tmp_path: Path
) -> None:
    """The first has the log and takes in, the second serves, the third is the edge. They share a bucket and the master key."""
    first = msgspec.structs.replace(settings, objects=s3_bucket, node="first", master_key=str(tmp_path / "master.key"))
    elsewhere = offsets(first.port_offset)
    second, third = (
        msgspec.structs.replace(
            first,
            home=str(tmp_path / name),
            node=name,
            port_offset=next(elsewhere),
            kafka=first.bootstrap,
            registry=first.registry_url,
        )
        for name in ("second", "third")
    )
    behind = {name: f"127.0.0.1:{getattr(second.ports, name)}" for name in ("origin", "api", "gateway", "sessions")}
    third = msgspec.structs.replace(third, **behind)
    async with machines(first, second, third) as (one, two, three):
        await one.run("kafka")
        await listens(first.ports.kafka)
        await one.run("registry")
        await listens(first.ports.registry)
        await one.run("ingest", "folds", "moderation")
        await two.run("origin", "api", "chat")
        await three.run("edge")
        await listens(first.ports.rtmp, second.ports.origin, second.ports.gateway, second.ports.api, third.ports.edge)
        account = json.loads(await two.command("account", "create", "night_owl", "--json"))
        publisher = await Publisher.start(f"rtmp://127.0.0.1:{first.ports.rtmp}/app/{account['stream_key']}")
        try:
            edge = f"127.0.0.1:{third.ports.edge}"
            await answers(f"http://{edge}/live/night_owl/source.m3u8", "#EXTINF")
            await plays(f"http://{edge}/live/night_owl/source.m3u8")
            viewer = await Viewer.come(f"ws://{edge}/chat", "night_owl", account["access_token"], "night_owl")
            said = await viewer.ask("say", channel="night_owl", text="hello from afar")
            assert said["type"] == "accepted", said
            await viewer.go()
        finally:
            await publisher.stop()
    left = [port for each in (first, second, third) for port in each.ports if ports.taken(port)]
    assert left == [], "a signal reaches the process that `run` became"
