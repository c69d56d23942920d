"""Bodies of FLV audio and video tags, as RTMP carries them (Adobe FLV 10.1 annex E.4.2 and E.4.3; Enhanced RTMP v1)."""

from typing import Literal, NamedTuple

AVC = 7
AAC = 10
"""Codec numbers of classic tags."""
ENHANCED_VIDEO = 0x80
ENHANCED_AUDIO = 9
"""What tells an enhanced tag, with a FourCC, from a classic one."""
COMMAND_FRAME = 5
"""Frame type that carries no picture."""
KEY_FRAME = 1
FOUR_CCS = ("avc1",)
"""What connect is answered with as `fourCcList`."""
CODED_FRAMES_X = 3
"""Enhanced packet type: coded frames whose composition offset is 0 and left out."""
VIDEO_NAMES = {2: "Sorenson H.263", 4: "VP6", 5: "VP6", 8: "VP8", 9: "VP9", 12: "HEVC", 13: "AV1"}
AUDIO_NAMES = {0: "PCM", 2: "MP3", 3: "PCM", 7: "G.711", 8: "G.711", 11: "Speex", 14: "MP3"}
"""For messages."""


class UnsupportedCodecError(ValueError):
    """The stream is coded in something else than H.264 and AAC."""


class Tag(NamedTuple):
    """An audio or video tag without its header."""

    kind: Literal["config", "frame"]
    """A decoder configuration (sequence header), or a coded frame."""
    key: bool
    """Whether the publisher calls it a key frame; always so for audio."""
    offset_ms: int
    """Presentation minus decode time."""
    data: bytes


def video(body: bytes) -> Tag | None:
    """A video tag; None for one without a frame: an end of sequence, a command, an empty one.

    Raises:
        UnsupportedCodecError: it is not H.264.
    """
    if len(body) < 5:
        return None
    first = body[0]
    frame_type = first >> 4 & 7
    if frame_type == COMMAND_FRAME:
        return None
    if first & ENHANCED_VIDEO:
        four_cc = body[1:5]
        if four_cc != b"avc1":
            raise UnsupportedCodecError(f"video codec {four_cc.decode('latin-1')!r} is not taken: send H.264")
        packet, head = first & 0x0F, 5
        if packet == CODED_FRAMES_X:
            return Tag("frame", frame_type == KEY_FRAME, 0, body[head:])
    else:
        if first & 0x0F != AVC:
            raise UnsupportedCodecError(f"video codec {VIDEO_NAMES.get(first & 0x0F, first & 0x0F)} is not taken: send H.264")
        packet, head = body[1], 2
    if packet == 0:
        return Tag("config", True, 0, body[5:])
    if packet == 1 and len(body) > head + 3:
        offset = int.from_bytes(body[head : head + 3], "big", signed=True)
        return Tag("frame", frame_type == KEY_FRAME, offset, body[head + 3 :])
    return None


def audio(body: bytes) -> Tag | None:
    """An audio tag; None for one without a frame.

    Raises:
        UnsupportedCodecError: it is not AAC.
    """
    if len(body) < 2:
        return None
    codec = body[0] >> 4
    if codec == ENHANCED_AUDIO:
        four_cc = body[1:5]
        if four_cc != b"mp4a":
            raise UnsupportedCodecError(f"audio codec {four_cc.decode('latin-1')!r} is not taken: send AAC")
        packet, data = body[0] & 0x0F, body[5:]
    elif codec == AAC:
        packet, data = body[1], body[2:]
    else:
        raise UnsupportedCodecError(f"audio codec {AUDIO_NAMES.get(codec, codec)} is not taken: send AAC")
    if packet > 1 or not data:
        return None
    return Tag("frame" if packet else "config", True, 0, data)
