"""Cuts a clip to the frame: groups of pictures that a cut divides are encoded again, those between keep the source's bytes."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from struct import pack
from typing import Any, NamedTuple

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from msgspec import Struct
from msgspec.structs import replace

from sinks.clips.footage import Coded, Span
from sinks.clips.sounding import sound
from sinks.transcoder import annexb
from streams.media import fmp4, h264
from streams.media.track import Sample, VideoTrack

TICKS = 90_000
ROUNDING = Fraction(1, 1_000)
"""Seconds: FLV's timestamps are milliseconds."""
QUALITY = "18"
"""x264's rate factor at which what is encoded again is not told from the source by eye."""
IDS = 32
"""Ids that a sequence parameter set may have (H.264 section 7.4.2.1.1)."""


class UncuttableError(ValueError):
    """The source's pictures cannot be cut. The message says why."""


class Cut(NamedTuple):
    """A clip's tracks, each as fragmented MP4."""

    video: bytes
    audio: bytes
    """Empty where there is no sound."""
    begin: Fraction
    """When its first picture is shown, seconds since the recording began."""
    duration: Fraction
    """Seconds."""
    delay: Fraction
    """Time of its first picture in the tracks: what is decoded before it is shown."""
    frames: int
    copied: int


class Run(NamedTuple):
    """Frames that are copied, or encoded again."""

    kept: bool
    frames: list[Coded]


class Shot(Struct, frozen=True):
    """A picture of a clip."""

    shown: Fraction
    decoded: Fraction
    key: bool
    data: bytes


def cut(video: Sequence[Coded], audio: Sequence[Coded], span: Span) -> Cut:
    """A clip of the pictures that are shown in a span, and the sound beside them.

    One that stays for long, as where the rate varies, is shown for as much of that as lies in the span.

    Raises:
        UncuttableError: no picture is shown there.
        av.FFmpegError: the pictures cannot be decoded.
    """
    usual = min((frame.duration for frame in video if frame.duration > 0), default=Fraction(1, 30))
    seen = _seen(video, span, usual)
    runs = list(_runs(video, seen))
    copied = [frame for run in runs if run.kept for frame in run.frames]
    delay = max((frame.shown - frame.decoded for frame in copied if frame.key), default=Fraction(0))
    encoder = _Encoder({number for run in runs for frame in run.frames for number in _ids(_track(frame).avcc)}, seen, delay)
    shots: list[Shot] = []
    for run in runs:
        shots += [Shot(one.shown, one.decoded, one.key, one.data) for one in run.frames] if run.kept else encoder.encode(run.frames)
    if not shots:
        raise UncuttableError("no picture is shown in the time that was asked for")
    first, last = max(span.begin, min(shot.shown for shot in shots)), max(shot.shown for shot in shots)
    shots[0] = replace(shots[0], shown=max(first, shots[0].shown), decoded=max(first - delay, shots[0].decoded))
    end = min([max(span.end, last + usual), *(frame.shown for frame in video if frame.shown > last)])
    samples = _samples(shots, first - delay, end - first)
    body = fmp4.init_segment(encoder.track(_track(copied[0]) if copied else None)) + fmp4.fragment(1, samples)
    return Cut(body, sound(audio, first, end, delay), first, end - first, delay, len(shots), len(copied))


def _seen(frames: Sequence[Coded], span: Span, usual: Fraction) -> Span:
    """A span that begins with the picture before it where that stays on longer than pictures do."""
    after = min((frame.shown for frame in frames if frame.shown >= span.begin), default=span.end)
    if after - span.begin <= usual + ROUNDING:
        return span
    return Span(max((frame.shown for frame in frames if frame.shown < span.begin), default=span.begin), span.end)


def _runs(frames: Sequence[Coded], span: Span) -> Iterable[Run]:
    """What is copied and what is encoded again, in order.

    Copying can begin and end only where nothing leans over a key frame, and a track has one size: in a source where that is not so all
    is encoded again.
    """
    groups = list(_groups(frames))
    if any(not _sealed(group) for group in groups) or len({frame.track for frame in frames}) > 1:
        yield Run(False, [frame for group in groups for frame in group])
        return
    for group in groups:
        inside = [span.begin <= frame.shown < span.end for frame in group]
        if any(inside):
            yield Run(all(inside), group)


def _groups(frames: Iterable[Coded]) -> Iterable[list[Coded]]:
    """Groups of pictures, each from a key frame on; what comes before the first is left out."""
    group: list[Coded] = []
    for frame in frames:
        if frame.key and group:
            yield group
            group = []
        if frame.key or group:
            group.append(frame)
    if group:
        yield group


def _sealed(group: Sequence[Coded]) -> bool:
    """Whether a group needs none before it: it begins with an IDR picture and shows nothing before that."""
    return any(kind == h264.IDR for kind, _, _ in h264.units(group[0].data)) and all(frame.shown >= group[0].shown for frame in group)


def _samples(shots: Sequence[Shot], origin: Fraction, length: Fraction) -> list[Sample]:
    """Samples in decode order, counted from the first one's decode time; together they last so many seconds."""
    times = [_ticks(shot.decoded - origin) for shot in shots]
    for place in range(1, len(times)):
        times[place] = max(times[place], times[place - 1] + 1)
    following = [*times[1:], max(times[-1] + 1, _ticks(length))]
    return [
        Sample(time, after - time, _ticks(shot.shown - origin) - time, shot.key, shot.data)
        for shot, time, after in zip(shots, times, following, strict=True)
    ]


def _ticks(seconds: Fraction) -> int:
    return round(seconds * TICKS)


class _Encoder:
    """Decodes groups of pictures and encodes those that are shown in a span."""

    def __init__(self, taken: set[int], span: Span, delay: Fraction) -> None:
        """`taken`: ids of the source's parameter sets. `delay`: between decoding and showing a key frame of what is copied."""
        self._taken = taken
        self._span = span
        self._delay = delay
        self._context: VideoCodecContext | None = None

    def encode(self, frames: Sequence[Coded]) -> list[Shot]:
        """The pictures of some groups, from a key frame on."""
        shots: list[Shot] = []
        for picture in _decoded(frames):
            shown = Fraction(picture.pts or 0, TICKS)
            if _ticks(self._span.begin) <= _ticks(shown) < _ticks(self._span.end):
                shots += self._encode(picture, shown, key=not shots)
        return shots

    def _encode(self, picture: VideoFrame, shown: Fraction, *, key: bool) -> Iterable[Shot]:
        if self._context is None:
            self._context = _encoder(picture, next(number for number in range(IDS) if number not in self._taken))
        context = self._context
        if (picture.width, picture.height, picture.format.name) != (context.width, context.height, context.pix_fmt):
            picture = picture.reformat(context.width, context.height, context.pix_fmt)
        picture.pts, picture.time_base = _ticks(shown), Fraction(1, TICKS)
        picture.pict_type = PictureType.I if key else PictureType.NONE
        for packet in context.encode(picture):
            yield Shot(shown, shown - self._delay, packet.is_keyframe, annexb.length_prefixed(bytes(packet)))

    def track(self, source: VideoTrack | None) -> VideoTrack:
        """The clip's track; `source` is that of what is copied. Its parameter sets are both's: their ids differ."""
        if self._context is None:
            if source is None:
                raise UncuttableError("no picture is shown in the time that was asked for")
            return source._replace(timescale=TICKS)
        own = annexb.configuration(bytes(self._context.extradata or b""))
        avcc = own if source is None else _joined(source.avcc, own)
        return VideoTrack(self._context.width, self._context.height, 0.0, avcc, TICKS)


def _decoded(frames: Sequence[Coded]) -> Iterable[VideoFrame]:
    """Pictures in the order in which they are shown; a change of the source's parameters opens another decoder."""
    for track, of_track in groupby(frames, key=_track):
        decoder: Any = av.CodecContext.create("h264", "r")
        decoder.extradata, decoder.thread_count = track.avcc, 1
        for frame in of_track:
            packet = Packet(frame.data)
            packet.pts, packet.dts, packet.time_base = _ticks(frame.shown), _ticks(frame.decoded), Fraction(1, TICKS)
            packet.is_keyframe = frame.key
            yield from decoder.decode(packet)
        yield from decoder.decode(None)


def _track(frame: Coded) -> VideoTrack:
    if not isinstance(frame.track, VideoTrack):
        raise UncuttableError("the source's initialisation segment declares no video")
    return frame.track


def _encoder(like: VideoFrame, number: int) -> VideoCodecContext:
    """An x264 whose parameter sets have an id of their own. No B-frames: a picture is out before the next is in."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = like.width, like.height, like.format.name
    context.time_base = Fraction(1, TICKS)
    context.flags |= av.codec.context.Flags.global_header
    context.colorspace, context.color_primaries, context.color_trc = like.colorspace, like.color_primaries, like.color_trc
    context.color_range = like.color_range
    context.options = {
        "preset": "veryfast",
        "tune": "zerolatency",
        "crf": QUALITY,
        "bf": "0",
        "forced-idr": "1",
        "threads": "1",  # the same in, the same out
        "x264-params": f"sps-id={number}",
    }
    context.open()
    return context


def _sets(avcc: bytes) -> tuple[list[bytes], list[bytes], bytes]:
    """Sequence and picture parameter sets of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1), and what follows."""
    at, found = 5, []
    for mask in (0x1F, 0xFF):
        count, at, sets = avcc[at] & mask, at + 1, []
        for _ in range(count):
            size = int.from_bytes(avcc[at : at + 2], "big")
            sets.append(avcc[at + 2 : at + 2 + size])
            at += 2 + size
        found.append(sets)
    return found[0], found[1], avcc[at:]


def _ids(avcc: bytes) -> set[int]:
    """Ids that its parameter sets have."""
    sequence, picture, _ = _sets(avcc)
    found = set()
    for skipped, sets in ((4, sequence), (1, picture)):  # header, and profile to level of a sequence parameter set
        found |= {h264.Bits(one[skipped:]).unsigned() for one in sets}
    return found


def _joined(first: bytes, second: bytes) -> bytes:
    """A record of both's parameter sets; profile and level are those of the more demanding one."""
    (sequence, picture, rest), (more_sequence, more_picture, more_rest) = _sets(first), _sets(second)
    demanding = max(first[1:4], second[1:4], key=lambda head: (head[0], head[2]))
    sequence, picture = [*sequence, *more_sequence], [*picture, *more_picture]
    record = b"\x01" + demanding + first[4:5]
    record += pack(">B", 0xE0 | len(sequence)) + b"".join(pack(">H", len(one)) + one for one in sequence)
    record += pack(">B", len(picture)) + b"".join(pack(">H", len(one)) + one for one in picture)
    return record + (rest or more_rest if demanding[0] in h264.WITH_CHROMA else b"")
