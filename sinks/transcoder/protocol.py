"""What a worker and its encoder process say to each other: MessagePack after a 4-byte length, over pipes."""

import struct
from typing import BinaryIO, cast

import msgspec

LENGTH = struct.Struct(">I")


class Configure(msgspec.Struct, frozen=True, tag=True):
    """The source from here on: its initialisation segment, and what to make of it. Frames that are still held come out first."""

    init: bytes
    frame_rate: float
    renditions: tuple[str, ...]
    encoder: str


class Select(msgspec.Struct, frozen=True, tag=True):
    """Other renditions from the next segment on."""

    renditions: tuple[str, ...]


class SourcePart(msgspec.Struct, frozen=True, tag=True):
    """A part of the source, with its place on the session's timeline in 90 kHz ticks."""

    media_sequence: int
    part: int
    decode_time: int
    duration: int
    data: bytes


class Declared(msgspec.Struct, frozen=True, tag=True):
    """A rendition's initialisation segment, before its first part."""

    rendition: str
    codecs: str
    width: int
    height: int
    frame_rate: float
    bit_rate: int
    init: bytes


class Made(msgspec.Struct, frozen=True, tag=True):
    """A part of a rendition, with the numbers, decode time and duration of the source's; a segment's first begins with a key frame."""

    rendition: str
    media_sequence: int
    part: int
    decode_time: int
    duration: int
    key_frame_bytes: int
    """0 where it does not begin with a key frame."""
    data: bytes


class Took(msgspec.Struct, frozen=True, tag=True):
    """A part of the source was worked off."""

    seconds: float
    """Wall time that it took."""
    media_seconds: float
    """Its length."""


class Stumbled(msgspec.Struct, frozen=True, tag=True):
    """Something could not be decoded or encoded: nothing more comes of this segment; the next that begins with a key frame is tried."""

    media_sequence: int
    cause: str


ToEncoder = Configure | Select | SourcePart
FromEncoder = Declared | Made | Took | Stumbled

_encode = msgspec.msgpack.Encoder().encode
_to_encoder = msgspec.msgpack.Decoder(ToEncoder).decode
_decode = msgspec.msgpack.Decoder(FromEncoder).decode


def framed(message: ToEncoder | FromEncoder) -> bytes:
    """A message with its length before it."""
    body = _encode(message)
    return LENGTH.pack(len(body)) + body


def from_encoder(body: bytes) -> FromEncoder:
    """A message of the encoder, without its length."""
    return cast(FromEncoder, _decode(body))


def read(stream: BinaryIO) -> ToEncoder | None:
    """The next message to the encoder; None where the worker closed the pipe or is gone."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = stream.read(length)
    return cast(ToEncoder, _to_encoder(body)) if len(body) == length else None
