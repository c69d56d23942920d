"""Encoded pictures to CMAF: a rendition's declaration and its parts, the same from the live path and from segment jobs."""

from collections.abc import Sequence

from processors.transcode.ladder import Rendition
from sinks.transcoder import windows
from sinks.transcoder.protocol import Declared, Made
from sinks.transcoder.windows import Picture, Window
from streams.media import fmp4
from streams.media.track import VideoTrack

PART_BITS = 8
"""Room for 256 parts a segment in a fragment's number: 12 of 200 ms are usual."""


def declared(rendition: Rendition, track: VideoTrack) -> Declared:
    """A rendition's declaration, with its initialisation segment."""
    init = fmp4.init_segment(track)
    return Declared(rendition.name, track.codecs, track.width, track.height, track.frame_rate, rendition.bit_rate, init)


def made(window: Window, name: str, pictures: Sequence[Picture]) -> Made:
    """A part of a rendition: at least one picture, in presentation order."""
    samples = windows.samples(window, pictures)
    data = fmp4.fragment(window.media_sequence << PART_BITS | window.part, samples)
    key = fmp4.key_frame_bytes(data, samples)
    return Made(name, window.media_sequence, window.part, window.decode_time, window.duration, key, data)
