"""Serves the page.

Everything but the HTML lies under a path that carries a digest of all its bytes: browsers and edges may keep it for ever, modules
find each other by relative addresses, and a new release is a new path.
"""

import gzip
import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import web

HERE: Final = Path(__file__).parent
ASSETS: Final = HERE / "assets"
HLS: Final = HERE / "node_modules" / "hls.js" / "dist"
VENDORED: Final = ("hls.min.mjs", "hls.worker.js")

_TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self' blob:",  # Media Source Extensions hand the element a blob address
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_SECURITY: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_IMMUTABLE: Final = "public, max-age=31536000, immutable"  # RFC 8246; a year is what caches take for ever


class PageNotInstalledError(RuntimeError):
    """hls.js is missing: run `npm ci` in sinks/page."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is missing. Run `npm ci` in {HERE}, or `./chronicast up`, which does it.")


class _File(NamedTuple):
    """A file in memory, compressed once."""

    plain: bytes
    packed: bytes
    content_type: str

    @classmethod
    def of(cls, name: str, body: bytes) -> "_File":
        return cls(body, gzip.compress(body, mtime=0), _TYPES[Path(name).suffix])

    def answer(self, request: web.Request, headers: dict[str, str]) -> web.Response:
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        encoding = {"Content-Encoding": "gzip"} if packed else {}
        return web.Response(
            body=self.packed if packed else self.plain,
            content_type=self.content_type,
            charset="utf-8",
            headers={**_SECURITY, **headers, **encoding, "Vary": "Accept-Encoding"},
        )


def _read() -> dict[str, bytes]:
    """Address below the digest -> bytes."""
    paths = {path.relative_to(ASSETS).as_posix(): path for path in sorted(ASSETS.rglob("*")) if path.is_file()}
    paths |= {f"vendor/{name}": HLS / name for name in VENDORED}
    try:
        return {name: path.read_bytes() for name, path in paths.items()}
    except FileNotFoundError as error:
        raise PageNotInstalledError(Path(error.filename)) from error


def _digest(*parts: bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()[:16]


def routes() -> list[web.RouteDef]:
    """`GET /`, `GET /{login}`, `GET /videos/{vod_id}`, `GET /clips/{clip_id}` and `GET /assets/…`, read from disk once, at the call.

    `/{login}` matches any single name: add these routes after all others.

    Raises:
        PageNotInstalledError: hls.js was not installed.
    """
    bodies = _read()
    release = _digest(*(part for name, body in bodies.items() for part in (name.encode(), body)))
    assets = {name: _File.of(name, body) for name, body in bodies.items()}
    page = _File.of("index.html", (HERE / "index.html").read_bytes().replace(b"{assets}", f"/assets/{release}".encode()))
    tag = f'"{_digest(page.plain)}"'

    async def html(request: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-cache", "ETag": tag}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={**_SECURITY, **headers})
        return page.answer(request, headers)

    async def asset(request: web.Request) -> web.Response:
        found = assets.get(request.match_info["name"])
        if found is None or request.match_info["release"] != release:
            raise web.HTTPNotFound(text="No such file. Load the page again.", headers={**_SECURITY, "Cache-Control": "no-store"})
        return found.answer(request, {"Cache-Control": _IMMUTABLE})

    return [
        web.get("/", html),
        web.get("/assets/{release}/{name:.+}", asset),
        web.get("/videos/{vod_id:[\\w-]{1,64}}", html),
        web.get("/clips/{clip_id:[\\w-]{1,64}}", html),
        web.get("/{login:[A-Za-z0-9_]{1,25}}", html),
    ]
