"""All clips, folded from the clips view's events: what is told of each."""

from typing import Any

import msgspec
from msgspec.structs import replace

from processors.clips.state import Status
from processors.playlist.text import date_time
from schemas.event import Event
from schemas.events import ClipFailed, ClipReady, ClipRequested
from streams.fold import At

TOPIC = "library.clip.events.v1"


class Clip(msgspec.Struct, frozen=True):
    """A clip."""

    asked: ClipRequested
    """Its newest attempt."""
    ready: ClipReady | None = None
    failed: ClipFailed | None = None

    @property
    def status(self) -> Status:
        """Where it stands."""
        if self.ready is not None:
            return "ready"
        return "failed" if self.failed is not None else "processing"


class Clips:
    """By id."""

    def __init__(self) -> None:
        self._found: dict[str, Clip] = {}

    def apply(self, event: Event, _: At | None = None) -> None:
        """Folds one event in; repeats, and what an older attempt led to, change nothing."""
        if isinstance(event, ClipRequested):
            before = self._found.get(event.clip_id)
            if before is None or event.attempt > before.asked.attempt:
                self._found[event.clip_id] = Clip(event)
        elif isinstance(event, ClipReady | ClipFailed):
            clip = self._found.get(event.clip_id)
            if clip is not None and clip.asked.attempt == event.attempt:
                ready = isinstance(event, ClipReady)
                self._found[event.clip_id] = replace(clip, ready=event) if ready else replace(clip, failed=event)

    def get(self, clip_id: str) -> Clip | None:
        """A clip."""
        return self._found.get(clip_id)

    def all(self, channel_id: str | None = None) -> list[Clip]:
        """All of them, newest first; of a channel if one is named."""
        found = (clip for clip in self._found.values() if channel_id in {None, clip.asked.channel_id})
        return sorted(found, key=lambda clip: (-clip.asked.created_at, clip.asked.clip_id))

    def processing(self) -> list[Clip]:
        """Those that a worker has to make, oldest first."""
        return [clip for clip in reversed(self.all()) if clip.status == "processing"]


def describe(clip: Clip) -> dict[str, Any]:
    """A clip as API and command line tell it; without its title, which is sealed where no keys are."""
    asked, ready, failed = clip.asked, clip.ready, clip.failed
    folder = f"/clips/{asked.clip_id}"
    return {
        "clip_id": asked.clip_id,
        "channel_id": asked.channel_id,
        "creator_id": asked.creator_id,
        "status": clip.status,
        "source": asked.source,
        "vod_id": asked.vod_id,
        "duration_ms": asked.duration_ms if ready is None else ready.duration_ms,
        "created_at": date_time(asked.created_at),
        "attempt": asked.attempt,
        "step": None if failed is None else failed.step,
        "cause": None if failed is None else failed.cause,
        "session_id": None if ready is None else ready.session_id,
        "size": None if ready is None else ready.size,
        "sha256": None if ready is None else ready.sha256,
        "page": folder,
        "video": f"{folder}/video.mp4",
        "thumbnail": f"{folder}/thumb.jpg",
    }
