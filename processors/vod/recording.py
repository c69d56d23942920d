"""A recording: all whole segments of a live session, collected from its events."""

from collections.abc import Iterable
from functools import cached_property

import msgspec
from msgspec.structs import replace

from schemas.event import Event
from schemas.events import RenditionDeclared, SegmentProduced
from streams.media import address

SOURCE, AUDIO = "source", "audio"
"""The renditions that every stream with both kinds of track has: its pictures and its sound as they came in."""


class Init(msgspec.Struct, frozen=True):
    """An initialisation segment."""

    discontinuity: int
    codecs: str
    width: int
    height: int
    frame_rate: float
    channels: int
    timescale: int
    target_us: int
    """Longest segment, microseconds."""
    address: str
    """Where it lay live."""
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Its name in the rendition's folder."""
        return self.address.rpartition("/")[2]


class Piece(msgspec.Struct, frozen=True):
    """A whole segment."""

    media_sequence: int
    decode_time: int
    """Ticks since the session began."""
    duration: int
    """Ticks."""
    timescale: int
    began_us: int
    """Wall clock of its first sample, UTC microseconds."""
    independent: bool
    """Decodes without those before it."""
    discontinuity: int
    key_frame_bytes: int
    event_id: str
    """Of its SegmentProduced."""
    address: str
    """Where it lay live."""
    size: int
    sha256: str

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.duration / self.timescale


class Track(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rendition."""

    rendition: str
    kind: str
    bit_rate: int
    """As declared; 0 where unknown."""
    inits: tuple[Init, ...]
    """By discontinuity."""
    pieces: tuple[Piece, ...]
    """In order."""
    named: str = ""
    """The name of its folder in the archive where that is not the rendition's own."""

    @property
    def folder(self) -> str:
        """The name of its folder in the archive."""
        return self.named or self.rendition


class Recording(msgspec.Struct, frozen=True, dict=True):
    """A session's recording. Its JSON is the archive's table of segments."""

    channel_id: str
    session_id: str
    first: int
    """Media sequence number of the segment that is number 1."""
    last: int
    """Media sequence number of the last one."""
    tracks: tuple[Track, ...]
    """Source first, then by size and rate, audio last."""

    def number(self, piece: Piece) -> int:
        """A segment's number in the VOD, from 1; the same in all renditions."""
        return piece.media_sequence - self.first + 1

    def in_folder(self, name: str) -> Track | None:
        """The rendition that lies in a folder, if there is one."""
        return next((track for track in self.tracks if track.folder == name), None)

    def track(self, rendition: str) -> Track | None:
        """A rendition, if it has it."""
        return next((track for track in self.tracks if track.rendition == rendition), None)

    @cached_property
    def lead(self) -> tuple[Piece, ...]:
        """A segment for each number that any rendition has: the source's where it has one. Its lengths are the VOD's time."""
        found: dict[int, Piece] = {}
        for track in self.tracks:
            for piece in track.pieces:
                found.setdefault(piece.media_sequence, piece)
        return tuple(found[number] for number in sorted(found))

    @property
    def seconds(self) -> float:
        """Its length."""
        return sum(piece.seconds for piece in self.lead)


class Recorder:
    """Collects one session's events. Repeats change nothing; of two makings of a segment the later one's bytes are in the store."""

    def __init__(self, channel_id: str, session_id: str) -> None:
        self._channel_id = channel_id
        self._session_id = session_id
        self._inits: dict[str, dict[int, Init]] = {}
        self._declared: dict[str, tuple[str, int]] = {}
        """Kind and bit rate by rendition, as told last."""
        self._pieces: dict[str, dict[int, Piece]] = {}

    def add(self, event: Event) -> None:
        """Takes an event; those of other sessions and of other kinds are passed over."""
        if getattr(event, "session_id", None) != self._session_id:
            return
        if isinstance(event, RenditionDeclared):
            self._inits.setdefault(event.rendition, {})[event.discontinuity_sequence] = _init(event)
            self._declared[event.rendition] = event.kind, event.bit_rate
        elif isinstance(event, SegmentProduced):
            self._pieces.setdefault(event.rendition, {})[event.media_sequence] = _piece(event)

    def forget(self, before_us: int) -> None:
        """Lets go of what began before a wall clock."""
        for pieces in self._pieces.values():
            for number in [number for number, piece in pieces.items() if piece.began_us < before_us]:
                del pieces[number]

    def recording(self, since_us: int = 0) -> Recording | None:
        """What there is, or what began at or past a wall clock; None where that is nothing."""
        tracks = [self._track(rendition, since_us) for rendition in self._pieces]
        found = sorted((track for track in tracks if track.pieces), key=rank)
        if not found:
            return None
        numbers = [piece.media_sequence for track in found for piece in (track.pieces[0], track.pieces[-1])]
        return in_folders(Recording(self._channel_id, self._session_id, min(numbers), max(numbers), tuple(found)), self._source_folder())

    def _source_folder(self) -> str:
        """The size and rate with which the source began, as the ladder names its rungs: what its folder is called throughout."""
        inits = self._inits.get(SOURCE, {})
        return size_name(inits[min(inits)]) if inits else SOURCE

    def _track(self, rendition: str, since_us: int) -> Track:
        declared = self._inits.get(rendition, {})
        pieces = [
            piece for _, piece in sorted(self._pieces[rendition].items()) if piece.discontinuity in declared and piece.began_us >= since_us
        ]
        used = {piece.discontinuity for piece in pieces}
        inits = [init for number, init in sorted(declared.items()) if number in used]
        kind, bit_rate = self._declared.get(rendition, ("video", 0))
        return Track(rendition, kind, bit_rate, tuple(inits), tuple(pieces))


def _init(event: RenditionDeclared) -> Init:
    return Init(
        discontinuity=event.discontinuity_sequence,
        codecs=event.codecs,
        width=event.width,
        height=event.height,
        frame_rate=event.frame_rate,
        channels=event.channels,
        timescale=event.timescale,
        target_us=event.segment_target_us,
        address=event.address,
        size=event.size,
        sha256=event.sha256,
    )


def _piece(event: SegmentProduced) -> Piece:
    return Piece(
        media_sequence=event.media_sequence,
        decode_time=event.decode_time,
        duration=event.duration,
        timescale=event.timescale,
        began_us=event.programme_date_time,
        independent=event.independent and not event.leans_back,
        discontinuity=event.discontinuity_sequence,
        key_frame_bytes=event.key_frame_bytes,
        event_id=event.event_id,
        address=event.address,
        size=event.size,
        sha256=event.sha256,
    )


def rank(track: Track) -> tuple[bool, bool, int, float, str]:
    """The order of renditions in manifests."""
    last = track.inits[-1]
    return (track.kind == "audio", track.rendition != SOURCE, -last.height, -last.frame_rate, track.rendition)


def in_folders(recording: Recording, source: str) -> Recording:
    """A recording whose source lies in a folder of that name; under its own where another rendition has that."""
    named = "" if source == SOURCE or recording.track(source) is not None else source
    tracks = (replace(track, named=named) if track.rendition == SOURCE else track for track in recording.tracks)
    return replace(recording, tracks=tuple(tracks))


def named_as(part: Recording, whole: Recording) -> Recording:
    """A part of a session's recording with the numbers and the folder that the whole of it has in the archive."""
    source = whole.track(SOURCE)
    return in_folders(replace(part, first=whole.first), source.folder if source is not None else SOURCE)


def size_name(init: Init) -> str:
    """What a picture is called by its shorter side and its rate, such as `1080p60`; a source of which that is unknown keeps its name."""
    side, rate = min(init.width, init.height), round(init.frame_rate)
    return f"{side}p{rate}" if side and rate else SOURCE


def archived(recording: Recording, vod_id: str) -> Iterable[tuple[str, str, int, str]]:
    """(address in the archive, address live, size, SHA-256) of every initialisation segment and segment."""
    for track in recording.tracks:
        for init in track.inits:
            yield address.vod(recording.channel_id, vod_id, f"{track.folder}/{init.name}"), init.address, init.size, init.sha256
        for piece in track.pieces:
            path = f"{track.folder}/{address.vod_segment(recording.number(piece))}"
            yield address.vod(recording.channel_id, vod_id, path), piece.address, piece.size, piece.sha256
