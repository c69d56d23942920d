"""A channel as the origin holds it: its rows, what was rendered of them, and who waits for more."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from processors.playlist.broadcast import BROADCASTS, NEWEST, Broadcast
from processors.playlist.fold import LIVE_WINDOW
from processors.playlist.state import HEAD, HERE, Head
from processors.playlist.window import Listing, Window
from processors.viewers.fold import present
from schemas.events import ChannelProfile
from sinks.origin.document import Document
from streams.fold import Table

RECOUNT_US = 1_000_000
"""A count walks the channel's sessions: 2 ms for 10,000, so once a second for all who ask."""


class Waiting(NamedTuple):
    """Viewers who wait for the same thing share one condition."""

    holds: Callable[[], bool]
    come: asyncio.Event


class LiveChannel:
    """One channel's views. Everything here happens on the event loop."""

    def __init__(self, channel_id: str, size: int = LIVE_WINDOW) -> None:
        self.channel_id = channel_id
        self.profile: ChannelProfile | None = None
        self.rows: defaultdict[Table[Any], dict[str, Any]] = defaultdict(dict)
        self._size = size
        self._settled: str | None = None
        self._window: Window | None = None
        self._head: Head | None = None
        self._found: dict[Hashable, Any] = {}
        self._documents: dict[Hashable, Document] = {}
        self._waiting: dict[Hashable, Waiting] = {}
        self._counted = (0, 0)

    @property
    def window(self) -> Window:
        """What is listed now."""
        if self._window is None:
            self._window = Window(self.rows, self.channel_id, self._size, self._found)
        return self._window

    @property
    def broadcast(self) -> Broadcast | None:
        """The newest session, as ingest told it."""
        return self.rows[BROADCASTS].get(NEWEST)

    @property
    def live(self) -> bool:
        """Whether a session is on, its publisher perhaps away for a moment."""
        return self.broadcast is not None and self.broadcast.state != "ended"

    def playable(self, *, parts: bool) -> list[Listing]:
        """Renditions that can be played now: none while the window is that of a session before the one that is on."""
        broadcast, window = self.broadcast, self.window
        if self.live and broadcast is not None and broadcast.session_id != window.session_id and broadcast.started_at > window.began_us:
            return []
        return window.playable(parts=parts)

    def over(self, rendition: str) -> bool:
        """Whether nothing more will come: the session in the window has ended and the rendition is through, or stopped before."""
        broadcast, window = self.broadcast, self.window
        if broadcast is None or broadcast.state != "ended" or broadcast.session_id != window.session_id:
            return False
        whole = window.edge(rendition).last >= broadcast.last or not window.alive(rendition)
        return whole or broadcast.session_id == self._settled

    def settle(self, session_id: str) -> None:
        """What a session that has ended lacks by now will not come: an encoder died near the end."""
        self._settled = session_id
        self.changed()

    def viewers(self, now: int) -> int:
        """How many watch, at most a second old."""
        when, count = self._counted
        if not 0 <= now - when < RECOUNT_US:
            when, count = self._counted = now, present(self.rows, now)
        return count

    def document(self, key: Hashable, render: Callable[[], Document]) -> Document:
        """What is rendered under a key, once until something changes."""
        if key not in self._documents:
            self._documents[key] = render()
        return self._documents[key]

    def changed(self, *, part: bool = False) -> None:
        """Forgets what was rendered and wakes those whose part has come; `part` says that a part was added and nothing else changed."""
        self._window = None
        head = self.rows[HEAD].get(HERE)
        if not part or head is not self._head:
            self._head, self._found = head, {}
        self._documents.clear()
        for key, waiting in list(self._waiting.items()):
            if waiting.holds():
                del self._waiting[key]
                waiting.come.set()

    async def until(self, key: Hashable, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Waits until something holds, seconds at most; the same key means the same condition."""
        if holds():
            return True
        come = self._waiting.setdefault(key, Waiting(holds, asyncio.Event())).come
        try:
            async with asyncio.timeout(timeout_s):
                await come.wait()
        except TimeoutError:
            return False
        return True
