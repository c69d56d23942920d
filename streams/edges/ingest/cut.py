"""What the segmenter makes: declared renditions, parts and segments."""

from collections.abc import Sequence
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
    """Begins with a key frame."""
    shown: int
    """When its first sample is shown, ticks."""
    shown_from: int
    """When the first of all its samples is."""
    key_frame_bytes: int
    frames: int
    received_at: int
    """When the last frame of it came, UTC microseconds."""
    data: bytes


class Segment(NamedTuple):
    """All parts of a segment."""

    parts: tuple[Part, ...]

    @property
    def leans_back(self) -> bool:
        """Whether it shows pictures before its key frame, as an open GOP does: they need the segment before."""
        first = self.parts[0]
        return first.independent and min(part.shown_from for part in self.parts) < first.shown


Output = Started | Declared | Part | Segment


def shown(samples: Sequence[Sample]) -> tuple[int, int]:
    """When the first of a part's samples is shown, and when the first of them that is."""
    times = [sample.decode_time + sample.composition_offset for sample in samples]
    return times[0], min(times)


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
            *shown(samples),
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
