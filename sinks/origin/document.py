"""A rendered text that many viewers share: encoded, compressed and tagged once."""

import hashlib
import zlib
from functools import cached_property

from aiohttp import hdrs, web
from multidict import CIMultiDict

COMPRESSION = 6, zlib.DEFLATED, zlib.MAX_WBITS + 16 - 2, 6
"""zlib's level, method, window and memory: 8 KB of window hold a playlist, and are had for less than the usual 256 KB. Gzip's header."""
PLAYLIST = "application/vnd.apple.mpegurl"
MANIFEST = "application/dash+xml"


class Document:
    """A text and its answers."""

    def __init__(self, text: str, content_type: str) -> None:
        self.body = text.encode()
        self._type = content_type

    @cached_property
    def _tag(self) -> str:
        return hashlib.blake2b(self.body, digest_size=12).hexdigest()

    @cached_property
    def _gzipped(self) -> bytes:
        packer = zlib.compressobj(*COMPRESSION)
        return packer.compress(self.body) + packer.flush()

    def answer(self, request: web.Request, cache_control: str, *, tagged: bool = True) -> web.Response:
        """200 in the coding that the client takes, or 304 where it has it. An answer that is asked for once needs no tag."""
        zipped = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
        headers = CIMultiDict(
            (
                (hdrs.CONTENT_TYPE, self._type),
                (hdrs.CACHE_CONTROL, cache_control),
                (hdrs.VARY, hdrs.ACCEPT_ENCODING),
                (hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            )
        )
        if tagged:
            tag = f'"{self._tag}-gzip"' if zipped else f'"{self._tag}"'
            headers[hdrs.ETAG] = tag
            if tag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
                return web.Response(status=304, headers=headers)
        if zipped:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=self._gzipped if zipped else self.body, headers=headers)
