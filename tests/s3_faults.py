"""A network in front of the S3 server that fails where it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Literal

from aiohttp import ClientSession, web
from obstore.store import from_url

from streams.objects import StoredObjects
from tests.s3_server import S3Server

Kind = Literal["refuse", "lose", "tear", "hang"]
PATIENCE_S = 8
"""Of a request: a busy machine answers in less, and what hangs costs the test no more."""
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
BUSY = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>'


@dataclass
class Fault:
    """What goes wrong: refuse answers 503, lose does what was asked and breaks off before the answer, tear breaks off amid the body,
    written or read, hang never answers.
    """

    kind: Kind
    method: str = ""
    """GET, LIST, PUT (also of a part), COPY, DELETE (of objects), POST (where an upload begins and ends), or WRITE for PUT and COPY; all
    where empty.
    """
    path: str = ""
    """Part of the path."""
    nth: int = 1
    """The first request that it hits, of those that it is about."""
    times: int = 1_000_000
    met: int = field(default=0, init=False)

    def hits(self, method: str, path: str) -> bool:
        """Whether a request fails. Counts it."""
        methods = {"WRITE": {"PUT", "COPY"}, "": {method}}.get(self.method, {self.method})
        if method not in methods or self.path not in path:
            return False
        self.met += 1
        return self.nth <= self.met < self.nth + self.times


class FaultyNetwork:
    """Passes requests on to the server, but for those that a fault hits."""

    def __init__(self, upstream: str, session: ClientSession) -> None:
        self._upstream = upstream
        self._session = session
        self.fault: Fault | None = None
        self.asked: list[tuple[str, str]] = []
        """Method and path of what came."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        method = _method(request)
        self.asked.append((method, request.raw_path))
        body = await request.content.read()  # a request would refuse a large one
        kind = self.fault.kind if self.fault is not None and self.fault.hits(method, request.raw_path) else None
        if kind == "refuse":
            return web.Response(status=503, text=BUSY, content_type="application/xml")
        if kind == "hang":
            await asyncio.Event().wait()
        if kind == "tear" and method == "PUT":
            await self._half(request, body)
            raise _broken_off(request)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        url, quiet = self._upstream + request.raw_path, ("User-Agent", "Content-Type")
        asked = self._session.request(request.method, url, headers=headers, data=BytesIO(body) if body else None, skip_auto_headers=quiet)
        async with asked as answer:
            data = await answer.read()
            if kind == "lose":
                raise _broken_off(request)
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            if kind == "tear":
                return await _torn(request, answer.status, kept, data)
            if request.method == "HEAD":
                kept["Content-Length"] = answer.headers.get("Content-Length", "0")
            return web.Response(status=answer.status, headers=kept, body=data)

    async def _half(self, request: web.Request, body: bytes) -> None:
        """Sends the server half of a body, and hangs up."""
        host, _, port = self._upstream.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = [f"{request.method} {request.raw_path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items()), "", ""]
        writer.write("\r\n".join(head).encode() + body[: len(body) // 2])
        await writer.drain()
        writer.close()
        await writer.wait_closed()


def _method(request: web.BaseRequest) -> str:
    """What a request is about."""
    if "x-amz-copy-source" in request.headers:
        return "COPY"
    if request.method == "GET" and "list-type" in request.query:
        return "LIST"
    return "DELETE" if request.method == "POST" and "delete" in request.query else request.method


async def _torn(request: web.Request, status: int, headers: dict[str, str], data: bytes) -> web.StreamResponse:
    answer = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(len(data))})
    await answer.prepare(request)
    await answer.write(data[: len(data) // 2])
    raise _broken_off(request)


def _broken_off(request: web.Request) -> ConnectionResetError:
    """Closes the connection without a further word."""
    if request.transport is not None:
        request.transport.abort()
    return ConnectionResetError("broken off")


@asynccontextmanager
async def faulty(server: S3Server) -> AsyncIterator[tuple[FaultyNetwork, str]]:
    """The network, and its URL, while the block lasts."""
    async with ClientSession(auto_decompress=False) as session:
        network = FaultyNetwork(server.environment["AWS_ENDPOINT_URL"], session)
        runner = web.ServerRunner(web.Server(network.handle), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        [(_, port)] = runner.addresses
        try:
            yield network, f"http://127.0.0.1:{port}"
        finally:
            await runner.cleanup()


def impatient(url: str, endpoint: str) -> StoredObjects:
    """A store behind an endpoint that tries once."""
    return StoredObjects(
        from_url(
            url,
            config={"endpoint": endpoint},
            client_options={"timeout": timedelta(seconds=PATIENCE_S), "allow_http": True},
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=PATIENCE_S)},
        )
    )
