"""A made-up publisher for the segmenter: tags with real configurations and frames that only look like H.264 and AAC."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from streams.edges.ingest.cut import Declared, Output, Part, Segment
from streams.edges.ingest.segmenter import Metadata, Place, Segmenter
from streams.media.flv import Tag

SPS = bytes.fromhex("6742c01ed900a02ff9610000030001000003003c0f162e48")
"""640x360, 30 frames a second by its VUI."""
NOW = 1_700_000_000_000_000


def avcc(sps: bytes = SPS) -> bytes:
    """An AVCDecoderConfigurationRecord of one sequence and one picture parameter set."""
    return b"\x01" + sps[1:4] + b"\xff\xe1" + len(sps).to_bytes(2, "big") + sps + b"\x01\x00\x04\x68\xee\x3c\x80"


def asc(rate_index: int = 3, layout: int = 2) -> bytes:
    """An AudioSpecificConfig of AAC-LC."""
    return (2 << 11 | rate_index << 7 | layout << 3).to_bytes(2, "big")


def picture(key: bool, number: int) -> bytes:
    """An access unit of one NAL unit."""
    unit = (b"\x65" if key else b"\x41") + number.to_bytes(4, "big")
    return len(unit).to_bytes(4, "big") + unit


@dataclass
class Publisher:
    """Pushes into a segmenter, with an arrival clock that follows the media's own time."""

    place: Place = field(default_factory=lambda: Place(None, 100, 7))
    metadata: Metadata = field(default_factory=lambda: Metadata(has_audio=True))
    rate: int = 48_000
    origin_ms: int = 0
    """Added to all timestamps, modulo 2^32."""

    def __post_init__(self) -> None:
        self.segmenter = Segmenter(self.place)
        self.segmenter.metadata = self.metadata
        self.outputs: list[Output] = []
        self.clock_ms = 0
        self.pictures = 0
        self.audio_ms = 0.0

    def configure(self, video: bytes | None = None, audio: bytes | None = None) -> None:
        """Sends sequence headers."""
        if video is not None:
            self.outputs += self.segmenter.push_video(Tag("config", True, 0, video), self._stamp(self.clock_ms), self._now())
        if audio is not None:
            self.outputs += self.segmenter.push_audio(Tag("config", True, 0, audio), self._stamp(self.clock_ms), self._now())

    def video(self, interval_ms: int, *, key: bool = False, offset_ms: int = 0, with_audio: bool = True) -> None:
        """Sends the audio that is due, and then a picture; the clock then moves on by the interval."""
        if with_audio:
            self.audio(self.clock_ms)
        else:
            self.audio_ms = max(self.audio_ms, self.clock_ms)
        self.pictures += 1
        tag = Tag("frame", key, offset_ms, picture(key, self.pictures))
        self.outputs += self.segmenter.push_video(tag, self._stamp(self.clock_ms), self._now())
        self.clock_ms += interval_ms

    def audio(self, until_ms: float) -> None:
        """Sends the audio frames that begin by then."""
        while self.audio_ms <= until_ms:
            tag = Tag("frame", True, 0, b"\x21\x17")
            self.outputs += self.segmenter.push_audio(tag, self._stamp(round(self.audio_ms)), self._now())
            self.audio_ms += 1_024_000 / self.rate

    def finish(self) -> None:
        """Goes away."""
        self.outputs += self.segmenter.finish(self._now())

    def _stamp(self, time_ms: int) -> int:
        return (self.origin_ms + time_ms) % (1 << 32)

    def _now(self) -> int:
        return NOW + 1_000 * self.clock_ms

    def parts(self, rendition: str) -> list[Part]:
        """Parts of a rendition."""
        return [output for output in self.outputs if isinstance(output, Part) and output.rendition == rendition]

    def segments(self, rendition: str) -> list[Segment]:
        """Segments of a rendition."""
        return [output for output in self.outputs if isinstance(output, Segment) and output.parts[0].rendition == rendition]

    def declared(self, rendition: str) -> list[Declared]:
        """Declarations of a rendition."""
        return [output for output in self.outputs if isinstance(output, Declared) and output.rendition == rendition]

    def ends(self) -> Iterator[float]:
        """End of the media of each rendition, in seconds."""
        for rendition in ("source", "audio"):
            for part in self.parts(rendition)[-1:]:
                yield (part.decode_time + part.duration) / part.timescale
