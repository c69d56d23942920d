"""A viewer in few words: one connection on which one request is under way, as players have it for a stream."""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

STATUS = slice(9, 12)
"""Of a status line."""
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
SUCCESS = {b"200", b"206"}


class Viewer(asyncio.Protocol, ABC):
    """Asks, and hears answers whole."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    @abstractmethod
    def begin(self) -> None:
        """Asks for the first time."""

    @abstractmethod
    def answered(self, body: bytes | None) -> None:
        """Hears an answer, None for one that is none, and asks for what follows."""

    def ask(self, path: str, header: str = "") -> None:
        """Asks for something; what was asked for before has been answered."""
        assert self._transport is not None
        self._transport.write(f"GET {path} HTTP/1.1\r\nHost: edge\r\n{header}\r\n".encode())

    def stop(self) -> None:
        """Watches no more."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its type
        self.begin()

    def data_received(self, data: bytes) -> None:
        """Takes what came, and hands over an answer once it is whole."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self._received, 0, end)
        assert length is not None, "every answer here says how long it is"
        if len(self._received) < end + 4 + int(length[1]):
            return
        body = bytes(self._received[end + 4 :]) if bytes(self._received[STATUS]) in SUCCESS else None
        self._received.clear()
        self.answered(body)


async def come(port: int, viewers: Sequence[Viewer], spread: float) -> None:
    """Connects them all, evenly over so many seconds."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, viewer in enumerate(viewers):
        await asyncio.sleep(max(0.0, began + spread * number / len(viewers) - loop.time()))
        await _connect(port, viewer)


async def _connect(port: int, viewer: Viewer) -> None:
    await asyncio.get_running_loop().create_connection(lambda: viewer, "127.0.0.1", port)
