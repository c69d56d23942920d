"""Players of normal playlists in few words: each waits for the next segment's playlist, then asks for the segment, as hls.js does."""

import asyncio
import re
from urllib.parse import urljoin

from tests.bench._viewer import Viewer, come

FIRST = re.compile(rb"#EXT-X-MEDIA-SEQUENCE:(\d+)")


class Player(Viewer):
    """One viewer, as a blocking reload needs it."""

    def __init__(self, playlist: str) -> None:
        super().__init__()
        self._playlist = playlist
        self._next = 0
        self._waits = True
        """For a playlist, else for a segment."""
        self.segments = 0
        self.failures = 0

    def begin(self) -> None:
        """Asks for the newest playlist."""
        self._waits = True
        self.ask(f"{self._playlist}?latency=normal")

    def answered(self, body: bytes | None) -> None:
        """After a playlist asks for the segment, after a segment for the playlist with the next."""
        if body is None:
            self.failures += 1
            self.begin()
        elif self._waits:
            self._segment(body)
        else:
            self.segments += 1
            self._waits = True
            self.ask(f"{self._playlist}?latency=normal&_HLS_msn={self._next}")

    def _segment(self, text: bytes) -> None:
        first = FIRST.search(text)
        assert first is not None
        self._next = int(first[1]) + text.count(b"#EXTINF")
        newest = next(line for line in reversed(text.split(b"\n")) if line and not line.startswith(b"#")).decode()
        self._waits = False
        self.ask(urljoin(self._playlist, newest), "Range: bytes=0-0\r\n")


async def watch(port: int, playlists: list[str], seconds: float, spread: float) -> tuple[int, int]:
    """(segments, failures) of so many players in so many seconds; they come over a part of them."""
    loop = asyncio.get_running_loop()
    players = [Player(playlist) for playlist in playlists]
    began = loop.time()
    await come(port, players, spread)
    await asyncio.sleep(max(0.0, began + seconds - loop.time()))
    for player in players:
        player.stop()
    return sum(player.segments for player in players), sum(player.failures for player in players)
