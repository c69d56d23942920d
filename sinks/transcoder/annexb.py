"""H.264 as encoders write it (ITU-T H.264 annex B: start codes) to what MP4 holds (ISO/IEC 14496-15: lengths)."""

from struct import pack

SPS = 7
PPS = 8
"""NAL unit types (H.264 table 7-1)."""
_WITH_CHROMA = frozenset({100, 110, 122, 144})
"""profile_idc whose record ends with chroma format and bit depths (14496-15 section 5.3.3.1.2)."""


def units(stream: bytes) -> list[bytes]:
    """NAL units between start codes; a unit never ends with a zero byte, so zeros there belong to the next start code."""
    return [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:]]


def length_prefixed(stream: bytes) -> bytes:
    """The access unit with 4-byte lengths in the place of start codes."""
    return b"".join(pack(">I", len(unit)) + unit for unit in units(stream))


def configuration(parameter_sets: bytes) -> bytes:
    """AVCDecoderConfigurationRecord (section 5.3.3.1) of an encoder's parameter sets: 8-bit 4:2:0, 4-byte lengths.

    Raises:
        ValueError: a sequence or picture parameter set is missing.
    """
    found = units(parameter_sets)
    sequence = [unit for unit in found if unit[0] & 0x1F == SPS]
    picture = [unit for unit in found if unit[0] & 0x1F == PPS]
    if not sequence or not picture:
        raise ValueError("the encoder gave no parameter sets: open it with global headers")
    record = b"\x01" + sequence[0][1:4] + b"\xff"  # version, profile to level, 4-byte lengths
    record += pack(">B", 0xE0 | len(sequence)) + b"".join(pack(">H", len(unit)) + unit for unit in sequence)
    record += pack(">B", len(picture)) + b"".join(pack(">H", len(unit)) + unit for unit in picture)
    return record + (b"\xfd\xf8\xf8\x00" if sequence[0][1] in _WITH_CHROMA else b"")
