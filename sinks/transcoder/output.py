"""Where the parts of a job's renditions go: the object first, the event second."""

from hashlib import sha256
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from prometheus_client import Histogram

from schemas.events import PartProduced, RenditionDeclared, SegmentProduced
from sinks.transcoder.encoder import TIMESCALE
from sinks.transcoder.feed import KEPT_SEGMENTS, Arrived, Feed
from sinks.transcoder.patience import PatientStore
from sinks.transcoder.protocol import Declared, Made
from streams.fold import Clock
from streams.media import address
from streams.publisher import Publisher

REPEAT_SEGMENTS = 8
"""A declaration is repeated so often that any window of the log that a player needs holds one."""
DELAY = Histogram(
    "transcoder_part_seconds",
    "From a source part's event reaching the worker to the rendition's part being stored.",
    ["rendition"],
    buckets=(0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5),
)


class _Key(NamedTuple):
    media_sequence: int
    part: int


class Output:
    """Stores and publishes what one job makes. Names and ids follow from what an object is, so doing one twice changes nothing."""

    def __init__(self, store: PatientStore, publisher: Publisher, clock: Clock, feed: Feed, session: tuple[str, str]) -> None:
        """`session` is the channel's and the session's id."""
        self._store, self._publisher, self._clock, self._feed = store, publisher, clock, feed
        self._session = session
        self.newest = -1
        """Newest media sequence of which anything was stored."""
        self.staying: frozenset[str] = frozenset()
        """Renditions that are wanted; others go on only until players have left them, and to the end of their segment."""
        self._sources: dict[_Key, Arrived] = {}
        self._whole: dict[int, SegmentProduced] = {}
        """Segments that the source has ended."""
        self._inits: dict[str, Declared] = {}
        self._open: dict[tuple[str, int], list[tuple[Made, PartProduced]]] = {}

    def expect(self, source: Arrived) -> None:
        """Notes a source part or segment that renditions will follow."""
        event = source.event
        if isinstance(event, SegmentProduced):
            self._whole[event.media_sequence] = event
        else:
            self._sources[_Key(event.media_sequence, event.part)] = source
        for key in [key for key in self._sources if key.media_sequence <= event.media_sequence - KEPT_SEGMENTS]:
            del self._sources[key]
        for old in [number for number in self._whole if number <= event.media_sequence - KEPT_SEGMENTS]:
            del self._whole[old]
        for unfinished in [key for key in self._open if key[1] <= event.media_sequence - KEPT_SEGMENTS]:
            del self._open[unfinished]

    def declare(self, declared: Declared) -> None:
        """Notes a rendition's initialisation segment, for its next part."""
        self._inits[declared.rendition] = declared

    async def store(self, made: Made) -> None:
        """Stores a part, and the segment that it completes."""
        source = self._sources.get(_Key(made.media_sequence, made.part))
        if source is None or not isinstance(source.event, PartProduced):
            return  # of a time that nobody waits for any more
        self.newest = max(self.newest, made.media_sequence)
        await self._announce(made, source.event)
        event = await self._part(made, source)
        self._open.setdefault((made.rendition, made.media_sequence), []).append((made, event))
        await self._close(made.rendition, made.media_sequence)

    async def close_segments(self, media_sequence: int) -> None:
        """Stores the segments of renditions whose parts were all there before the source said that it had ended."""
        for rendition, number in [key for key in self._open if key[1] == media_sequence]:
            await self._close(rendition, number)

    async def _announce(self, made: Made, source: PartProduced) -> None:
        """Declares the rendition where it is new since a discontinuity, or begins or ceases to leave, and repeats it from time to time.

        Who declared it first, maybe another worker, decides on the initialisation segment: equal options make parameter sets that decode
        alike, and an object never changes.
        """
        declared, leaving = self._inits[made.rendition], made.rendition not in self.staying
        known = self._feed.declared.get((made.rendition, source.discontinuity_sequence))
        repeated = made.part == 0 and made.media_sequence % REPEAT_SEGMENTS == 0
        if known is not None and known.leaving == leaving and not repeated:
            return
        place = address.init(*self._session, made.rendition, source.discontinuity_sequence)
        if known is None:
            await self._store.put(place, declared.init)
        origin = self._feed.sources[source.discontinuity_sequence]
        event = RenditionDeclared(
            correlation_id=source.session_id,
            causation_id=origin.event_id,
            channel_id=source.channel_id,
            session_id=source.session_id,
            rendition=made.rendition,
            kind="video",
            codecs=known.codecs if known else declared.codecs,
            width=declared.width,
            height=declared.height,
            frame_rate=declared.frame_rate,
            bit_rate=declared.bit_rate,
            part_target_us=origin.part_target_us,
            segment_target_us=origin.segment_target_us,
            timescale=TIMESCALE,
            discontinuity_sequence=source.discontinuity_sequence,
            address=place,
            size=known.size if known else len(declared.init),
            sha256=known.sha256 if known else sha256(declared.init).hexdigest(),
            leaving=leaving,
        )
        self._feed.declared[made.rendition, source.discontinuity_sequence] = event
        self._publisher.publish(event)

    async def _part(self, made: Made, source: Arrived) -> PartProduced:
        origin = source.event
        place = address.part(*self._session, made.rendition, made.media_sequence, made.part)
        await self._store.put(place, made.data)
        stored_at = self._clock()
        event = PartProduced(
            event_id=str(uuid5(NAMESPACE_URL, place)),
            correlation_id=origin.session_id,
            causation_id=origin.event_id,
            channel_id=origin.channel_id,
            session_id=origin.session_id,
            rendition=made.rendition,
            media_sequence=made.media_sequence,
            part=made.part,
            decode_time=made.decode_time,
            duration=made.duration,
            timescale=TIMESCALE,
            programme_date_time=origin.programme_date_time,
            independent=made.key_frame_bytes > 0,
            discontinuity_sequence=origin.discontinuity_sequence,
            address=place,
            size=len(made.data),
            sha256=sha256(made.data).hexdigest(),
            received_at=source.at,
            stored_at=stored_at,
        )
        self._publisher.publish(event)
        DELAY.labels(made.rendition).observe((stored_at - source.at) / 1e6)
        return event

    async def _close(self, rendition: str, media_sequence: int) -> None:
        """Stores a segment, the bytes of its parts, once the source's has ended and all parts are there."""
        parts, origin = self._open.get((rendition, media_sequence)), self._whole.get(media_sequence)
        if parts is None or origin is None or len(parts) < origin.parts:
            return
        del self._open[rendition, media_sequence]
        data = b"".join(made.data for made, _ in parts)
        first, last = parts[0][1], parts[-1][1]
        place = address.segment(*self._session, rendition, media_sequence)
        await self._store.put(place, data)
        self._publisher.publish(
            SegmentProduced(
                event_id=str(uuid5(NAMESPACE_URL, place)),
                correlation_id=origin.session_id,
                causation_id=origin.event_id,
                channel_id=origin.channel_id,
                session_id=origin.session_id,
                rendition=rendition,
                media_sequence=media_sequence,
                parts=len(parts),
                decode_time=first.decode_time,
                duration=sum(made.duration for made, _ in parts),
                timescale=TIMESCALE,
                programme_date_time=first.programme_date_time,
                independent=first.independent,
                discontinuity_sequence=origin.discontinuity_sequence,
                key_frame_bytes=parts[0][0].key_frame_bytes,
                address=place,
                size=len(data),
                sha256=sha256(data).hexdigest(),
                received_at=last.received_at,
                stored_at=self._clock(),
            )
        )
