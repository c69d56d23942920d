"""The rows of the clips view, kept under a channel."""

from typing import Literal

import msgspec

from schemas.events import ClipRequested
from streams.fold import Table

Status = Literal["processing", "ready", "failed"]


class Clip(msgspec.Struct, frozen=True):
    """A clip."""

    status: Status
    attempt: int
    """Counted from 1."""
    creator_id: str
    title: str
    """Sealed."""
    source: Literal["live", "vod"]
    vod_id: str | None
    ends_at: int
    offset_ms: int
    duration_ms: int
    created_at: int
    """UTC microseconds."""


CLIPS = Table("clips", Clip)
"""By clip."""


def requested(channel_id: str, clip_id: str, clip: Clip) -> ClipRequested:
    """What says that a clip is to be made."""
    return ClipRequested(
        channel_id=channel_id,
        clip_id=clip_id,
        creator_id=clip.creator_id,
        title=clip.title,
        source=clip.source,
        vod_id=clip.vod_id,
        ends_at=clip.ends_at,
        offset_ms=clip.offset_ms,
        duration_ms=clip.duration_ms,
        attempt=clip.attempt,
        created_at=clip.created_at,
    )
