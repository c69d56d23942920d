"""Players of low-latency playlists in few words: each waits for the next part, as hls.js does, and loads none."""

import asyncio
import re
import time
from typing import cast

from tests.bench._reloading import LENGTH, STATUS, SUCCESS

HINT = re.compile(rb'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="[^"]*/(\d+)\.(\d+)\.m4s"')
Place = tuple[int, int]
"""Media sequence number and part."""


class Waiter(asyncio.Protocol):
    """One viewer on one connection."""

    def __init__(self, playlist: str) -> None:
        self._playlist = playlist
        self._received = bytearray()
        self._place: Place | None = None
        self._transport: asyncio.Transport | None = None
        self.answers: dict[Place, float] = {}
        """When what was waited for came, by `time.perf_counter`."""
        self.failures = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its type
        self._ask("")

    def data_received(self, data: bytes) -> None:
        """Takes an answer, once it is whole, and waits for the part after those that it has."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self._received, 0, end)
        assert length is not None, "every answer here says how long it is"
        if len(self._received) < end + 4 + int(length[1]):
            return
        status, answer = bytes(self._received[STATUS]), bytes(self._received[end:])
        self._received.clear()
        hint = HINT.search(answer)
        if status not in SUCCESS or hint is None:
            self.failures += 1
            self._place = None
            self._ask("")
            return
        if self._place is not None:
            self.answers[self._place] = time.perf_counter()
        self._place = (int(hint[1]), int(hint[2]))
        self._ask(f"?_HLS_msn={self._place[0]}&_HLS_part={self._place[1]}&_HLS_skip=YES")

    def stop(self) -> None:
        """Watches no more."""
        if self._transport is not None:
            self._transport.abort()

    def _ask(self, directives: str) -> None:
        assert self._transport is not None
        self._transport.write(f"GET {self._playlist}{directives} HTTP/1.1\r\nHost: edge\r\n\r\n".encode())


async def watch(port: int, playlists: list[str], spread: float) -> list[Waiter]:
    """A player of each playlist, all of whom have come after so many seconds."""
    loop = asyncio.get_running_loop()
    players: list[Waiter] = []
    began = loop.time()
    for number, playlist in enumerate(playlists):
        await asyncio.sleep(max(0.0, began + spread * number / len(playlists) - loop.time()))
        _, player = await loop.create_connection(lambda place=playlist: Waiter(place), "127.0.0.1", port)  # type: ignore[misc]
        players.append(player)
    return players
