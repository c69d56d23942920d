"""The registry while its log is slow or away: no answer before the truth is known, no id given out twice."""

import asyncio
import json
import threading
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from aiohttp.test_utils import TestClient, TestServer

from schemas import registry_http
from schemas.compatibility import Level
from schemas.errors import UnknownSchemaError
from schemas.registry_http import HttpRegistry
from schemas.subject_commands import RefusedError, register
from sinks import registry_view
from sinks.registry_api import make_app
from sinks.registry_view import RegistryView
from streams.errors import NotAppendedError
from streams.log import Position
from streams.log_memory import MemoryLog


class SlowLog(MemoryLog):
    """Takes records when it is let."""

    def __init__(self) -> None:
        super().__init__({"_schemas": 1})
        self.waiting: list = []
        self.broken = False

    def append(self, topic, key, value, *, headers=(), timestamp=None, partition=None) -> Future[Position]:
        future: Future[Position] = Future()
        if self.broken:
            future.set_exception(NotAppendedError("the broker refused"))
            return future
        self.waiting.append((future, key, value))
        return future

    def let(self) -> None:
        """Takes what waits."""
        for future, key, value in self.waiting:
            future.set_result(super().append("_schemas", key, value, partition=0).result())
        self.waiting.clear()


async def until(done) -> None:
    while not done():
        await asyncio.sleep(0.001)


async def test_write_is_answered_only_after_it_came_back_from_the_log() -> None:
    log = SlowLog()
    view = RegistryView(log, Level.NONE)
    async with view.running():
        asked = asyncio.create_task(view.carry_out(lambda state: register(state, "a", "int")))
        await until(lambda: log.waiting)
        await asyncio.sleep(0.02)
        assert not asked.done()
        assert view.state.names() == []
        log.let()
        assert (await asked).id == 1
        assert view.state.names() == ["a"]


async def test_two_writers_at_once_get_two_ids() -> None:
    view = RegistryView(MemoryLog({"_schemas": 1}), Level.NONE)
    async with view.running():
        names = ["int", "long", "string", "bytes"]
        placed = await asyncio.gather(*(view.carry_out(lambda state, n=n: register(state, n, n)) for n in names))
        assert sorted(version.id for version in placed) == [1, 2, 3, 4]


async def test_append_that_timed_out_keeps_its_id_once_it_lands(monkeypatch: pytest.MonkeyPatch) -> None:
    log = SlowLog()
    view = RegistryView(log, Level.NONE)
    async with view.running():
        with monkeypatch.context() as impatient:
            impatient.setattr(registry_view, "APPEND_S", 0.05)
            for name in ("int", "long"):
                with pytest.raises(RefusedError, match="Is the broker up") as refused:
                    await view.carry_out(lambda state, name=name: register(state, name, name))
                assert refused.value.code == 50002
        assert len(log.waiting) == 1, "the second command was not begun"
        log.let()
        await until(view.state.names)
        asked = asyncio.create_task(view.carry_out(lambda state: register(state, "long", "long")))
        await until(lambda: log.waiting)
        log.let()
        assert (await asked).id == 2


async def test_refused_append_is_told_and_the_next_one_goes_through() -> None:
    log = SlowLog()
    view = RegistryView(log, Level.NONE)
    async with view.running():
        log.broken = True
        with pytest.raises(RefusedError, match="the broker refused"):
            await view.carry_out(lambda state: register(state, "a", "int"))
        log.broken = False
        asked = asyncio.create_task(view.carry_out(lambda state: register(state, "a", "int")))
        await until(lambda: log.waiting)
        log.let()
        assert (await asked).id == 1


async def test_leaving_while_an_append_waits_ends() -> None:
    log = SlowLog()
    view = RegistryView(log, Level.NONE)
    async with asyncio.timeout(10):
        async with view.running():
            asked = asyncio.create_task(view.carry_out(lambda state: register(state, "a", "int")))
            await until(lambda: log.waiting)
        asked.cancel()


class UnreadLog(MemoryLog):
    """Never says that all was read."""

    def tail(self, starts, deliver, caught_up=None):
        return super().tail(starts, deliver)


async def test_only_health_is_answered_before_the_topic_has_been_read() -> None:
    async with TestClient(TestServer(make_app(UnreadLog({"_schemas": 1})))) as client:
        assert (await client.get("/healthz")).status == 200
        assert (await client.get("/readyz")).status == 503
        refused = await client.get("/subjects")
        assert refused.status == 503
        assert json.loads(await refused.text())["error_code"] == 503


class Counting(BaseHTTPRequestHandler):
    """A registry that knows id 1 and counts what it is asked."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        known = self.path == "/schemas/ids/1"
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(b'{"schema": "\\"int\\""}' if known else b'{"error_code": 40403, "message": "Schema not found"}')

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def counting():
    Counting.asked = []
    with HTTPServer(("127.0.0.1", 0), Counting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_client_asks_once_for_an_id_known_or_not(counting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = HttpRegistry(f"http://127.0.0.1:{counting}")
    for _ in range(3):
        assert registry.schema(1) == "int"
        with pytest.raises(UnknownSchemaError):
            registry.schema(2)
    assert Counting.asked == ["/schemas/ids/1", "/schemas/ids/2"]
    monkeypatch.setattr(registry_http, "FORGET_AFTER_S", 0)
    monkeypatch.setattr(registry_http, "UNKNOWN_MAX", 1)
    for _ in range(2):
        with pytest.raises(UnknownSchemaError):
            registry.schema(3)
    assert Counting.asked[2:] == ["/schemas/ids/3"] * 2, "an id that was unknown is asked for again after a while"
