"""A small RTMP publisher: for odd timestamps, reconnects and broken bytes, which real encoders do not give on demand."""

import asyncio
import hashlib
import hmac
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from streams.edges.ingest.rtmp import amf0, chunks, handshake
from streams.edges.ingest.rtmp.chunks import ChunkReader, Message

AUDIO, VIDEO, DATA, COMMAND = 8, 9, 18, 20


def hello(digest: bool = False) -> bytes:
    """C0 and C1, simple or with a digest as Flash players and FFmpeg send it."""
    if not digest:
        return b"\x03" + bytes(8) + bytes(range(256)) * 5 + bytes(248)
    packet = bytes(4) + bytes((9, 0, 124, 2)) + bytes(range(256)) * 5 + bytes(248)
    at = 8 + 4 + sum(packet[8:12]) % 728
    found = hmac.digest(handshake.CLIENT_NAME, packet[:at] + packet[at + 32 :], hashlib.sha256)
    return b"\x03" + packet[:at] + found + packet[at + 32 :]


def command(name: str, transaction: float, *values: Any, stream: int = 0) -> Message:
    return Message(COMMAND, stream, 0, amf0.encode(name, transaction, *values))


def opening(key: str, app: str = "app", **connect: Any) -> list[Message]:
    """What OBS says up to publish."""
    return [
        command("connect", 1, {"app": app, "type": "nonprivate", "tcUrl": f"rtmp://localhost/{app}", **connect}),
        command("releaseStream", 2, None, key),
        command("FCPublish", 3, None, key),
        command("createStream", 4, None),
        command("publish", 5, None, key, "live", stream=1),
    ]


def metadata(**values: Any) -> Message:
    """onMetaData."""
    return Message(DATA, 1, 0, amf0.encode("@setDataFrame", "onMetaData", values))


def conversation(messages: list[Message], digest: bool = False) -> bytes:
    """All that a client sends, whatever it is answered."""
    size = Message(1, 0, 0, (4_096).to_bytes(4, "big"))
    return (
        hello(digest)
        + bytes(handshake.SIZE)
        + b"".join(chunks.encode(2 + number % 5, message) for number, message in enumerate([size, *messages]))
    )


def video_config(avcc: bytes) -> bytes:
    return b"\x17\x00\x00\x00\x00" + avcc


def video_frame(data: bytes, key: bool, offset_ms: int = 0) -> bytes:
    return (b"\x17\x01" if key else b"\x27\x01") + offset_ms.to_bytes(3, "big", signed=True) + data


def audio_config(config: bytes) -> bytes:
    return b"\xaf\x00" + config


def audio_frame(data: bytes) -> bytes:
    return b"\xaf\x01" + data


def tags(path: Path) -> Iterator[Message]:
    """Tags of an FLV file."""
    data, at = path.read_bytes(), 13
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        time = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        yield Message(data[at], 1, time, data[at + 11 : at + 11 + size])
        at += 11 + size + 4


class RtmpClient:
    """One connection. Those that a test leaves open are dropped by `drop_all`."""

    _open: ClassVar[set["RtmpClient"]] = set()

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._chunks = ChunkReader()
        self.statuses: list[str] = []
        self.answers: list[list[Any]] = []
        self.kinds: list[int] = []
        self._open.add(self)

    @classmethod
    async def open(cls, port: int, *, digest: bool = False, tls: ssl.SSLContext | None = None) -> "RtmpClient":
        """Connects and shakes hands."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        writer.write(hello(digest))
        answer = await reader.readexactly(1 + 2 * handshake.SIZE)
        assert answer[0] == 3
        writer.write(answer[1 : 1 + handshake.SIZE])
        writer.write(chunks.encode(2, Message(1, 0, 0, (4_096).to_bytes(4, "big"))))
        return cls(reader, writer)

    async def publish(self, key: str, **connect: Any) -> str:
        """Asks to publish; returns the code of the answer."""
        for message in opening(key, **connect):
            await self.send(message)
        return await self.status()

    async def send(self, message: Message, chunk_stream: int = 4) -> None:
        """Sends one message."""
        self._writer.write(chunks.encode(chunk_stream, message, 4_096))
        await self._writer.drain()

    async def raw(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def status(self) -> str:
        """The next status code; `closed` where the connection ends first."""
        while not self.statuses:
            if not await self._read():
                return "closed"
        return self.statuses.pop(0)

    async def closed(self) -> None:
        """Waits until the server closes."""
        while await self._read():
            pass
        await self.drop()

    async def _read(self) -> bool:
        try:
            data = await self._reader.read(65_536)
        except ConnectionError:
            return False
        for message in self._chunks.feed(data):
            self.kinds.append(message.kind)
            if message.kind == COMMAND:
                values = amf0.decode(message.payload)
                self.answers.append(values)
                code = values[3].get("code") if len(values) > 3 and isinstance(values[3], dict) else None
                if values[0] == "onStatus" or values[0] == "_error":
                    self.statuses.append(str(code))
        return bool(data)

    async def leave(self) -> None:
        """Says good-bye as OBS does, and closes."""
        await self.send(command("FCUnpublish", 6, None, ""))
        await self.send(command("deleteStream", 7, None, 1.0))
        await self.drop()

    async def reset(self) -> None:
        """Closes as a machine does that knows nothing of the connection any more: what the peer has not read yet is gone."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.drop()

    async def drop(self) -> None:
        """Closes without a word."""
        self._open.discard(self)
        self._writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await self._writer.wait_closed()

    @classmethod
    async def drop_all(cls) -> None:
        """Closes what is open."""
        for client in list(cls._open):
            await client.drop()
