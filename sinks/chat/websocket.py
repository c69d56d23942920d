"""A WebSocket connection: handshake and incoming frames by `websockets`, outgoing frames made once for all."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import ClassVar, cast
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from sinks.chat.client import Client
from sinks.chat.dialect import Dialect
from sinks.chat.frames import text_frame
from sinks.chat.hall import Hall

FRAME_MOST = 16_384
"""Bytes of an incoming message: five hundred code points and tags are far below."""
HANDSHAKE_S = 10.0
JSON_PATH = "/chat"
GATEWAY_PATH = "/chat/gateway"
QUIET = logging.getLogger("chat.websocket")
"""Its debug lines hold what people write: it is never set to tell them."""
QUIET.setLevel(logging.WARNING)
TOO_MANY = 1013


def _irc(_: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """IRC clients offer `irc`, and some of them end where it is not taken up."""
    return Subprotocol("irc") if "irc" in offered else None


class Doors:
    """What a new connection may ask of the gateway. Set by it."""

    def __init__(self, json: Dialect, irc: Dialect, *, register: Callable[[Client], bool], lost: Callable[[Client], None]) -> None:
        """`register`: whether there is room for one more; `lost` is called with each that it was called with."""
        self.json = json
        self.irc = irc
        self.register = register
        self.lost = lost


class WebSocket(Client):
    """One of them."""

    frame = staticmethod(text_frame)
    kind: ClassVar[str] = "websocket"

    def __init__(self, hall: Hall, number: int, doors: Doors) -> None:
        super().__init__(hall, number)
        self._doors = doors
        self._protocol = ServerProtocol(select_subprotocol=_irc, max_size=FRAME_MOST, logger=QUIET)
        self._message: list[bytes] = []
        self._registered = False
        self._impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A socket was accepted."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=self.hall.config.queue_bytes)
        self._impatience = asyncio.get_running_loop().call_later(HANDSHAKE_S, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._shake(event)
            elif isinstance(event, Frame):
                self._on_frame(event)
        self._write()

    def eof_received(self) -> None:
        """The other side sends no more."""
        self._protocol.receive_eof()
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        if self._impatience is not None:
            self._impatience.cancel()
        super().connection_lost(exc)
        if self._registered:
            self._doors.lost(self)

    def say_farewell(self, code: int, reason: str) -> None:
        """The close frame."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(code, reason)
        self._write()

    def ping(self) -> None:
        """A ping frame; browsers answer by themselves."""
        if not self.closing and self._protocol.state is OPEN:
            self._protocol.send_ping(b"")
            self._write()

    def _shake(self, request: Request) -> None:
        path = urlsplit(request.path)
        if path.path == GATEWAY_PATH:
            self._protocol.send_response(self._gateway(parse_qs(path.query).get("channel", [""])[0]))
            return
        response = self._protocol.accept(request)
        self._protocol.send_response(response)
        self._write()
        if self._protocol.state is not OPEN:
            return
        if self._impatience is not None:
            self._impatience.cancel()
        peer = (self.transport.get_extra_info("peername") or ("",))[0]
        real = request.headers.get("X-Real-IP")
        self.origin = self.origin._replace(address=real if real and self._trusted(peer) else peer)
        self._registered = True
        if not self._doors.register(self):
            self.close(TOO_MANY, "Server at capacity")
            return
        self.begin(self._doors.json if path.path == JSON_PATH else self._doors.irc)

    def _trusted(self, peer: str) -> bool:
        """Whether it is a proxy of ours."""
        return bool(peer) and any(ip_address(peer) in network for network in self.hall.config.trusted)

    def _gateway(self, login: str) -> Response:
        answer = self.hall.gateway(login)
        found = answer is not None
        body = msgspec.json.encode(answer if found else {"error": "unknown_channel", "text": "no channel has this login"})
        response = self._protocol.reject(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND, body.decode())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        return response

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._protocol.fail(1003, "text frames only")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._message.append(bytes(frame.data))
            if frame.fin:
                data, self._message = b"".join(self._message), []
                self._on_message(data)
        else:
            self.hear()

    def _on_message(self, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._protocol.fail(1007, "invalid UTF-8")
            return
        self.take(text)

    def _write(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.transport.write(data)
            else:
                self.closing = True
                self.transport.close()
