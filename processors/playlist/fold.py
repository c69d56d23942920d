"""PlaylistFold: segment events to the rows of a live window."""

from collections.abc import Iterable

from msgspec.structs import replace

from processors.playlist.state import (
    DECLARED,
    HEAD,
    HERE,
    SEGMENTS,
    TRACKS,
    Declared,
    Head,
    Part,
    Segment,
    Track,
    declared_key,
    segment_key,
)
from schemas.event import Event
from schemas.events import PartProduced, RenditionDeclared, SegmentProduced
from streams.fold import At, Rows

LIVE_WINDOW = 30
"""Segments listed: a minute of 2 s segments. A player that was paused or offline that long goes on without a jump; delta
updates need 6 target durations and hold-back 3 (RFC 8216bis sections 4.4.3.8 and 6.2.5.1), so 15 would be the least."""
LAG = 3
"""Segments that a rendition may be behind the newest before it counts as stopped: a transcoder is one behind, and two while
its encoder is restarted."""
PART_SEGMENTS = 3
"""Newest whole segments whose parts are listed (RFC 8216bis section 6.2.2: parts older than three target durations go)."""
REDECLARED = 8
"""Segments after which a declaration is repeated at the latest: a view that began `LIVE_WINDOW + LAG + REDECLARED` segments
ago knows all that it lists."""


class PlaylistFold:
    """The live window of each channel, from its segment events.

    A function of the last `window + LAG + REDECLARED` segments only: wherever on the log before those it began, the rows that
    are rendered are the same. Repeats, parts of a former session and what left the window change nothing.
    """

    name = "playlist"
    version = 2
    inputs = ("media.segment.events.v1",)
    outputs: tuple[type[Event], ...] = ()
    tables = (HEAD, TRACKS, DECLARED, SEGMENTS)

    def __init__(self, window: int = LIVE_WINDOW) -> None:
        self.window = window
        self.kept = window + LAG
        """Segments held, for a rendition that is `LAG` behind lists `window` of its own."""

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one event in."""
        if isinstance(event, PartProduced):
            if self._admits(rows, event):
                _add_part(rows, event)
        elif isinstance(event, SegmentProduced):
            if self._admits(rows, event):
                _add_segment(rows, event)
        elif isinstance(event, RenditionDeclared):
            _declare(rows, event)
        return ()

    def _admits(self, rows: Rows, event: PartProduced | SegmentProduced) -> bool:
        """Moves the window to the event; False where the event is of the past."""
        heads = rows[HEAD]
        head = heads.get(HERE)
        if head is not None and head.session_id != event.session_id:
            if event.programme_date_time <= head.began_us:
                return False
            _forget_session(rows, event.session_id)
            head = None
        if head is None:
            heads[HERE] = Head(event.session_id, event.media_sequence, event.programme_date_time)
            return True
        if event.media_sequence > head.newest:
            heads[HERE] = Head(event.session_id, event.media_sequence, event.programme_date_time)
            self._slide(rows, head.newest, event.media_sequence)
            return True
        return event.media_sequence > head.newest - self.kept

    def _slide(self, rows: Rows, before: int, now: int) -> None:
        """Drops what left the window."""
        segments, tracks, floor = rows[SEGMENTS], rows[TRACKS], now - self.kept
        for rendition, track in list(tracks.items()):
            gone = None
            for media_sequence in range(before - self.kept + 1, min(before, floor) + 1):
                gone = segments.pop(segment_key(rendition, media_sequence), gone)
            if track.newest <= floor:
                del tracks[rendition]
            if gone is not None:
                _forget_declared(rows, rendition, floor + 1)


def _add_part(rows: Rows, event: PartProduced) -> None:
    """The next part of a growing segment; anything else is a repeat, or belongs to a segment whose beginning was not seen."""
    key = segment_key(event.rendition, event.media_sequence)
    segment = rows[SEGMENTS].get(key)
    if segment is None:
        segment = Segment(
            media_sequence=event.media_sequence,
            decode_time=event.decode_time,
            duration=0,
            timescale=event.timescale,
            began_us=event.programme_date_time,
            independent=event.independent,
            discontinuity=event.discontinuity_sequence,
        )
    if segment.whole or event.part != len(segment.parts):
        return
    part = Part(event.duration, event.independent, event.address, event.size)
    rows[SEGMENTS][key] = replace(segment, duration=segment.duration + event.duration, parts=(*segment.parts, part))
    track = rows[TRACKS].get(event.rendition, Track(event.media_sequence))
    rows[TRACKS][event.rendition] = replace(track, newest=max(track.newest, event.media_sequence))


def _add_segment(rows: Rows, event: SegmentProduced) -> None:
    """A whole segment. Its parts stay where all of them were seen; those of the segment that is now too old go."""
    segments, key = rows[SEGMENTS], segment_key(event.rendition, event.media_sequence)
    grown = segments.get(key)
    if grown is not None and grown.whole:
        return
    segments[key] = Segment(
        media_sequence=event.media_sequence,
        decode_time=event.decode_time,
        duration=event.duration,
        timescale=event.timescale,
        began_us=event.programme_date_time,
        independent=event.independent and not event.leans_back,
        discontinuity=event.discontinuity_sequence,
        parts=grown.parts if grown is not None and len(grown.parts) == event.parts else (),
        whole=True,
        count=event.parts,
        address=event.address,
        size=event.size,
        key_frame_bytes=event.key_frame_bytes,
    )
    track = rows[TRACKS].get(event.rendition, Track(event.media_sequence))
    whole = max(track.whole, event.media_sequence)
    rows[TRACKS][event.rendition] = Track(max(track.newest, event.media_sequence), whole)
    old_key = segment_key(event.rendition, whole - PART_SEGMENTS)
    old = segments.get(old_key)
    if old is not None and old.parts:
        segments[old_key] = replace(old, parts=())


def _declare(rows: Rows, event: RenditionDeclared) -> None:
    """The first declaration since a discontinuity holds; repeats say the same, but for whether the rendition is leaving."""
    key = declared_key(event.session_id, event.rendition, event.discontinuity_sequence)
    known = rows[DECLARED].get(key)
    if known is not None:
        if known.leaving != event.leaving:
            rows[DECLARED][key] = replace(known, leaving=event.leaving)
        return
    rows[DECLARED][key] = Declared(
        session_id=event.session_id,
        rendition=event.rendition,
        discontinuity=event.discontinuity_sequence,
        kind=event.kind,
        codecs=event.codecs,
        width=event.width,
        height=event.height,
        frame_rate=event.frame_rate,
        channels=event.channels,
        bit_rate=event.bit_rate,
        part_target_us=event.part_target_us,
        segment_target_us=event.segment_target_us,
        timescale=event.timescale,
        address=event.address,
        leaving=event.leaving,
    )


def _forget_declared(rows: Rows, rendition: str, oldest: int) -> None:
    """Drops the declarations of discontinuities before that of a rendition's oldest kept segment."""
    segment = rows[SEGMENTS].get(segment_key(rendition, oldest))
    if segment is None:
        return
    for key, declared in list(rows[DECLARED].items()):
        if declared.rendition == rendition and declared.discontinuity < segment.discontinuity:
            del rows[DECLARED][key]


def _forget_session(rows: Rows, session_id: str) -> None:
    """Empties the window for a new session; what was declared for that stays."""
    rows[SEGMENTS].clear()
    rows[TRACKS].clear()
    for key, declared in list(rows[DECLARED].items()):
        if declared.session_id != session_id:
            del rows[DECLARED][key]
