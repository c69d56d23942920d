"""Players of normal playlists in few words: each waits for the next segment's playlist, then asks for the segment, as hls.js does."""

import asyncio
import re
from typing import cast
from urllib.parse import urljoin

STATUS = slice(9, 12)
"""Of a status line."""
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
FIRST = re.compile(rb"#EXT-X-MEDIA-SEQUENCE:(\d+)")
SUCCESS = {b"200", b"206"}


class Player(asyncio.Protocol):
    """One viewer on one connection, as a blocking reload needs it."""

    def __init__(self, playlist: str) -> None:
        self._playlist = playlist
        self._received = bytearray()
        self._next = 0
        self._transport: asyncio.Transport | None = None
        self._waits = True
        """For a playlist, else for a segment."""
        self.segments = 0
        self.failures = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its type
        self._ask(f"{self._playlist}?latency=normal")

    def data_received(self, data: bytes) -> None:
        """Takes an answer, once it is whole, and asks for what follows."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self._received, 0, end)
        if length is None or len(self._received) < end + 4 + int(length[1]):
            assert length is not None, "every answer here says how long it is"
            return
        status, body = bytes(self._received[STATUS]), bytes(self._received[end + 4 :])
        self._received.clear()
        if status not in SUCCESS:
            self.failures += 1
            self._ask(f"{self._playlist}?latency=normal")
        elif self._waits:
            self._segment(body)
        else:
            self.segments += 1
            self._ask(f"{self._playlist}?latency=normal&_HLS_msn={self._next}")

    def stop(self) -> None:
        """Watches no more."""
        if self._transport is not None:
            self._transport.abort()

    def _segment(self, text: bytes) -> None:
        first = FIRST.search(text)
        assert first is not None
        self._next = int(first[1]) + text.count(b"#EXTINF")
        newest = next(line for line in reversed(text.split(b"\n")) if line and not line.startswith(b"#")).decode()
        self._ask(urljoin(self._playlist, newest), "Range: bytes=0-0\r\n")

    def _ask(self, path: str, header: str = "") -> None:
        self._waits = not header
        assert self._transport is not None
        self._transport.write(f"GET {path} HTTP/1.1\r\nHost: edge\r\n{header}\r\n".encode())


async def watch(port: int, playlists: list[str], seconds: float, spread: float) -> tuple[int, int]:
    """(segments, failures) of so many players in so many seconds; they come over a part of them."""
    loop = asyncio.get_running_loop()
    players: list[Player] = []
    began = loop.time()
    for number, playlist in enumerate(playlists):
        await asyncio.sleep(max(0.0, began + spread * number / len(playlists) - loop.time()))
        _, player = await loop.create_connection(lambda place=playlist: Player(place), "127.0.0.1", port)  # type: ignore[misc]
        players.append(player)
    await asyncio.sleep(max(0.0, began + seconds - loop.time()))
    for player in players:
        player.stop()
    return sum(player.segments for player in players), sum(player.failures for player in players)
