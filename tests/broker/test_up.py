"""The whole system as users start it: up, used, stopped, started again; nothing left behind, no secret written down."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from infra import ports
from infra.run import noted
from infra.settings import Settings
from tests.s3_server import S3Server

pytestmark = [pytest.mark.broker, pytest.mark.media, pytest.mark.timeout(400)]
CHECKOUT = Path(__file__).parents[2]
UP_S = 120.0
"""About 15 s on an idle machine of two cores."""
DOWN_S = 30.0
MADE = {"regular": set[str](), "affiliate": {"480p30"}}
"""Renditions that a tier makes of the demo's 720p30."""


class Up:
    """`chronicast up`, running."""

    def __init__(self, process: asyncio.subprocess.Process, settings: Settings, output: Path) -> None:
        self.process = process
        self.settings = settings
        self.output = output
        self.url = f"http://127.0.0.1:{settings.ports.edge}"

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of ours, of the same system."""
        command = [sys.executable, "-m", "infra.cli", *arguments]
        return subprocess.run(
            command, cwd=CHECKOUT, env=environment(self.settings), capture_output=True, text=True, check=False, timeout=60
        )

    async def json(self, path: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def text(self, path: str) -> str:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.text()

    async def interrupt(self) -> None:
        """What Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        await asyncio.wait_for(self.process.wait(), DOWN_S)


def environment(settings: Settings) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if not name.startswith("CHRONICAST_")}, **settings.environment()}


@contextlib.asynccontextmanager
async def up(settings: Settings, *options: str) -> AsyncIterator[Up]:
    """Starts the system and waits until it says that it is up."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    output = settings.folder / f"up-{time.monotonic_ns()}.out"
    with output.open("wb") as said:
        command = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "infra.cli", "up", *options]
        process = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, env=environment(settings), stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + UP_S
        while "Chronicast is up" not in output.read_text():
            assert process.returncode is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            await asyncio.sleep(0.1)
        yield Up(process, settings, output)
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), DOWN_S)


def left_behind(settings: Settings) -> list[str]:
    """Processes whose command line or environment names the home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(folder.name) != os.getpid():
                command = (folder / "cmdline").read_bytes()
                if settings.home.encode() in command + (folder / "environ").read_bytes():
                    found.append(f"{folder.name}: {command!r}")
    return found


def media_sequence(playlist: str) -> int:
    match = re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", playlist)
    assert match is not None, playlist
    return int(match[1])


async def shows(running: Up, made: set[str], within: float = 60.0) -> None:
    """Waits until the demo's master playlist has these renditions beside the source. Those taken away are wound down for 30 s."""
    deadline = time.monotonic() + within
    while (there := set(re.findall(r"(\d+p\d+)\.m3u8", await running.text("/live/demo/master.m3u8")))) != made:
        assert time.monotonic() < deadline, there
        await asyncio.sleep(0.5)


async def rendition(running: Up, within: float = 40.0) -> str:
    """The demo's source playlist, once it has a whole segment."""
    deadline = time.monotonic() + within
    while "#EXTINF" not in (playlist := await running.text("/live/demo/source.m3u8")):
        assert time.monotonic() < deadline, playlist
        await asyncio.sleep(0.5)
    return playlist


@pytest.mark.row("U1", "U2", "U4", "U7", "L13", "S3")
async def test_it_comes_up_plays_stops_without_a_trace_and_goes_on_where_it_was(settings: Settings) -> None:
    async with up(settings) as running:
        assert settings.page_url in running.output.read_text()
        assert "<html" in await running.text("/demo")
        first = media_sequence(await rendition(running))
        status = running.cli("status", "--json")
        assert status.returncode == 0, status.stdout + status.stderr
        told = json.loads(status.stdout)
        assert set(told["subsystems"]) == {"log", "ingest", "transcoding", "chat", "delivery", "archive", "demo"}
        assert told["healthy"]
        for port in (
            settings.ports.ingest,
            settings.ports.folds,
            settings.ports.transcoder,
            settings.ports.origin,
            settings.ports.registry,
        ):
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                assert "python_info" in await answer.text()
        made = json.loads(running.cli("account", "create", "night_owl", "--tier", "affiliate", "--json").stdout)
        assert set(made) == {"id", "login", "access_token", "client_id", "stream_key"}
        owner_key = re.search(r"live_\d+_\w{32}", running.output.read_text())
        assert owner_key is not None
        await running.interrupt()
        assert running.process.returncode == 0
    assert left_behind(settings) == []
    assert [port for port in settings.ports if ports.taken(port)] == []

    async with up(settings) as running:
        assert "as shown at the first start" in running.output.read_text()
        accounts = json.loads(running.cli("account", "list", "--json").stdout)
        assert {account["login"]: account["id"] for account in accounts}["night_owl"] == made["id"]
        assert media_sequence(await rendition(running)) > first
        for tier in ("regular", "affiliate"):
            assert running.cli("account", "promote", "demo", tier).returncode == 0
            await shows(running, MADE[tier])
        topics = running.cli("topics", "--json")
        assert topics.returncode == 0, topics.stdout
        tailed = running.cli("tail", "channel.profile.state.v1", "--from", "start", "--key", made["id"], "--count", "1", "--json")
        assert json.loads(tailed.stdout)["event"]["login"] == "night_owl"
        secrets = [made["stream_key"], made["access_token"], owner_key[0]]
        await running.interrupt()
    written = [
        file for folder in ("logs", "run", "views", "faust", "kafka") for file in (settings.folder / folder).rglob("*") if file.is_file()
    ]
    assert len(written) > 20
    for file in written:
        content = file.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], file
        assert not re.search(rb"live_\d+_\w{32}|cc_\w{32}", content), f"a key in {file}"


@pytest.mark.row("U9")
async def test_it_works_on_s3_and_keeps_no_object_at_home(settings: Settings, s3: S3Server, s3_bucket: str) -> None:
    settings = msgspec.structs.replace(settings, objects=f"{s3_bucket}/chronicast")
    async with up(settings) as running:
        address = re.findall(r"^/media/(\S+\.m4s)", await rendition(running), re.MULTILINE)[-1]
        async with aiohttp.ClientSession() as session, session.get(f"{running.url}/media/{address}") as answer:
            served = await answer.read()
        await running.interrupt()
    assert (s3.folder / s3_bucket.removeprefix("s3://") / "chronicast" / address).read_bytes() == served
    assert not (settings.folder / "objects").exists()


@pytest.mark.row("U10")
async def test_what_stands_in_the_way_is_named_before_anything_starts(settings: Settings) -> None:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", settings.ports.rtmp)
    async with server:
        command = [sys.executable, "-m", "infra.cli", "up"]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=CHECKOUT, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert f"{settings.ports.rtmp} (for ingest) is taken by" in said.decode()
    assert f"process {os.getpid()}" in said.decode()
    assert "CHRONICAST_PORT_OFFSET" in said.decode()
    assert not (settings.folder / "kafka").exists()


@pytest.mark.row("U10")
@pytest.mark.parametrize("command", [("status",), ("topics",), ("tail", "media.stream"), ("account", "list")])
def test_commands_say_how_to_start_what_does_not_run(settings: Settings, command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", *command], cwd=CHECKOUT, env=environment(settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "./chronicast up" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.kill
@pytest.mark.row("U1")
async def test_nothing_survives_a_starter_that_is_killed(settings: Settings) -> None:
    async with up(settings, "--no-demo") as running:
        assert len(left_behind(settings)) > 6
        running.process.kill()
        await running.process.wait()
        deadline = time.monotonic() + DOWN_S
        while left_behind(settings) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        assert left_behind(settings) == []


def target(playlist: str) -> int:
    """The media sequence that a playlist has come to."""
    return media_sequence(playlist) + playlist.count("#EXTINF")


@pytest.mark.kill
@pytest.mark.row("L13", "T19")
async def test_processes_that_are_killed_come_back_and_the_stream_goes_on(settings: Settings) -> None:
    async with up(settings) as running:
        await rendition(running)
        for names in (("folds", "transcoder", "origin", "edge", "registry", "lake"), ("ingest",), ("kafka",)):
            run = noted(settings.folder)
            assert run is not None
            for state in run.services:
                if state.name in names:
                    os.kill(state.pid, signal.SIGKILL)
            deadline = time.monotonic() + 90
            while not all(restarted(settings, name) for name in names) or running.cli("status", "--json").returncode:
                assert time.monotonic() < deadline, f"{names}: {running.cli('status').stdout}"
                await asyncio.sleep(0.5)
            before = target(await rendition(running))
            while target(await rendition(running)) <= before:
                assert time.monotonic() < deadline, f"no segment after {names} were killed"
                await asyncio.sleep(0.5)


def restarted(settings: Settings, name: str) -> bool:
    run = noted(settings.folder)
    assert run is not None
    return any(state.name == name and state.phase == "ready" and state.restarts for state in run.services)
