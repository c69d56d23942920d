"""Errors as HTTP answers: JSON that says what was wrong and what to do."""

from collections.abc import Awaitable, Callable

import msgspec
import structlog
from aiohttp import web

logger = structlog.get_logger()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Range",
    "Access-Control-Max-Age": "86400",
}
"""Players and pages of other origins may read and report."""


class ProblemError(Exception):
    """Raised anywhere in a handler; `problems` makes it the answer."""

    def __init__(self, status: int, error: str, message: str, fix: str, *, retry_after_s: int | None = None) -> None:
        """`error` is a stable word for programs; `message` and `fix` are for people."""
        super().__init__(message)
        self.status = status
        self.body = msgspec.json.encode({"error": error, "message": message, "fix": fix})
        self.headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store", "Content-Type": "application/json"}
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)


def unknown_channel(login: str) -> ProblemError:
    """Nobody has that login."""
    return ProblemError(
        404, "unknown_channel", f"there is no channel {login!r}", "check the spelling; /api/channels lists those that are live"
    )


def offline(login: str) -> ProblemError:
    """The channel exists and has nothing to play."""
    return ProblemError(404, "offline", f"{login} is not live", f"ask /api/channels/{login} and try again once `live` is true")


def unknown_rendition(login: str, rendition: str, known: list[str]) -> ProblemError:
    """The channel does not have that rendition now."""
    fix = f"take one that /live/{login}/master.m3u8 lists: {', '.join(known)}"
    return ProblemError(404, "unknown_rendition", f"{login} has no rendition {rendition!r} now", fix)


def unknown_vod(vod_id: str) -> ProblemError:
    """No such VOD, or no more."""
    return ProblemError(404, "unknown_vod", f"there is no VOD {vod_id!r}", "it may have been deleted; /api/vods lists those that are there")


def unknown_rendition_of_vod(vod_id: str, rendition: str, ladder: list[str]) -> ProblemError:
    """The ladder has no such rendition below that source."""
    fix = f"ask for one of {', '.join(ladder)}" if ladder else "its source is the smallest that there is"
    return ProblemError(404, "unknown_rendition", f"VOD {vod_id} cannot have a rendition {rendition!r}", fix)


def missing(address: str) -> ProblemError:
    """No such object."""
    return ProblemError(404, "no_such_object", f"there is no object {address!r}", "load the playlist again and take an address from it")


def starting() -> ProblemError:
    """The views are being read from the log."""
    return ProblemError(503, "starting", "the origin is still reading the log", "try again in a second; /readyz says when", retry_after_s=1)


def late(what: str) -> ProblemError:
    """What was waited for did not come (RFC 8216bis section 6.2.5.2: 503 after three target durations)."""
    fix = "load the playlist without delivery directives; the publisher may be away"
    return ProblemError(503, "not_produced", f"{what} was not produced in time", fix, retry_after_s=1)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error in the same form, the router's and unforeseen ones too; and the answer to preflights."""
    if request.method == "OPTIONS":  # the preflight of browsers on other origins
        return web.Response(status=204, headers=CORS)
    try:
        return await handler(request)
    except ProblemError as problem:
        found = problem
    except web.HTTPNotFound:
        found = ProblemError(404, "no_such_path", f"nothing is served at {request.path}", "see the HTTP reference for what is")
    except web.HTTPMethodNotAllowed as cause:
        allowed = ", ".join(sorted(cause.allowed_methods))
        found = ProblemError(405, "method_not_allowed", f"{request.method} is not possible at {request.path}", f"use {allowed}")
    except web.HTTPRequestEntityTooLarge:
        found = ProblemError(413, "too_large", "the body is too large", "send what the HTTP reference describes, nothing more")
    except web.HTTPException:
        raise
    except Exception:
        logger.exception("request failed", method=request.method, path=request.path)
        found = ProblemError(500, "internal", "the origin failed to answer", "try again; the operator finds the cause in the origin's log")
    return web.Response(status=found.status, body=found.body, headers=found.headers)
