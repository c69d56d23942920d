"""The events that tell of a session's media: from what was cut to what the log carries."""

import hashlib
from uuid import NAMESPACE_URL, uuid5

from schemas.events import media as e
from streams.edges.ingest.cut import Declared, Part, Segment
from streams.media import address
from streams.media.track import VideoTrack


class Facts:
    """Makes the media events of one session. Ids derive from the objects' addresses, so a repeat carries the same."""

    def __init__(self, channel_id: str, session_id: str, start_us: int) -> None:
        self._channel_id = channel_id
        self._session_id = session_id
        self._start_us = start_us

    def init_address(self, cut: Declared) -> str:
        """Where an initialisation segment lies."""
        return address.init(self._channel_id, self._session_id, cut.rendition, cut.discontinuity_sequence)

    def part_address(self, cut: Part) -> str:
        """Where a part lies."""
        return address.part(self._channel_id, self._session_id, cut.rendition, cut.media_sequence, cut.number)

    def segment_address(self, cut: Segment) -> str:
        """Where a segment lies."""
        first = cut.parts[0]
        return address.segment(self._channel_id, self._session_id, first.rendition, first.media_sequence)

    def declared(self, cut: Declared, bit_rate: int, repeat: str = "") -> e.RenditionDeclared:
        """The declaration; `repeat` tells a repetition from the first one."""
        place, track = self.init_address(cut), cut.track
        video = track if isinstance(track, VideoTrack) else None
        audio = track if not isinstance(track, VideoTrack) else None
        return e.RenditionDeclared(
            event_id=_id(place + repeat),
            correlation_id=self._session_id,
            channel_id=self._channel_id,
            session_id=self._session_id,
            rendition=cut.rendition,
            kind="video" if video else "audio",
            codecs=track.codecs,
            width=video.width if video else 0,
            height=video.height if video else 0,
            frame_rate=video.frame_rate if video else 0.0,
            sample_rate=audio.sample_rate if audio else 0,
            channels=audio.channels if audio else 0,
            bit_rate=bit_rate,
            part_target_us=cut.part_target_us,
            segment_target_us=cut.segment_target_us,
            timescale=track.timescale,
            discontinuity_sequence=cut.discontinuity_sequence,
            address=place,
            size=len(cut.init),
            sha256=hashlib.sha256(cut.init).hexdigest(),
        )

    def part(self, cut: Part, stored_at: int) -> e.PartProduced:
        """A part is in the store."""
        place = self.part_address(cut)
        return e.PartProduced(
            event_id=_id(place),
            occurred_at=stored_at,
            correlation_id=self._session_id,
            channel_id=self._channel_id,
            session_id=self._session_id,
            rendition=cut.rendition,
            media_sequence=cut.media_sequence,
            part=cut.number,
            decode_time=cut.decode_time,
            duration=cut.duration,
            timescale=cut.timescale,
            programme_date_time=self._wall(cut),
            independent=cut.independent,
            discontinuity_sequence=cut.discontinuity_sequence,
            address=place,
            size=len(cut.data),
            sha256=hashlib.sha256(cut.data).hexdigest(),
            received_at=cut.received_at,
            stored_at=stored_at,
        )

    def segment(self, cut: Segment, data: bytes, stored_at: int) -> e.SegmentProduced:
        """A segment, whose bytes are its parts', is in the store."""
        place, first = self.segment_address(cut), cut.parts[0]
        return e.SegmentProduced(
            event_id=_id(place),
            occurred_at=stored_at,
            correlation_id=self._session_id,
            channel_id=self._channel_id,
            session_id=self._session_id,
            rendition=first.rendition,
            media_sequence=first.media_sequence,
            parts=len(cut.parts),
            decode_time=first.decode_time,
            duration=sum(part.duration for part in cut.parts),
            timescale=first.timescale,
            programme_date_time=self._wall(first),
            independent=first.independent,
            leans_back=cut.leans_back,
            discontinuity_sequence=first.discontinuity_sequence,
            key_frame_bytes=first.key_frame_bytes if first.rendition != "audio" else 0,
            address=place,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            received_at=cut.parts[-1].received_at,
            stored_at=stored_at,
        )

    def _wall(self, part: Part) -> int:
        return self._start_us + part.decode_time * 1_000_000 // part.timescale


def _id(place: str) -> str:
    return str(uuid5(NAMESPACE_URL, place))
