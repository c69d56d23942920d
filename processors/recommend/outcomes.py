"""What came of pages and visits: which visit began on which page, how long it was, and whether something cut it short."""

from collections.abc import Iterator
from typing import NamedTuple

from schemas.event import Event
from schemas.events import RecommendationClicked, StreamEnded, StreamStarted, ViewerJoined, ViewerLeft

OPENING_US = 10 * 60 * 1_000_000
"""From a click to the visit that it led to, at most."""


class Visit(NamedTuple):
    """A signed-in viewer's visit."""

    session: str
    user_id: str
    channel_id: str
    began: int
    request_id: str = ""
    """The page on which it began; empty where the viewer came by himself."""
    place: int = -1
    seconds: float = 0.0
    cut: bool = False
    """Whether the broadcast's or the log's end ended it: how long it would have been is not known."""


class Outcomes:
    """Follows visits from page to end."""

    def __init__(self) -> None:
        self.watching: dict[str, Visit] = {}
        """Visits under way, by session."""
        self.ended: list[Visit] = []
        self._clicked: dict[tuple[str, str], RecommendationClicked] = {}
        self._live: set[str] = set()

    def apply(self, event: Event) -> None:
        """Takes an event in."""
        if isinstance(event, StreamStarted):
            self._live.add(event.channel_id)
        elif isinstance(event, StreamEnded):
            self._live.discard(event.channel_id)
        elif isinstance(event, RecommendationClicked) and event.user_id is not None:
            self._clicked[event.user_id, event.channel_id] = event
        elif isinstance(event, ViewerJoined) and event.user_id is not None:
            visit = Visit(event.viewer_session_id, event.user_id, event.channel_id, event.occurred_at)
            click = self._clicked.pop((event.user_id, event.channel_id), None)
            if click is not None and event.occurred_at - click.occurred_at <= OPENING_US:
                visit = visit._replace(request_id=click.request_id, place=click.place)
            self.watching[visit.session] = visit
        elif isinstance(event, ViewerLeft):
            found = self.watching.pop(event.viewer_session_id, None)
            if found is not None:
                cut = event.channel_id not in self._live
                self.ended.append(found._replace(seconds=event.watched_ms / 1_000, cut=cut))

    def until(self, end: int) -> Iterator[Visit]:
        """All visits as they stand at a moment, UTC microseconds: those under way are cut by it."""
        yield from self.ended
        for visit in self.watching.values():
            yield visit._replace(seconds=max(0, end - visit.began) / 1e6, cut=True)
