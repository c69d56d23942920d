"""Cuts one run of video, between two discontinuities, into parts and segments."""

from typing import NamedTuple

from streams.edges.ingest.cut import Assembler, Output
from streams.media.track import Sample

TIMESCALE = 90_000
SEGMENT_LEAST = 3 * TIMESCALE // 2
"""A key frame ends a segment from 1.5 s on: GOPs of 0.5, 1 and 2 s all give segments of 1.5 to 2 s."""
SEGMENT_MOST = 12 * TIMESCALE // 5
"""Without a key frame a segment ends before 2.4 s, which still rounds to a target duration of 2 s."""
PART_SECONDS = 0.2
"""Parts aimed at (design section 7): this many seconds, rounded to whole frames."""
ROUNDING = TIMESCALE // 1_000
"""FLV rounds timestamps to milliseconds, so that a part may seem one longer."""


def part_target(frame_rate: float) -> int:
    """Longest part in ticks, for a source of so many frames a second."""
    return round(max(1, round(PART_SECONDS * frame_rate)) * TIMESCALE / frame_rate) + ROUNDING


class Frame(NamedTuple):
    """A coded picture whose duration is not known yet."""

    time: int
    """Decode time, ticks since the session began."""
    offset: int
    """Presentation minus decode time, ticks."""
    key: bool
    data: bytes
    received_at: int


class Boundary(NamedTuple):
    """Where a part or a segment ended."""

    time: int
    """Decode time of what follows, ticks."""
    segment: bool
    """A segment ended, after its last part; otherwise a part."""


class VideoCutter:
    """Takes frames in decode order. A frame is given its duration by the next one's time.

    A part ends before a frame that would make it longer than the target, and at a segment's end. A segment ends before a key frame where it
    is long enough or began without one, and before a frame that would make it longer than the most. So a part is longer than its target
    only where one frame is.
    """

    def __init__(self, assembler: Assembler, frame_rate: float) -> None:
        self._assembler = assembler
        self._nominal = round(TIMESCALE / frame_rate)
        self._target = part_target(frame_rate)
        self._pending: Frame | None = None
        self._samples: list[Sample] = []
        self._received_at = 0
        self._part = 0
        self._segment = 0  # durations of what is being made, ticks
        self._began_with_key = True
        self.end = 0
        """Decode time up to which frames have their duration, ticks."""

    def push(self, frame: Frame) -> tuple[list[Output], list[Boundary]]:
        """Takes the next frame; its time must be past the last one's."""
        outputs: list[Output] = []
        boundaries: list[Boundary] = []
        if self._pending:
            self._complete(self._pending, frame.time - self._pending.time, outputs, boundaries)
            full = self._segment + self._nominal > SEGMENT_MOST
            if full or (frame.key and (self._segment >= SEGMENT_LEAST or not self._began_with_key)):
                self._end_segment(frame.time, outputs, boundaries)
            elif self._part + self._nominal > self._target:
                self._end_part(frame.time, outputs, boundaries)
        self._pending = frame
        return outputs, boundaries

    @property
    def media_sequence(self) -> int:
        """Of the segment that is being made, or of the next."""
        return self._assembler.media_sequence

    def finish(self) -> tuple[list[Output], list[Boundary]]:
        """Ends the run: the last frame lasts as long as frames should."""
        outputs: list[Output] = []
        boundaries: list[Boundary] = []
        if self._pending:
            self._complete(self._pending, self._nominal, outputs, boundaries)
            self._pending = None
        if self._segment:
            self._end_segment(self.end, outputs, boundaries)
        return outputs, boundaries

    def _complete(self, frame: Frame, duration: int, outputs: list[Output], boundaries: list[Boundary]) -> None:
        if self._segment and self._segment + duration > SEGMENT_MOST:
            self._end_segment(frame.time, outputs, boundaries)
        elif self._samples and self._part + duration > self._target:
            self._end_part(frame.time, outputs, boundaries)
        if not self._segment:
            self._began_with_key = frame.key
        self._samples.append(Sample(frame.time, duration, frame.offset, frame.key, frame.data))
        self._received_at = frame.received_at
        self._part += duration
        self._segment += duration
        self.end = frame.time + duration

    def _end_part(self, time: int, outputs: list[Output], boundaries: list[Boundary]) -> None:
        outputs.append(self._assembler.part(self._samples, self._received_at))
        boundaries.append(Boundary(time, segment=False))
        self._samples, self._part = [], 0

    def _end_segment(self, time: int, outputs: list[Output], boundaries: list[Boundary]) -> None:
        """Ends the segment, and the part that is being made; that may have ended before it was known to be the last."""
        if self._samples:
            self._end_part(time, outputs, boundaries)
        outputs.append(self._assembler.segment())
        boundaries.append(Boundary(time, segment=True))
        self._segment = 0
