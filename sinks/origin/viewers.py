"""What viewers send over HTTP."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from aiohttp import web

from sinks.origin.problem import CORS, ProblemError
from sinks.origin.stages import Stages
from streams.edges.viewers import ReportError, ViewerEdge
from streams.errors import BacklogFullError

T = TypeVar("T")
MAX_BODY = 4096
"""Bytes; a report has about 300."""


class Viewers:
    """The routes under /api that write."""

    def __init__(self, edge: ViewerEdge, stages: Stages) -> None:
        self._edge = edge
        self._stages = stages

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.post("/api/quality", self.quality),
            web.post("/api/sessions", self.joined),
            web.post("/api/sessions/heartbeat", self.watching),
            web.post("/api/sessions/leave", self.left),
        ]

    async def quality(self, request: web.Request) -> web.Response:
        """Takes a report of playback."""
        body = await _body(request)
        self._stages.watched(_taken(lambda: self._edge.quality(body)))
        return web.Response(status=202, headers=CORS)

    async def joined(self, request: web.Request) -> web.Response:
        """A visit begins."""
        body = await _body(request)
        viewer_session_id = _taken(lambda: self._edge.joined(body))
        content = msgspec.json.encode({"viewer_session_id": viewer_session_id})
        return web.Response(status=201, body=content, headers={**CORS, "Content-Type": "application/json"})

    async def watching(self, request: web.Request) -> web.Response:
        """A visit goes on."""
        body = await _body(request)
        _taken(lambda: self._edge.watching(body))
        return web.Response(status=202, headers=CORS)

    async def left(self, request: web.Request) -> web.Response:
        """A visit ends."""
        body = await _body(request)
        _taken(lambda: self._edge.left(body))
        return web.Response(status=202, headers=CORS)


async def _body(request: web.Request) -> bytes:
    if (request.content_length or 0) > MAX_BODY:
        raise _too_large()
    body = await request.content.read(MAX_BODY + 1)
    while len(body) <= MAX_BODY and not request.content.at_eof():
        body += await request.content.read(MAX_BODY + 1 - len(body))
    if len(body) > MAX_BODY:
        raise _too_large()
    return body


def _taken(publish: Callable[[], T]) -> T:
    try:
        return publish()
    except ReportError as cause:
        raise ProblemError(400, "malformed_report", str(cause), "send JSON with the fields that the HTTP reference lists") from cause
    except BacklogFullError as cause:
        raise ProblemError(503, "log_unavailable", "the log does not take events now", "try again later", retry_after_s=10) from cause


def _too_large() -> ProblemError:
    return ProblemError(413, "too_large", f"the body has more than {MAX_BODY} bytes", "send only the fields that the HTTP reference lists")
