"""One RTMP connection of a publisher: from the handshake to the last media message."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from struct import pack
from typing import Any, NoReturn, Protocol, cast

import structlog

from streams.edges.ingest.rtmp import amf0, chunks, handshake
from streams.edges.ingest.rtmp.chunks import ChunkReader, Message
from streams.edges.ingest.rtmp.errors import ProtocolError, RefusedError
from streams.media.flv import FOUR_CCS

logger = structlog.get_logger()

SET_CHUNK_SIZE, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_SIZE, PEER_BANDWIDTH = 1, 3, 4, 5, 6
AUDIO, VIDEO, DATA_AMF3, COMMAND_AMF3, DATA, COMMAND = 8, 9, 15, 17, 18, 20
"""Message types (RTMP 1.0 sections 5.4 and 7.1)."""
STREAM_BEGIN, PING_REQUEST, PING_RESPONSE = 0, 6, 7
"""User control events (section 7.1.7)."""
WINDOW = 2_500_000
"""Bytes after which each side acknowledges: what servers have always sent."""
PUBLISH_TIMEOUT_S = 10.0
"""From the connection to publish; a slow link needs about 10 round trips."""
IDLE_TIMEOUT_S = 15.0
"""Without a byte. Encoders send audio 40 times a second; a player's buffer is long empty by then."""
LINGER_S = 1.0
"""Time that a refused peer has to read why before the connection is cut."""
MOST_UNREAD = 256 * 1024
"""Answers that wait for a peer that does not read."""
REST_BYTES = 64 * 1024
"""That wake a connection at rest: one read of the event loop. The kernel's buffer holds more, so that no sender is held up."""
WAKE_BYTES = 32
"""That wake it otherwise: more than a chunk's header, which some senders send by itself, and fewer than the shortest command has."""
CONTROL_STREAM, COMMAND_STREAM = 2, 3
"""Chunk streams that we answer on."""
MEDIA_STREAM = 1
"""Id of the one message stream that createStream gives."""


class Publication(Protocol):
    """What a connection hands its media to. Its methods raise RefusedError to end it, and never block."""

    def video(self, body: bytes, timestamp: int) -> None:
        """A video message."""

    def audio(self, body: bytes, timestamp: int) -> None:
        """An audio message."""

    def metadata(self, values: dict[str, Any]) -> None:
        """The contents of onMetaData."""

    def closed(self, reason: str, *, clean: bool) -> None:
        """No more will come. `clean`: the publisher said so itself."""


class Gate(Protocol):
    """Decides who may publish."""

    def opened(self, connection: "RtmpConnection") -> None:
        """A connection was made."""

    def publish(self, key: str, connection: "RtmpConnection") -> Publication:
        """Lets a stream key publish.

        Raises:
            RefusedError: it may not.
        """

    def refused(self, error: RefusedError, connection: "RtmpConnection") -> None:
        """A publish was refused, or a peer broke the protocol."""

    def over(self, connection: "RtmpConnection") -> None:
        """The connection is gone."""


class RtmpConnection(asyncio.Protocol):
    """Speaks with one peer. Any fault of the peer ends this connection and no other."""

    def __init__(self, gate: Gate, app: str) -> None:
        self._gate = gate
        self._app = app
        self._hello = bytearray()
        self._answered = self._greeted = False
        self._reader = ChunkReader()
        self._publication: Publication | None = None
        self._received = self._acknowledged = 0
        self._window = WINDOW
        self._transport: asyncio.Transport | None = None
        self._closing = False
        self._connected = False
        self._timer: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._socket: socket.socket | None = None
        self._heard = 0.0
        self.peer = "?"
        """Address of the peer."""

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not of that class
        self.peer = str((transport.get_extra_info("peername") or ("?",))[0])
        self._socket = transport.get_extra_info("socket")  # asked once: each answer is a new object of several system calls
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._timer = self._loop.call_later(PUBLISH_TIMEOUT_S, self._publish_overdue)
        self._gate.opened(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self._closing:
            return
        self._heard = self._loop.time()
        self._received += len(data)
        try:
            for message in self._messages(data):
                if not self._closing:
                    self._take(message)
            if self._received - self._acknowledged >= self._window // 2:
                self._acknowledged = self._received
                self._control(ACKNOWLEDGEMENT, pack(">I", self._received & 0xFFFF_FFFF))
        except RefusedError as cause:
            self.refuse(cause)
        except ProtocolError as cause:
            self.refuse(RefusedError("protocol_error", str(cause)))
        except Exception:
            logger.exception("a connection failed", peer=self.peer)
            self.refuse(RefusedError("protocol_error", "a fault of this server; its log tells more"))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        for timer in (self._timer, self._rest):
            if timer:
                timer.cancel()
        self._finish("reset" if exc else "closed", clean=False)
        self._gate.over(self)

    def rest(self, seconds: float) -> None:
        """Lets what comes gather in the kernel for so long, or until much is there: each wake costs more than reading what it brings."""
        if self._rest:
            self._rest.cancel()
        self._wake_at(REST_BYTES)
        self._rest = self._loop.call_later(seconds, self._wake_at, WAKE_BYTES)

    def _wake_at(self, size: int) -> None:
        """Bytes that must be there for the kernel to say so; an end of the connection is told at once."""
        if self._socket is not None and self._transport is not None and not self._transport.is_closing():
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)

    # ends

    def refuse(self, error: RefusedError) -> None:
        """Ends the connection, tells the peer and the gate why."""
        if self._closing:
            return
        self._gate.refused(error, self)
        code = "NetStream.Publish.BadName" if self._publication is None else "NetStream.Publish.Rejected"
        self.cut("garbage" if error.reason == "protocol_error" else error.reason, code, str(error))

    def cut(self, reason: str, code: str, description: str) -> None:
        """Ends the connection with an onStatus of level error; the publication learns the reason."""
        if self._closing:
            return
        if self._greeted:
            self._status("error", code, description)
        self._closing = True
        self._finish(reason, clean=False)
        if self._transport is not None:
            self._transport.close()
            self._loop.call_later(LINGER_S, self._transport.abort)

    def _finish(self, reason: str, *, clean: bool) -> None:
        publication, self._publication = self._publication, None
        if publication is not None:
            publication.closed(reason, clean=clean)

    def _publish_overdue(self) -> None:
        if self._publication is None:
            self.refuse(RefusedError("protocol_error", f"no publish within {PUBLISH_TIMEOUT_S:.0f} s"))
        else:
            self._watch()

    def _watch(self) -> None:
        """Ends a connection that fell silent; runs once per timeout, not per message."""
        left = self._heard + IDLE_TIMEOUT_S - self._loop.time()
        if left <= 0:
            self.cut("timeout", "NetConnection.Connect.IdleTimeOut", f"nothing received for {IDLE_TIMEOUT_S:.0f} s")
        else:
            self._timer = self._loop.call_later(left, self._watch)

    # messages

    def _messages(self, data: bytes) -> Iterator[Message]:
        if self._greeted:
            yield from self._reader.feed(data)
            return
        self._hello += data
        if self._hello[0] != handshake.VERSION:
            raise ProtocolError(f"RTMP version {self._hello[0]} is not taken: 3 is")
        if self._transport is None or len(self._hello) < 1 + handshake.SIZE:
            return
        if not self._answered:
            self._answered = True
            self._transport.write(handshake.answer(bytes(self._hello[: 1 + handshake.SIZE])))
        if len(self._hello) >= 1 + 2 * handshake.SIZE:  # C2 is what we sent, or signed: nobody's identity hangs on it
            self._greeted = True
            self._control(SET_CHUNK_SIZE, pack(">I", chunks.OUR_CHUNK_SIZE))
            rest, self._hello = bytes(self._hello[1 + 2 * handshake.SIZE :]), bytearray()
            yield from self._reader.feed(rest)

    def _take(self, message: Message) -> None:
        publication = self._publication
        kind = message.kind
        if kind == VIDEO and publication is not None:
            publication.video(message.payload, message.timestamp)
        elif kind == AUDIO and publication is not None:
            publication.audio(message.payload, message.timestamp)
        elif kind in {DATA, DATA_AMF3} and publication is not None:
            self._data(publication, amf0.decode(_without_marker(message, DATA_AMF3)))
        elif kind in {COMMAND, COMMAND_AMF3}:
            self._command(amf0.decode(_without_marker(message, COMMAND_AMF3)))
        elif kind == WINDOW_SIZE and len(message.payload) >= 4:
            self._window = max(int.from_bytes(message.payload[:4], "big"), chunks.COMMAND_BYTES)
        elif kind == USER_CONTROL and message.payload[:2] == pack(">H", PING_REQUEST):
            self._control(USER_CONTROL, pack(">H", PING_RESPONSE) + message.payload[2:6])

    def _data(self, publication: Publication, values: list[amf0.Value]) -> None:
        if values and values[0] == "@setDataFrame":
            values = values[1:]
        if len(values) > 1 and values[0] == "onMetaData" and isinstance(values[1], dict):
            publication.metadata(values[1])

    # commands (section 7.2)

    def _command(self, values: list[amf0.Value]) -> None:
        if len(values) < 2 or not isinstance(values[0], str) or not isinstance(values[1], float):
            raise ProtocolError("a command without name or transaction")
        name, transaction, arguments = values[0], values[1], values[2:]
        answer = self._COMMANDS.get(name)
        if answer is not None:
            answer(self, transaction, arguments)
        elif transaction and not name.startswith(("_", "on")):
            self._reply(
                "_error", transaction, None, _information("error", "NetConnection.Call.Failed", "this server only takes publishers")
            )

    def _connect(self, transaction: float, arguments: list[amf0.Value]) -> None:
        asked = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
        app = str(asked.get("app", "")).partition("?")[0].strip("/")
        if app != self._app:
            description = f"there is no such application: publish to rtmp://HOST/{self._app} with the stream key as stream name"
            self._reply("_error", transaction, None, _information("error", "NetConnection.Connect.Rejected", description))
            raise RefusedError("malformed_key", f"the application asked for is not {self._app}")
        self._control(WINDOW_SIZE, pack(">I", WINDOW))
        self._control(PEER_BANDWIDTH, pack(">IB", WINDOW, 2))  # dynamic
        information = _information("status", "NetConnection.Connect.Success", "Connection succeeded.") | {"objectEncoding": 0}
        properties: dict[str, amf0.Value] = {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31}
        if "fourCcList" in asked:
            properties["fourCcList"] = list(FOUR_CCS)
        self._connected = True
        self._reply("_result", transaction, properties, information)

    def _acknowledge(self, transaction: float, _arguments: list[amf0.Value]) -> None:
        self._reply("_result", transaction, None, None)

    def _create_stream(self, transaction: float, _arguments: list[amf0.Value]) -> None:
        self._reply("_result", transaction, None, MEDIA_STREAM)

    def _publish(self, _transaction: float, arguments: list[amf0.Value]) -> None:
        if not self._connected or self._publication is not None:
            raise ProtocolError("publish before connect" if not self._connected else "publish while publishing")
        name = arguments[1] if len(arguments) > 1 and isinstance(arguments[1], str) else ""
        self._publication = self._gate.publish(name.partition("?")[0], self)
        self._reader.most_bytes = chunks.MEDIA_BYTES
        self._control(USER_CONTROL, pack(">HI", STREAM_BEGIN, MEDIA_STREAM))
        self._status("status", "NetStream.Publish.Start", "Publishing.")

    def _unpublish(self, transaction: float, _arguments: list[amf0.Value]) -> None:
        if self._publication is not None:
            self._finish("closed", clean=True)
            self._reader.most_bytes = chunks.MEDIA_BYTES  # what is under way may still be media
            self._status("status", "NetStream.Unpublish.Success", "Stopped publishing.")
        if transaction:
            self._reply("_result", transaction, None, None)

    def _play(self, _transaction: float, _arguments: list[amf0.Value]) -> NoReturn:
        self._status("error", "NetStream.Play.Failed", "this server only takes publishers: play over HTTP")
        raise RefusedError("protocol_error", "play was asked for")

    _COMMANDS: dict[str, Callable[["RtmpConnection", float, list[amf0.Value]], None]] = {  # noqa: RUF012
        "connect": _connect,
        "releaseStream": _acknowledge,
        "FCPublish": _acknowledge,
        "createStream": _create_stream,
        "publish": _publish,
        "FCUnpublish": _unpublish,
        "deleteStream": _unpublish,
        "closeStream": _unpublish,
        "play": _play,
    }

    # answers

    def _status(self, level: str, code: str, description: str) -> None:
        self._write(COMMAND_STREAM, COMMAND, amf0.encode("onStatus", 0, None, _information(level, code, description)), MEDIA_STREAM)

    def _reply(self, name: str, transaction: float, *values: amf0.Value) -> None:
        self._write(COMMAND_STREAM, COMMAND, amf0.encode(name, transaction, *values))

    def _control(self, kind: int, payload: bytes) -> None:
        self._write(CONTROL_STREAM, kind, payload)

    def _write(self, chunk_stream: int, kind: int, payload: bytes, stream_id: int = 0) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MOST_UNREAD:
            self._transport.abort()
            raise ProtocolError("the peer does not read our answers")
        self._transport.write(chunks.encode(chunk_stream, Message(kind, stream_id, 0, payload)))


def _without_marker(message: Message, amf3: int) -> bytes:
    """AMF3 messages of encoders are AMF0 behind one byte."""
    return message.payload[1:] if message.kind == amf3 and message.payload[:1] == b"\0" else message.payload


def _information(level: str, code: str, description: str) -> dict[str, amf0.Value]:
    return {"level": level, "code": code, "description": description}
