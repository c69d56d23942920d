"""The clips view: a clip is processing until its worker says ready or failed; a failed one can be tried again."""

from collections.abc import Iterable

from msgspec.structs import replace

from processors.clips.state import CLIPS, Clip, requested
from schemas.event import ENVELOPE, Event
from schemas.events import ClipFailed, ClipReady, ClipRequested, CreateClip, FailClip, FinishClip, RetryClip
from schemas.privacy import passed_on
from streams.fold import At, Rows

SHORTEST_MS, LONGEST_MS = 5_000, 60_000
"""Length of a clip, as Twitch's."""


class ClipsFold:
    """Decides by the newest attempt alone: what an older one's worker says, or says twice, changes nothing."""

    name = "clips"
    version = 1
    inputs = ("library.clip.commands.v1",)
    outputs: tuple[type[Event], ...] = (ClipRequested, ClipReady, ClipFailed)
    tables = (CLIPS,)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one command in."""
        match event:
            case CreateClip():
                return _create(rows, event, at)
            case RetryClip():
                return _retry(rows, event)
            case FinishClip() | FailClip():
                return _finish(rows, event)
        return ()


def _create(rows: Rows, event: CreateClip, at: At) -> Iterable[Event]:
    if event.clip_id in rows[CLIPS]:
        return ()
    clip = Clip(
        status="processing",
        attempt=1,
        creator_id=event.creator_id,
        title=passed_on(event.title),
        source=event.source,
        vod_id=event.vod_id,
        ends_at=event.ends_at,
        offset_ms=event.offset_ms,
        duration_ms=event.duration_ms,
        created_at=at.time,
    )
    found: list[Event] = [requested(event.channel_id, event.clip_id, clip)]
    if not SHORTEST_MS <= event.duration_ms <= LONGEST_MS:
        cause = f"a clip of {event.duration_ms / 1_000:g} s cannot be: ask for {SHORTEST_MS // 1_000} to {LONGEST_MS // 1_000} s"
        clip = replace(clip, status="failed")
        found.append(ClipFailed(channel_id=event.channel_id, clip_id=event.clip_id, attempt=1, step="request", cause=cause))
    rows[CLIPS][event.clip_id] = clip
    return found


def _retry(rows: Rows, event: RetryClip) -> Iterable[Event]:
    clip = rows[CLIPS].get(event.clip_id)
    if clip is None or clip.status != "failed" or not SHORTEST_MS <= clip.duration_ms <= LONGEST_MS:
        return ()
    again = rows[CLIPS][event.clip_id] = replace(clip, status="processing", attempt=clip.attempt + 1)
    return (requested(event.channel_id, event.clip_id, again),)


def _finish(rows: Rows, event: FinishClip | FailClip) -> Iterable[Event]:
    clip = rows[CLIPS].get(event.clip_id)
    if clip is None or clip.status != "processing" or clip.attempt != event.attempt:
        return ()
    ready = isinstance(event, FinishClip)
    rows[CLIPS][event.clip_id] = replace(clip, status="ready" if ready else "failed")
    told = {name: getattr(event, name) for name in event.__struct_fields__ if name not in ENVELOPE}
    return (ClipReady(**told) if ready else ClipFailed(**told),)
