"""ViewersFold: the sessions that watch a channel, by event time."""

from collections.abc import Iterable

import msgspec

from schemas.event import Event
from schemas.events import ViewerHeartbeat, ViewerJoined, ViewerLeft
from streams.fold import At, Rows, Table

EXPIRY_US = 70_000_000
"""A session that told nothing for so long has gone: two heartbeats (30 s) are missing, and 10 s are for their way. A multiple of the
10 s after which features are told anew, so that Flink's windows (processors/features) count the same."""
SWEEP_US = 60_000_000
"""Event time between two looks for expired sessions: a look walks all of a channel's."""


class Seen(msgspec.Struct, frozen=True):
    """A session's newest word."""

    at: int
    """Event time, microseconds."""
    left: bool


class Channel(msgspec.Struct, frozen=True):
    """The channel's own row."""

    now: int
    """Latest event time."""
    swept: int


SESSIONS = Table("sessions", Seen)
CHANNEL = Table("channel", Channel)
_SELF = "self"


class ViewersFold:
    """Who is present: a session whose newest word is young and no farewell.

    The newest word is that of the latest event time, and a farewell wins over a word of the same moment, so the order in which
    edges reach the log changes nothing. A farewell is kept until it expires, for a heartbeat may come after it.
    """

    name = "viewers"
    version = 1
    inputs = ("viewer.session.events.v1",)
    outputs: tuple[type[Event], ...] = ()
    tables = (SESSIONS, CHANNEL)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one event in."""
        if not isinstance(event, ViewerJoined | ViewerHeartbeat | ViewerLeft):
            return ()
        word, sessions = Seen(at.time, isinstance(event, ViewerLeft)), rows[SESSIONS]
        before = sessions.get(event.viewer_session_id)
        if before is None or (before.at, before.left) < (word.at, word.left):
            sessions[event.viewer_session_id] = word
        channel = rows[CHANNEL].get(_SELF) or Channel(at.time, at.time)
        now, swept = max(channel.now, at.time), channel.swept
        if now - swept > SWEEP_US:
            swept = now
            for session in [session for session, seen in sessions.items() if seen.at < now - EXPIRY_US]:
                del sessions[session]
        rows[CHANNEL][_SELF] = Channel(now, swept)
        return ()


def present(rows: Rows, now: int) -> int:
    """Distinct sessions that watch at a moment, microseconds; words of that moment and later do not count yet."""
    return sum(not seen.left and now - EXPIRY_US <= seen.at < now for seen in rows[SESSIONS].values())
