"""Fragmented MP4 (CMAF, ISO/IEC 23000-19): initialisation segments and fragments of one track. Equal input gives equal bytes."""

from collections.abc import Sequence
from struct import pack

from streams.media.track import AudioTrack, Sample, Track, VideoTrack

TRACK_ID = 1
"""Every rendition is demuxed: its one track has this id."""
SYNC = 0x0200_0000
"""Sample flags of a sync sample: depends on no other (ISO/IEC 14496-12 section 8.8.3.1)."""
NON_SYNC = 0x0101_0000
"""Sample flags of any other: depends on others, is no sync sample."""
UNITY = pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
"""Transformation matrix that changes nothing (section 6.2.2)."""
UNDETERMINED = 0x55C4
"""Language `und`: three 5-bit letters (section 8.4.2.3)."""
BASE_IS_MOOF = 0x02_0000
DEFAULT_DURATION = 0x08
DEFAULT_FLAGS = 0x20
"""Flags of tfhd (section 8.8.7.1)."""
DATA_OFFSET = 0x001
DURATIONS = 0x100
SIZES = 0x200
FLAGS = 0x400
OFFSETS = 0x800
"""Flags of trun (section 8.8.8.1)."""


def box(kind: bytes, *content: bytes) -> bytes:
    """A box: 32-bit size, four-letter kind, content."""
    body = b"".join(content)
    return pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, pack(">I", version << 24 | flags), *content)


def init_segment(track: Track) -> bytes:
    """The initialisation segment (CMAF header): ftyp and moov without samples or edit list."""
    video = isinstance(track, VideoTrack)
    width, height = (track.width, track.height) if isinstance(track, VideoTrack) else (0, 0)
    track_header = (
        pack(">5I2I4H", 0, 0, TRACK_ID, 0, 0, 0, 0, 0, 0, 0 if video else 0x0100, 0) + UNITY + pack(">2I", width << 16, height << 16)
    )
    return box(b"ftyp", b"iso6", pack(">I", 0), b"iso6", b"cmfc") + box(
        b"moov",
        full_box(b"mvhd", 0, 0, pack(">4IIH10x", 0, 0, track.timescale, 0, 0x10000, 0x0100), UNITY, bytes(24), pack(">I", TRACK_ID + 1)),
        box(
            b"trak",
            full_box(b"tkhd", 0, 7, track_header),  # enabled, in movie, in preview
            box(
                b"mdia",
                full_box(b"mdhd", 0, 0, pack(">4I2H", 0, 0, track.timescale, 0, UNDETERMINED, 0)),
                full_box(b"hdlr", 0, 0, bytes(4), b"vide" if video else b"soun", bytes(12), b"\0"),
                box(
                    b"minf",
                    full_box(b"vmhd", 0, 1, bytes(8)) if video else full_box(b"smhd", 0, 0, bytes(4)),
                    box(b"dinf", full_box(b"dref", 0, 0, pack(">I", 1), full_box(b"url ", 0, 1))),
                    box(
                        b"stbl",
                        full_box(b"stsd", 0, 0, pack(">I", 1), sample_entry(track)),
                        full_box(b"stts", 0, 0, bytes(4)),
                        full_box(b"stsc", 0, 0, bytes(4)),
                        full_box(b"stsz", 0, 0, bytes(8)),
                        full_box(b"stco", 0, 0, bytes(4)),
                    ),
                ),
            ),
        ),
        box(b"mvex", full_box(b"trex", 0, 0, pack(">5I", TRACK_ID, 1, 0, 0, 0))),
    )


def sample_entry(track: Track) -> bytes:
    """The track's entry in the sample description: avc1 (ISO/IEC 14496-15 section 5.4) or mp4a (14496-14 section 6.7)."""
    if isinstance(track, AudioTrack):
        rate = track.sample_rate << 16 if track.sample_rate < 1 << 16 else 0  # 16.16: a higher rate stands in esds only
        return box(b"mp4a", pack(">6xH8x4HI", 1, track.channels, 16, 0, 0, rate), full_box(b"esds", 0, 0, elementary_stream(track.config)))
    screen = pack(">2I4xH32x2H", 0x48_0000, 0x48_0000, 1, 0x18, 0xFFFF)  # 72 dpi, one frame a sample, no name, depth 24, no colour table
    return box(b"avc1", pack(">6xH16x2H", 1, track.width, track.height), screen, box(b"avcC", track.avcc))


def elementary_stream(config: bytes) -> bytes:
    """ES_Descriptor of AAC (ISO/IEC 14496-1 section 7.2.6.5); its rates are unknown, so 0."""
    decoder = descriptor(0x04, pack(">BBBHII", 0x40, 0x15, 0, 0, 0, 0), descriptor(0x05, config))  # MPEG-4 audio, audio stream
    return descriptor(0x03, pack(">HB", 0, 0), decoder, descriptor(0x06, b"\x02"))


def descriptor(tag: int, *content: bytes) -> bytes:
    """A descriptor with a one-byte length, which holds up to 127 bytes."""
    body = b"".join(content)
    return pack(">BB", tag, len(body)) + body


def fragment(sequence: int, samples: Sequence[Sample]) -> bytes:
    """One moof and mdat of consecutive samples of one track, in decode order; the first sample's bytes come first.

    Durations and flags that are the same for all stand once, in tfhd; composition offsets are left out where all are 0.

    Args:
        sequence: fragment number, counted modulo 2^32.
        samples: at least one; their decode times follow one another without gaps.
    """
    durations = {sample.duration for sample in samples}
    keys = {sample.key for sample in samples}
    offsets = any(sample.composition_offset for sample in samples)
    header, header_flags, run_flags = pack(">I", TRACK_ID), BASE_IS_MOOF, DATA_OFFSET | SIZES
    if len(durations) == 1:
        header, header_flags = header + pack(">I", samples[0].duration), header_flags | DEFAULT_DURATION
    else:
        run_flags |= DURATIONS
    if len(keys) == 1:
        header, header_flags = header + pack(">I", sample_flags(samples[0])), header_flags | DEFAULT_FLAGS
    else:
        run_flags |= FLAGS
    run_flags |= OFFSETS if offsets else 0
    rows = bytearray()
    for sample in samples:
        if run_flags & DURATIONS:
            rows += pack(">I", sample.duration)
        rows += pack(">I", len(sample.data))
        if run_flags & FLAGS:
            rows += pack(">I", sample_flags(sample))
        if offsets:
            rows += pack(">i", sample.composition_offset)
    before = full_box(b"mfhd", 0, 0, pack(">I", sequence & 0xFFFF_FFFF))
    traf = full_box(b"tfhd", 0, header_flags, header) + full_box(b"tfdt", 1, 0, pack(">Q", samples[0].decode_time))
    run_size = 8 + 4 + 8 + len(rows)  # box, version and flags, count and data offset
    moof_size = 8 + len(before) + 8 + len(traf) + run_size
    run = full_box(b"trun", 1, run_flags, pack(">Ii", len(samples), moof_size + 8), bytes(rows))
    return box(b"moof", before, box(b"traf", traf, run)) + box(b"mdat", *(sample.data for sample in samples))


def sample_flags(sample: Sample) -> int:
    """Sample flags (section 8.8.3.1)."""
    return SYNC if sample.key else NON_SYNC


def key_frame_bytes(part: bytes, samples: Sequence[Sample]) -> int:
    """Bytes from the start of a fragment to the end of its first sample, for an I-frame playlist; 0 where that is no key frame."""
    moof_size = int.from_bytes(part[:4], "big")
    return moof_size + 8 + len(samples[0].data) if samples[0].key else 0
