"""Reads back what `fmp4.py` writes: initialisation segments to tracks, fragments to samples."""

import struct
from collections.abc import Iterator
from struct import unpack_from

from streams.media import fmp4, h264
from streams.media.aac import parse_config
from streams.media.track import AudioTrack, Sample, Track, VideoTrack

NOT_SYNC = 0x0001_0000
"""sample_is_non_sync_sample (ISO/IEC 14496-12 section 8.8.3.1)."""
AVC1_HEAD = 78
MP4A_HEAD = 28
STSD_HEAD = 8
"""Bytes before the boxes inside avc1, mp4a and stsd."""
DECODER_SPECIFIC = 0x05
"""Tag of the descriptor that holds the AudioSpecificConfig."""


class MalformedFragmentError(ValueError):
    """The bytes are no CMAF of one track. Operator action: find who wrote the object, by its address."""


def boxes(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Boxes that lie in data[begin:end]: kind, and begin and end of the content."""
    while begin + 8 <= end:
        size, kind = unpack_from(">I4s", data, begin)
        if not 8 <= size <= end - begin:
            raise MalformedFragmentError(f"box {kind!r} at byte {begin} has size {size}, {end - begin} bytes are left")
        yield kind, begin + 8, begin + size
        begin += size


def find(data: bytes, begin: int, end: int, *path: bytes) -> tuple[int, int]:
    """Content of the first box at a path."""
    for kind in path:
        for found, inner, past in boxes(data, begin, end):
            if found == kind:
                begin, end = inner, past
                break
        else:
            raise MalformedFragmentError(f"no box {kind.decode()} where {'/'.join(p.decode() for p in path)} should be")
    return begin, end


def track(init: bytes) -> Track:
    """The track that an initialisation segment declares.

    A video's frame rate is what its parameter sets say, 0 where they say none.

    Raises:
        MalformedFragmentError: there is no such track.
    """
    try:
        media = find(init, 0, len(init), b"moov", b"trak", b"mdia")
        header, _ = find(init, *media, b"mdhd")
        (timescale,) = unpack_from(">I", init, header + 12)
        begin, end = find(init, *media, b"minf", b"stbl", b"stsd")
        kind, begin, end = next(boxes(init, begin + STSD_HEAD, end), (b"none", 0, 0))
        if kind == b"avc1":
            width, height = unpack_from(">2H", init, begin + 24)
            record, past = find(init, begin + AVC1_HEAD, end, b"avcC")
            avcc = init[record:past]
            return VideoTrack(width, height, h264.picture_format(avcc).frame_rate, avcc, timescale)
        if kind == b"mp4a":
            stream, past = find(init, begin + MP4A_HEAD, end, b"esds")
            config = _decoder_specific(init[stream + 4 : past])
            (channels,) = unpack_from(">H", init, begin + 16)
            return AudioTrack(parse_config(config).sample_rate, channels, config)
    except (struct.error, IndexError, h264.MalformedVideoError) as cause:
        raise MalformedFragmentError(f"the initialisation segment cannot be read: {cause}") from cause
    raise MalformedFragmentError(f"sample entry {kind.decode('latin-1')} is neither avc1 nor mp4a")


def _decoder_specific(stream: bytes) -> bytes:
    """Walks ES_Descriptor > DecoderConfigDescriptor > DecoderSpecificInfo (ISO/IEC 14496-1 section 7.2.6)."""
    at = 0
    heads = {0x03: 3, 0x04: 13}  # bytes before the inner descriptors
    while at < len(stream):
        tag, length, at = stream[at], 0, at + 1
        while True:
            length, more, at = length << 7 | stream[at] & 0x7F, stream[at] & 0x80, at + 1
            if not more:
                break
        if tag == DECODER_SPECIFIC:
            return stream[at : at + length]
        at += heads.get(tag, length)
    raise MalformedFragmentError("esds holds no AudioSpecificConfig")


def samples(data: bytes) -> list[Sample]:
    """Samples of a fragment, or of a segment's several fragments, in decode order.

    Raises:
        MalformedFragmentError: the bytes are cut short or are something else.
    """
    found: list[Sample] = []
    try:
        for kind, begin, end in boxes(data, 0, len(data)):
            if kind == b"moof":
                found += _run(data, begin, end)
    except struct.error as cause:
        raise MalformedFragmentError(f"the fragment is cut short: {cause}") from cause
    return found


def _run(data: bytes, begin: int, end: int) -> Iterator[Sample]:
    """Samples of one moof."""
    traf = find(data, begin, end, b"traf")
    header, _ = find(data, *traf, b"tfhd")
    (flags,) = unpack_from(">I", data, header)
    at = header + 8
    duration = size_flags = 0
    if flags & fmp4.DEFAULT_DURATION:
        (duration,), at = unpack_from(">I", data, at), at + 4
    if flags & fmp4.DEFAULT_FLAGS:
        (size_flags,) = unpack_from(">I", data, at)
    time, _ = find(data, *traf, b"tfdt")
    (decode_time,) = unpack_from(">Q", data, time + 4)
    run, _ = find(data, *traf, b"trun")
    flags, count, offset = unpack_from(">IIi", data, run)
    at, payload = run + 12, begin - 8 + offset
    for _ in range(count):
        size_flags_here, composition = size_flags, 0
        if flags & fmp4.DURATIONS:
            (duration,), at = unpack_from(">I", data, at), at + 4
        (size,), at = unpack_from(">I", data, at), at + 4
        if flags & fmp4.FLAGS:
            (size_flags_here,), at = unpack_from(">I", data, at), at + 4
        if flags & fmp4.OFFSETS:
            (composition,), at = unpack_from(">i", data, at), at + 4
        if payload + size > len(data):
            raise MalformedFragmentError("a sample leads past the end of its fragment")
        yield Sample(decode_time, duration, composition, not size_flags_here & NOT_SYNC, data[payload : payload + size])
        decode_time, payload = decode_time + duration, payload + size
