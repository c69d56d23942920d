"""Who watches, as requests show it: playlist requests and reports become ViewerJoined, ViewerHeartbeat and ViewerLeft."""

import msgspec

from schemas.event import Event
from schemas.events import ViewerHeartbeat, ViewerJoined, ViewerLeft
from streams.clock import now_us
from streams.edges.sessions import Session
from streams.fold import Clock
from streams.publisher import Publisher

SECOND_US = 1_000_000
WATCHING_US = SECOND_US
"""Between a session's first playlist request and one that shows it watching. A player asks again after half a target duration at least
(RFC 8216bis section 6.3.4), a low-latency one five times in this; what looks once and loads all that it finds is no viewer."""
HEARTBEAT_US = 30 * SECOND_US
"""What `viewer.session.events.v1` promises to its readers."""
SILENT_US = 10 * SECOND_US
"""Five target durations without a playlist request: the player has gone, for even one that stalls asks every two."""
QUIET_US = 75 * SECOND_US
"""Of a session that tells by heartbeats: two of them are missing."""
MOST = 1_000_000
"""Sessions held; beyond them new ones are not counted. 300 bytes each."""


class Watched(msgspec.Struct):
    """A session as this process knows it, microseconds of event time."""

    session: Session
    first: int
    last: int
    told: int = 0
    """When the log was last told; 0 before it joined."""
    patience: int = SILENT_US


class Audience:
    """Tells the log of each session once it watches, every 30 s, and when it has gone. Everything happens on the event loop."""

    def __init__(self, publisher: Publisher, region: str = "", clock: Clock = now_us) -> None:
        self._publisher = publisher
        self._region = region
        self._clock = clock
        self._watched: dict[str, Watched] = {}

    def __len__(self) -> int:
        return len(self._watched)

    def asked(self, session: Session, at: int | None = None) -> None:
        """A playlist was asked for, at a time of this process or of an edge.

        Raises:
            BacklogFullError: the log has been away for too long.
        """
        now = self._clock() if at is None else at
        watched = self._of(session, now)
        if watched is None:
            return
        watched.last = max(watched.last, now)
        if not watched.told and watched.last - watched.first >= WATCHING_US:
            self._join(watched)
        elif watched.told and watched.last - watched.told >= HEARTBEAT_US:
            self._beat(watched)

    def joined(self, session: Session) -> None:
        """A page says that it plays. Raises as `asked`."""
        watched = self._of(session, self._clock())
        if watched is not None and not watched.told:
            self._join(watched)

    def watching(self, session: Session) -> None:
        """A page says that it still plays; from then on it is trusted to go on saying so. Raises as `asked`."""
        watched = self._of(session, self._clock())
        if watched is not None:
            watched.last, watched.patience = max(watched.last, self._clock()), QUIET_US
            self._beat(watched)

    def left(self, session: Session, watched_ms: int) -> None:
        """A page says that its viewer has gone. Raises as `asked`."""
        self._watched.pop(session.viewer_session_id, None)
        self._left(session, watched_ms)

    def sweep(self) -> None:
        """Ends the sessions that have gone silent; to be called once a second. Raises as `asked`."""
        now = self._clock()
        for name, watched in [(name, one) for name, one in self._watched.items() if now - one.last > one.patience]:
            if watched.told:
                self._left(watched.session, (watched.last - watched.first) // 1_000)
            del self._watched[name]

    def _of(self, session: Session, now: int) -> Watched | None:
        watched = self._watched.get(session.viewer_session_id)
        if watched is None and len(self._watched) < MOST:
            watched = self._watched[session.viewer_session_id] = Watched(session, now, now)
        return watched

    def _join(self, watched: Watched) -> None:
        channel_id, kind, viewer_session_id = watched.session
        self._tell(watched, ViewerJoined(channel_id=channel_id, viewer_session_id=viewer_session_id, device=kind, region=self._region))

    def _beat(self, watched: Watched) -> None:
        channel_id, _, viewer_session_id = watched.session
        self._tell(watched, ViewerHeartbeat(channel_id=channel_id, viewer_session_id=viewer_session_id))

    def _tell(self, watched: Watched, event: Event) -> None:
        self._publisher.publish(event)
        watched.told = max(watched.last, 1)

    def _left(self, session: Session, watched_ms: int) -> None:
        self._publisher.publish(
            ViewerLeft(channel_id=session.channel_id, viewer_session_id=session.viewer_session_id, watched_ms=watched_ms)
        )
