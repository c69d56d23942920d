"""Players of low-latency playlists in few words: each waits for the next part, as hls.js does, and loads none."""

import re
import time

from tests.bench._viewer import Viewer, come

HINT = re.compile(rb'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="[^"]*/(\d+)\.(\d+)\.m4s"')
Place = tuple[int, int]
"""Media sequence number and part."""


class Waiter(Viewer):
    """One viewer."""

    def __init__(self, playlist: str) -> None:
        super().__init__()
        self._playlist = playlist
        self._place: Place | None = None
        self.answers: dict[Place, float] = {}
        """When what was waited for came, by `time.perf_counter`."""
        self.failures = 0

    def begin(self) -> None:
        """Asks for the newest playlist."""
        self._place = None
        self.ask(self._playlist)

    def answered(self, body: bytes | None) -> None:
        """Waits for the part after those that it has."""
        hint = HINT.search(body or b"")
        if hint is None:
            self.failures += 1
            self.begin()
            return
        if self._place is not None:
            self.answers[self._place] = time.perf_counter()
        self._place = (int(hint[1]), int(hint[2]))
        self.ask(f"{self._playlist}?_HLS_msn={self._place[0]}&_HLS_part={self._place[1]}&_HLS_skip=YES")


async def watch(port: int, playlists: list[str], spread: float) -> list[Waiter]:
    """A player of each playlist, all of whom have come after so many seconds."""
    players = [Waiter(playlist) for playlist in playlists]
    await come(port, players, spread)
    return players
