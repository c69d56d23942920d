"""What is told of a session beside its media, from its stream events."""

import msgspec
from msgspec.structs import replace

from schemas.event import Event
from schemas.events import StreamEnded, StreamStarted, StreamTierChanged, StreamUpdated
from schemas.events.channel import Tier


class About(msgspec.Struct, frozen=True):
    """A session, as ingest told it."""

    channel_id: str
    session_id: str
    login: str
    tier: Tier
    started_at: int
    """UTC microseconds."""
    width: int
    height: int
    frame_rate: float
    title: str = ""
    category: str = ""
    language: str = ""
    ended_at: int | None = None
    last: int = -1
    """Media sequence number of its last segment once it has ended; -1 where there is none."""
    ended_by: str = ""
    """Id of the event that said so."""


def about(now: About | None, event: Event) -> About | None:
    """What is known after an event of the session."""
    if isinstance(event, StreamStarted):
        if now is not None:
            return now
        return About(
            channel_id=event.channel_id,
            session_id=event.session_id,
            login=event.login,
            tier=event.tier,
            started_at=event.occurred_at,
            width=event.width,
            height=event.height,
            frame_rate=event.frame_rate,
        )
    if now is not None and isinstance(event, StreamUpdated):
        return replace(now, title=event.title, category=event.category, language=event.language)
    if now is not None and isinstance(event, StreamTierChanged):
        return replace(now, tier=event.tier)
    if now is not None and isinstance(event, StreamEnded):
        return replace(now, ended_at=event.occurred_at, last=event.media_sequence, ended_by=event.event_id)
    return now
