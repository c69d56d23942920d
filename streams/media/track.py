"""Tracks and samples: what a muxer needs and a demuxer gives."""

from typing import NamedTuple


class VideoTrack(NamedTuple):
    """An H.264 track."""

    width: int
    height: int
    frame_rate: float
    avcc: bytes
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3)."""
    timescale: int = 90_000
    """Ticks a second: 90 to FLV's millisecond, so exact."""

    @property
    def codecs(self) -> str:
        """RFC 6381: profile, constraints and level from the record's second to fourth byte."""
        return f"avc1.{self.avcc[1:4].hex()}"


class AudioTrack(NamedTuple):
    """An AAC track; its timescale is the sample rate."""

    sample_rate: int
    channels: int
    config: bytes
    """AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1)."""

    @property
    def timescale(self) -> int:
        """Ticks a second."""
        return self.sample_rate

    @property
    def codecs(self) -> str:
        """RFC 6381: `mp4a.40.` and the audio object type, the record's first five bits."""
        return f"mp4a.40.{self.config[0] >> 3}"


Track = VideoTrack | AudioTrack


class Sample(NamedTuple):
    """One coded frame."""

    decode_time: int
    """Ticks since the session began."""
    duration: int
    """Ticks."""
    composition_offset: int
    """Presentation minus decode time, ticks."""
    key: bool
    """Whether decoding may start here."""
    data: bytes
    """Length-prefixed NAL units, or one raw AAC frame."""
