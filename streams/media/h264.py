"""H.264 as FLV and MP4 carry it: parameter sets (ITU-T H.264 section 7.3.2.1) and length-prefixed NAL units."""

from collections.abc import Iterator
from typing import NamedTuple

IDR = 5
SEI = 6
"""NAL unit types (table 7-1)."""
RECOVERY_POINT = 6
"""SEI payload that marks where decoding may start in an open GOP (section D.2.8)."""
MAX_SIDE = 16_384
"""Widest and highest picture taken, pixels; level 6.2 ends at 139,264 macroblocks, so at 16,880 a side."""
EXTENDED = 255
"""aspect_ratio_idc of an explicit ratio, and the longest value of a byte in an SEI size."""
WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""profile_idc whose parameter sets tell the chroma format."""


class MalformedVideoError(ValueError):
    """The bytes are no H.264 configuration or access unit."""


class PictureFormat(NamedTuple):
    """What a sequence parameter set says of its pictures."""

    width: int
    height: int
    frame_rate: float
    """Frames a second by the VUI; 0 where it tells none."""


class Bits:
    """Reads a raw byte sequence payload bit by bit."""

    def __init__(self, unit: bytes) -> None:
        payload = unit.replace(b"\0\0\3", b"\0\0")  # emulation prevention (section 7.4.1)
        self._value = int.from_bytes(payload, "big")
        self._left = 8 * len(payload)

    def read(self, count: int) -> int:
        """The next bits as an unsigned number."""
        self._left -= count
        if self._left < 0:
            raise MalformedVideoError("the parameter set ends too early")
        return self._value >> self._left & (1 << count) - 1

    def unsigned(self) -> int:
        """ue(v), an Exp-Golomb number (section 9.1)."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise MalformedVideoError("an Exp-Golomb number is longer than 32 bits")
        return (1 << zeros) - 1 + self.read(zeros)

    def signed(self) -> int:
        """se(v)."""
        number = self.unsigned()
        return (number + 1) // 2 if number & 1 else -(number // 2)


def picture_format(avcc: bytes) -> PictureFormat:
    """Size and rate from the first parameter set of an AVCDecoderConfigurationRecord.

    Raises:
        MalformedVideoError: it has none, or one that cannot be read.
    """
    if len(avcc) < 8 or avcc[0] != 1 or not avcc[5] & 0x1F:
        raise MalformedVideoError("the AVC sequence header holds no sequence parameter set")
    length = int.from_bytes(avcc[6:8], "big")
    unit = avcc[8 : 8 + length]
    if len(unit) < length or length < 4:
        raise MalformedVideoError("the AVC sequence header ends too early")
    return parse_sps(unit)


def parse_sps(unit: bytes) -> PictureFormat:
    """Reads a sequence parameter set NAL unit up to the VUI's timing."""
    bits = Bits(unit[1:])
    profile = bits.read(8)
    bits.read(16)  # constraint flags, level
    bits.unsigned()  # id
    chroma = 1
    if profile in WITH_CHROMA:
        chroma = bits.unsigned()
        if chroma == 3:
            bits.read(1)
        bits.unsigned(), bits.unsigned()  # bit depths
        bits.read(1)
        if bits.read(1):
            for index in range(8 if chroma != 3 else 12):
                if bits.read(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.unsigned()  # log2_max_frame_num
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.read(1)
        bits.signed(), bits.signed()
        for _ in range(min(bits.unsigned(), 255)):
            bits.signed()
    bits.unsigned()  # max_num_ref_frames
    bits.read(1)
    columns, rows = bits.unsigned() + 1, bits.unsigned() + 1
    frames_only = bits.read(1)
    if not frames_only:
        bits.read(1)
    bits.read(1)
    left = right = top = bottom = 0
    if bits.read(1):
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
    across, down = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}.get(chroma, (1, 1))
    width = 16 * columns - across * (left + right)
    height = (2 - frames_only) * (16 * rows - down * (top + bottom))
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise MalformedVideoError(f"pictures of {width}x{height} cannot be right: sides of 1 to {MAX_SIDE} pixels are taken")
    return PictureFormat(width, height, _vui_rate(bits) if bits.read(1) else 0.0)


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _vui_rate(bits: Bits) -> float:
    """Frame rate from video usability information (section E.1.1): two ticks of its clock are a frame."""
    if bits.read(1) and bits.read(8) == EXTENDED:
        bits.read(32)
    if bits.read(1):  # overscan
        bits.read(1)
    if bits.read(1):  # video signal
        bits.read(4)
        if bits.read(1):
            bits.read(24)
    if bits.read(1):  # chroma location
        bits.unsigned(), bits.unsigned()
    if not bits.read(1):
        return 0.0
    tick, scale = bits.read(32), bits.read(32)
    return scale / (2 * tick) if tick else 0.0


def units(data: bytes, length_size: int = 4) -> Iterator[tuple[int, int, int]]:
    """NAL units of an access unit: type, begin and end of each in `data`.

    Raises:
        MalformedVideoError: a length leads past the end.
    """
    at, end = 0, len(data)
    while at < end:
        begin = at + length_size
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > end or at <= begin:
            raise MalformedVideoError("a NAL unit's length leads past its frame")
        yield data[begin] & 0x1F, begin, at


def starts_decoding(data: bytes, length_size: int = 4) -> bool:
    """Whether a decoder may start at this access unit: an IDR picture, or a recovery point (open GOP)."""
    return any(kind == IDR or (kind == SEI and _has_recovery_point(data[begin + 1 : end])) for kind, begin, end in units(data, length_size))


def _has_recovery_point(message: bytes) -> bool:
    """Walks the payloads of one SEI unit (section 7.3.2.3.1)."""
    at = 0
    while at + 2 <= len(message):
        kind = size = 0
        while at < len(message) and message[at] == EXTENDED:
            kind, at = kind + EXTENDED, at + 1
        kind, at = kind + (message[at] if at < len(message) else 0), at + 1
        while at < len(message) and message[at] == EXTENDED:
            size, at = size + EXTENDED, at + 1
        size, at = size + (message[at] if at < len(message) else 0), at + 1
        if kind == RECOVERY_POINT:
            return True
        at += size
    return False
