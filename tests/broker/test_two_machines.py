"""The system on several machines, each process started by `run`: what is pushed to one plays at another's edge."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import msgspec
import pytest

from infra import ports
from infra.process import Process
from infra.settings import CHECKOUT, Ports, Settings
from tests.glass import Publisher
from tests.live import answers
from tests.system import OFFSETS, free_offset

CLI = [sys.executable, "-m", "infra.cli"]


class Machine:
    """One of them: a home, an offset of ports, and the processes that were asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._processes: list[Process] = []

    async def run(self, *names: str) -> None:
        for name in names:
            log = self.settings.folder / "logs" / f"{name}.log"
            self._processes.append(await Process.start([*CLI, "run", name], log, self.settings.environment()))

    async def command(self, *words: str) -> bytes:
        environment = {**os.environ, **self.settings.environment()}
        process = await asyncio.create_subprocess_exec(*CLI, *words, cwd=CHECKOUT, env=environment, stdout=asyncio.subprocess.PIPE)
        printed, _ = await process.communicate()
        assert process.returncode == 0
        return printed

    async def listens(self, port: int) -> None:
        async with asyncio.timeout(90):
            while not ports.taken(port):
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        server, *others = self._processes
        await asyncio.gather(*(process.stop() for process in others))
        await server.stop()


@contextlib.asynccontextmanager
async def machines(*settings: Settings) -> AsyncIterator[list[Machine]]:
    made = [Machine(each) for each in settings]
    try:
        yield made
    finally:
        for machine in reversed(made):  # the log's is the last
            await machine.stop()


def other_offset(taken: int) -> int:
    """For a second machine, so that no port of one is the other's."""
    span = max(Ports()) - min(Ports())
    for offset in (*range(taken + span + 1, OFFSETS.stop, 977), *range(OFFSETS.start, taken - span, 977)):
        if not any(ports.taken(port) for port in Ports().moved(offset)):
            return offset
    return free_offset()


@pytest.mark.broker
@pytest.mark.media
@pytest.mark.timeout(240)
@pytest.mark.row("U9")
async def test_a_stream_pushed_to_one_machine_plays_and_is_chatted_about_at_the_other(
    settings: Settings, s3_bucket: str, tmp_path: Path
) -> None:
    first = msgspec.structs.replace(settings, objects=s3_bucket, node="first", master_key=str(tmp_path / "master.key"))
    second = msgspec.structs.replace(
        first,
        home=str(tmp_path / "second"),
        node="second",
        port_offset=other_offset(settings.port_offset),
        kafka=first.bootstrap,
        registry=first.registry_url,
        origin=f"127.0.0.1:{settings.ports.origin}",
        sessions=f"127.0.0.1:{settings.ports.sessions}",
    )
    third = msgspec.structs.replace(second, origin="", sessions="")
    async with machines(first, third) as (one, two):
        await one.run("kafka")
        await one.listens(first.ports.kafka)
        await one.run("registry")
        await one.listens(first.ports.registry)
        await one.run("ingest", "folds", "moderation")
        await two.run("origin", "api", "chat")
        for port in (first.ports.rtmp, third.ports.origin, third.ports.gateway, third.ports.api):
            await one.listens(port)
        await two.run("edge")
        await two.listens(third.ports.edge)
        edge = f"http://127.0.0.1:{third.ports.edge}"
        account = json.loads(await two.command("account", "create", "night_owl", "--json"))
        publisher = await Publisher.start(f"rtmp://127.0.0.1:{first.ports.rtmp}/app/{account['stream_key']}")
        try:
            await answers(f"{edge}/live/night_owl/source.m3u8", "#EXTINF")
            async with aiohttp.ClientSession() as client:
                print(quote(edge), client)
        finally:
            await publisher.stop()
