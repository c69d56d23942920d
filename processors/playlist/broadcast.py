"""BroadcastFold: which session a channel shows, and whether it is live."""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec.structs import replace

from schemas.event import Event
from schemas.events import StreamEnded, StreamInterrupted, StreamResumed, StreamStarted, StreamUpdated
from streams.fold import At, Rows, Table

State = Literal["live", "interrupted", "ended"]


class Broadcast(msgspec.Struct, frozen=True):
    """A channel's newest live session."""

    session_id: str
    login: str
    tier: str
    started_at: int
    """UTC microseconds."""
    state: State
    width: int
    height: int
    frame_rate: float
    has_audio: bool
    title: str = ""
    category: str = ""
    language: str = ""
    ended_at: int | None = None
    reason: str = ""
    """Why it ended or was interrupted."""
    last: int = -1
    """Media sequence number of its last segment once it has ended."""


BROADCASTS = Table("broadcasts", Broadcast)
NEWEST = "newest"


class BroadcastFold:
    """The newest session of each channel, from its stream events."""

    name = "broadcast"
    version = 1
    inputs = ("media.stream.events.v1",)
    outputs: tuple[type[Event], ...] = ()
    tables = (BROADCASTS,)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one event in; what concerns a former session changes nothing."""
        newest = rows[BROADCASTS]
        now = newest.get(NEWEST)
        if isinstance(event, StreamStarted):
            if now is not None and now.session_id == event.session_id:
                return ()
            newest[NEWEST] = Broadcast(
                session_id=event.session_id,
                login=event.login,
                tier=event.tier,
                started_at=event.occurred_at,
                state="live",
                width=event.width,
                height=event.height,
                frame_rate=event.frame_rate,
                has_audio=event.has_audio,
            )
            return ()
        if now is None or getattr(event, "session_id", None) != now.session_id:
            return ()
        if isinstance(event, StreamInterrupted) and now.state == "live":
            newest[NEWEST] = replace(now, state="interrupted", reason=event.reason)
        elif isinstance(event, StreamResumed) and now.state != "ended":
            newest[NEWEST] = replace(
                now,
                state="live",
                reason="",
                width=event.width,
                height=event.height,
                frame_rate=event.frame_rate,
                has_audio=event.has_audio,
            )
        elif isinstance(event, StreamUpdated):
            newest[NEWEST] = replace(now, title=event.title, category=event.category, language=event.language)
        elif isinstance(event, StreamEnded):
            newest[NEWEST] = replace(now, state="ended", reason=event.reason, ended_at=event.occurred_at, last=event.media_sequence)
        return ()
