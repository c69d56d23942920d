"""Sessions of players: begun by a master, told by every playlist request, whether this origin or a cache before it answers."""

import asyncio
import re

import structlog
from aiohttp import hdrs, web

from processors.playlist.master import folder_of
from sinks.origin.channel import LiveChannel
from sinks.origin.document import Document
from sinks.origin.views import Views
from streams.edges.audience import Audience
from streams.edges.sessions import Session, Signer, device
from streams.errors import BacklogFullError

logger = structlog.get_logger()
PLACE = "@session@"
"""Stands in the text that is rendered once for all viewers."""
PRIVATE = "private, no-store"
"""One answer is one viewer's."""
REPORT = re.compile(rb": ([0-9]{1,12})\.([0-9]{3}) (\S{1,128}) /live/([^/\s]{1,64})/\S+$")
"""What infra/nginx.conf says of an answer out of its cache: syslog's header (RFC 3164), time, session, path."""


class Sessions(asyncio.DatagramProtocol):
    """Both ways by which playlist requests are heard of; as a protocol it takes the edge's reports."""

    def __init__(self, audience: Audience, signer: Signer, views: Views) -> None:
        self._audience = audience
        self._signer = signer
        self._views = views

    def master(
        self, request: web.Request, channel: LiveChannel, document: Document, content_type: str, *, relative: bool = True
    ) -> web.Response:
        """The answer to a request for a master: what was rendered for all, with the session of the request's address or a new one.

        `relative` says that the addresses in it are relative to its own.
        """
        token = _token(request)
        session = self._signer.read(token)
        named = session is not None and session.channel_id == channel.channel_id
        if not named:
            token = self._signer.begin(channel.channel_id, device(request.headers.get(hdrs.USER_AGENT, "")))
        folder = folder_of(token)
        if relative and named:
            folder = ""
        elif relative and "session" in request.match_info:
            folder = f"../{folder}"
        text = document.body.decode().replace(folder_of(PLACE), folder)
        return Document(text, content_type).answer(request, PRIVATE, tagged=False)

    def asked(self, request: web.Request, channel: LiveChannel) -> None:
        """A playlist was asked for here."""
        self._note(self._signer.read(_token(request)), channel)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A playlist was answered by an edge out of its cache."""
        found = REPORT.search(data.rstrip())
        if found is None:
            logger.warning("an edge's report says nothing", start=data[:80].decode(errors="replace"))
            return
        seconds, milliseconds, token, login = (each.decode(errors="replace") for each in found.groups())
        channel = self._views.by_login(login)
        if channel is not None:
            self._note(self._signer.read(token), channel, (int(seconds) * 1_000 + int(milliseconds)) * 1_000)

    def _note(self, session: Session | None, channel: LiveChannel, at: int | None = None) -> None:
        if session is None or session.channel_id != channel.channel_id or not channel.live:
            return
        try:
            self._audience.asked(session, at)
        except BacklogFullError as cause:  # who watches goes on watching; the next request tries again
            logger.warning("a viewer was not told to the log", cause=str(cause))


def _token(request: web.Request) -> str:
    return request.match_info.get("session", "")
