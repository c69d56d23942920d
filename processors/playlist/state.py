"""The rows of the playlist view, kept under a channel."""

import msgspec

from streams.fold import Table


class Head(msgspec.Struct, frozen=True):
    """Where the channel stands."""

    session_id: str
    newest: int
    """Newest media sequence number of any rendition."""
    began_us: int
    """Programme date time of the newest segment's beginning, UTC microseconds: a later session has a later one."""


class Track(msgspec.Struct, frozen=True):
    """Where a rendition stands."""

    newest: int
    """Media sequence number of its newest part or segment."""
    whole: int = -1
    """Media sequence number of its newest whole segment; -1 before the first."""


class Declared(msgspec.Struct, frozen=True):
    """What RenditionDeclared said of a rendition since a discontinuity."""

    session_id: str
    rendition: str
    discontinuity: int
    kind: str
    codecs: str
    width: int
    height: int
    frame_rate: float
    channels: int
    bit_rate: int
    part_target_us: int
    segment_target_us: int
    timescale: int
    address: str
    """Initialisation segment."""
    leaving: bool = False
    """Whether it goes on only until players have left it; the newest declaration says so."""


class Part(msgspec.Struct, frozen=True):
    """A part of a segment."""

    duration: int
    """Ticks."""
    independent: bool
    address: str
    size: int


class Segment(msgspec.Struct, frozen=True):
    """A segment, whole or still growing."""

    media_sequence: int
    decode_time: int
    """Ticks since the session began."""
    duration: int
    """Ticks; so far, while it grows."""
    timescale: int
    began_us: int
    """Programme date time, UTC microseconds."""
    independent: bool
    discontinuity: int
    parts: tuple[Part, ...] = ()
    """From index 0 without a hole; empty once too old for parts to be listed, or where the view began amid the segment."""
    whole: bool = False
    count: int = 0
    """Parts in the whole segment."""
    address: str = ""
    size: int = 0
    key_frame_bytes: int = 0

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.duration / self.timescale

    @property
    def ends_us(self) -> int:
        """Programme date time of its end, UTC microseconds."""
        return self.began_us + self.duration * 1_000_000 // self.timescale


HEAD = Table("head", Head)
"""One row, under `HERE`."""
TRACKS = Table("tracks", Track)
"""By rendition name."""
DECLARED = Table("declared", Declared)
"""By `declared_key`."""
SEGMENTS = Table("segments", Segment)
"""By `segment_key`."""
HERE = "channel"


def declared_key(session_id: str, rendition: str, discontinuity: int) -> str:
    """A declaration may come before the first part of its session, so its session is in the key."""
    return f"{session_id}/{rendition}/{discontinuity:08d}"


def segment_key(rendition: str, media_sequence: int) -> str:
    """Padded so that the order of keys is the order of segments."""
    return f"{rendition}/{media_sequence:012d}"
