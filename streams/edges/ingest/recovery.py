"""What an earlier process of this node left open, read from the log: sessions without an end."""

from dataclasses import dataclass, field

import structlog

from schemas.event import Event
from schemas.events import media as e
from schemas.events.channel import Tier
from schemas.wire import Codec
from streams.edges.ingest.config import IngestConfig
from streams.edges.ingest.cut import Part, Segment, shown
from streams.edges.ingest.segmenter import Place
from streams.errors import StreamingError
from streams.fold import At, Clock
from streams.follower import Follower
from streams.log import Log
from streams.media import fmp4, fmp4_reader
from streams.media.fmp4_reader import MalformedFragmentError
from streams.objects import ObjectMissingError, Objects

logger = structlog.get_logger()

MARGIN_S = 60.0
"""Media are read from further back than the grace period: a publisher may return at its end, and a process needs some time to start."""
LONGEST_S = 48 * 3_600.0
"""Sessions that began or resumed within this are ended where an earlier process could not: no broadcast is expected to last longer."""


@dataclass
class Found:
    """A session that has no end on the log; its place has no start where it had no media within the grace period."""

    session_id: str
    place: Place = field(default_factory=lambda: Place(None, 0, 0))
    since_us: int = 0
    """Time of the newest event of it."""
    interrupted: bool = False
    """Whether its interruption is on the log."""
    tier: Tier | None = None
    """The one that the log has; None where its beginning is not read any more."""
    begun: dict[str, list[e.PartProduced]] = field(default_factory=dict)
    """By rendition, the parts of a segment whose end is not on the log."""


class Recovery:
    """Reads once what the log has of this node's sessions."""

    def __init__(self, log: Log, codec: Codec, config: IngestConfig, clock: Clock) -> None:
        self._node = config.node
        now_ms = clock() // 1_000
        media_ms, streams_ms = (now_ms - round(1_000 * seconds) for seconds in (config.grace_s + MARGIN_S, LONGEST_S))
        self._followers = (
            Follower(log, codec, ["media.stream.events.v1"], self._apply, streams_ms),
            Follower(log, codec, ["media.segment.events.v1"], self._apply, media_ms),
        )
        self._found: dict[str, Found] = {}
        self._ended: set[str] = set()

    async def find(self) -> dict[str, Found]:
        """Open sessions by channel."""
        for follower in self._followers:
            await follower.start()
            await follower.close()
        return {channel_id: found for channel_id, found in self._found.items() if found.session_id not in self._ended}

    def _apply(self, event: Event, _at: At) -> None:
        if event.producer != self._node:
            return  # transcoded, or another node's
        match event:
            case e.StreamEnded():
                self._ended.add(event.session_id)
            case e.StreamInterrupted():
                found = self._of(event)
                found.interrupted = True
            case e.StreamStarted():
                found = self._of(event)
                found.tier = event.tier
                found.interrupted = False
            case e.StreamTierChanged():
                self._of(event).tier = event.tier
            case e.StreamResumed():
                self._of(event).interrupted = False
            case e.PartProduced():
                self._media(event)
            case e.SegmentProduced():
                known = self._found.get(event.channel_id)
                if known is not None and known.session_id == event.session_id:
                    known.begun.pop(event.rendition, None)

    def _of(self, event: e.StreamInterrupted | e.StreamStarted | e.StreamTierChanged | e.StreamResumed | e.PartProduced) -> Found:
        """The channel's session; the topics are not read in the order of time, so the newer session stays."""
        found = self._found.get(event.channel_id)
        if found is None or (found.session_id != event.session_id and event.occurred_at > found.since_us):
            found = self._found[event.channel_id] = Found(event.session_id)
        elif found.session_id != event.session_id:
            return Found(event.session_id)
        found.since_us = max(found.since_us, event.occurred_at)
        return found

    def _media(self, part: e.PartProduced) -> None:
        found = self._of(part)
        place = found.place
        place.start_us = part.programme_date_time - part.decode_time * 1_000_000 // part.timescale
        place.media_sequence = max(place.media_sequence, part.media_sequence + 1)
        place.discontinuity_sequence = max(place.discontinuity_sequence, part.discontinuity_sequence + 1)
        place.floor_ms = max(place.floor_ms, -(-1_000 * (part.decode_time + part.duration) // part.timescale))
        begun = found.begun.get(part.rendition, [])
        if begun and begun[0].media_sequence < part.media_sequence:
            begun = []
        if part.part == len(begun):  # what is read may begin amid a segment, and have repeats
            found.begun[part.rendition] = [*begun, part]


async def ends(found: Found, objects: Objects) -> list[Segment]:
    """The segments that an earlier process has begun, as far as they came: the archive is made of whole ones. What is not in the store is
    left out.
    """
    segments = []
    for parts in found.begun.values():
        try:
            segments.append(Segment(tuple([_cut(part, await objects.get(part.address)) for part in parts])))
        except (ObjectMissingError, MalformedFragmentError, OSError, StreamingError) as cause:
            logger.warning("a segment that has begun is not ended", address=parts[0].address, cause=repr(cause))
    return segments


def _cut(part: e.PartProduced, data: bytes) -> Part:
    samples = fmp4_reader.samples(data)
    return Part(
        part.rendition,
        part.media_sequence,
        part.part,
        part.discontinuity_sequence,
        part.decode_time,
        part.duration,
        part.timescale,
        part.independent,
        *shown(samples),
        fmp4.key_frame_bytes(data, samples),
        len(samples),
        part.received_at,
        data,
    )
