"""Which part a decoded picture belongs to, and when it is decoded there: pure arithmetic on 90 kHz ticks."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from processors.transcode.ladder import Rendition
from sinks.transcoder.encoder import GRID_TOLERANCE, TIMESCALE, reduces
from sinks.transcoder.protocol import SourcePart
from streams.media.track import Sample

USUAL_RATE = 30.0
"""Frames a second assumed where a source does not tell its own."""


class Window(NamedTuple):
    """A part of the source as a span of presentation time."""

    media_sequence: int
    part: int
    decode_time: int
    """Of the source's part, ticks: the rendition's part has the same."""
    duration: int
    begin: int
    """Presentation time from which pictures belong to it, ticks."""

    @property
    def opens_segment(self) -> bool:
        """Whether its first picture must be a key frame."""
        return self.part == 0


def window(part: SourcePart, first: Sample, delay: int) -> Window:
    """A source part's window: from its key frame's own time where it opens a segment, else from its decode time plus the delay.

    Args:
        part: the part.
        first: its first coded sample.
        delay: presentation minus decode time of the source's first key frame, ticks.
    """
    offset = first.composition_offset if part.part == 0 and first.key else delay
    return Window(part.media_sequence, part.part, part.decode_time, part.duration, part.decode_time + offset)


def tolerance(frame_rate: float) -> int:
    """Ticks by which a picture may come before its part's begin: timestamps are rounded. `frame_rate` is 0 if unknown."""
    return round(TIMESCALE / (frame_rate or USUAL_RATE) * GRID_TOLERANCE)


class Picture(NamedTuple):
    """An encoded picture."""

    time: int
    """Presentation time, ticks."""
    key: bool
    data: bytes
    """Length-prefixed NAL units."""


def slot(time: int, begin: int, frame_rate: float) -> int:
    """Number of the output frame that a presentation time falls on, counted from a segment's begin."""
    return int((time - begin) * frame_rate / TIMESCALE + GRID_TOLERANCE)


def keeps(time: int, before: int | None, begin: int, source_rate: float, rendition: Rendition) -> bool:
    """Whether a rendition shows the picture at `time`.

    One that is slower than the source takes the first picture of each of its own frames' times. Each part keeps its first, so that no
    part is empty.

    Args:
        time: presentation time, ticks.
        before: presentation time of the source's picture before it in the same part; None for a part's first.
        begin: presentation time of the segment's first picture.
        source_rate: frames a second of the source, 0 if unknown.
        rendition: the output.
    """
    if before is None or not reduces(source_rate, rendition):
        return True
    return slot(time, begin, rendition.frame_rate) > slot(before, begin, rendition.frame_rate)


def samples(window: Window, pictures: Sequence[Picture]) -> list[Sample]:
    """The samples of a part: decode times fill it exactly, from its source's first tick to its last; presentation is as it was.

    Pictures come in presentation order and are decoded in that order. What the source's reordering delayed (presentation after decode
    time) stays as a composition offset, so that decode times of all renditions are one line.
    """
    delay, end = window.begin - window.decode_time, window.decode_time + window.duration
    starts = [window.decode_time, *(picture.time - delay for picture in pictures[1:])]
    if any(after <= before for before, after in pairwise([*starts, end])):
        # Leading pictures of the next, open GOP are shown before its key frame, so this part holds more than its source's did.
        starts = [window.decode_time + window.duration * index // len(pictures) for index in range(len(pictures))]
    return [
        Sample(start, after - start, picture.time - start, picture.key, picture.data)
        for start, after, picture in zip(starts, [*starts[1:], end], pictures, strict=True)
    ]
