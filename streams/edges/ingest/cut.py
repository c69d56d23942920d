"""What the segmenter makes: declared renditions, parts and segments."""

from typing import NamedTuple

from streams.media import fmp4
from streams.media.track import AudioTrack, Sample, Track, VideoTrack


class Started(NamedTuple):
    """The tracks of a publisher are known."""

    start_us: int
    """Wall clock of media time 0 of the session, UTC microseconds."""
    video: VideoTrack
    audio: AudioTrack | None


class Declared(NamedTuple):
    """A rendition begins, or begins anew after a discontinuity."""

    rendition: str
    track: Track
    discontinuity_sequence: int
    part_target_us: int
    segment_target_us: int
    init: bytes
    """Initialisation segment."""


class Part(NamedTuple):
    """One fragment."""

    rendition: str
    media_sequence: int
    number: int
    """In its segment, from 0."""
    discontinuity_sequence: int
    decode_time: int
    """Ticks since the session began."""
    duration: int
    """Ticks."""
    timescale: int
    independent: bool
    key_frame_bytes: int
    frames: int
    received_at: int
    """When the last frame of it came, UTC microseconds."""
    data: bytes


class Segment(NamedTuple):
    """All parts of a segment."""

    parts: tuple[Part, ...]


Output = Started | Declared | Part | Segment


class Assembler:
    """Numbers the parts and segments of one rendition between two discontinuities."""

    def __init__(self, rendition: str, timescale: int, media_sequence: int, discontinuity_sequence: int) -> None:
        self._rendition = rendition
        self._timescale = timescale
        self._discontinuity_sequence = discontinuity_sequence
        self._fragments = 0
        self._parts: list[Part] = []
        self.media_sequence = media_sequence
        """Of the segment that is being made."""

    def part(self, samples: list[Sample], received_at: int) -> Part:
        """A part of consecutive samples."""
        self._fragments += 1
        data = fmp4.fragment(self._fragments, samples)
        part = Part(
            self._rendition,
            self.media_sequence,
            len(self._parts),
            self._discontinuity_sequence,
            samples[0].decode_time,
            sum(sample.duration for sample in samples),
            self._timescale,
            samples[0].key,
            fmp4.key_frame_bytes(data, samples),
            len(samples),
            received_at,
            data,
        )
        self._parts.append(part)
        return part

    def segment(self) -> Segment:
        """The segment of the parts since the last one."""
        segment = Segment(tuple(self._parts))
        self._parts.clear()
        self.media_sequence += 1
        return segment
