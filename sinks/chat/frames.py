"""Frames of a WebSocket server, made once for many sockets (RFC 6455 section 5.2)."""

TEXT = 0x81
"""A whole text message: FIN and opcode 1."""


def text_frame(payload: bytes) -> bytes:
    """An unmasked text frame."""
    size = len(payload)
    if size < 126:
        return bytes((TEXT, size)) + payload
    if size < 65_536:
        return bytes((TEXT, 126, size >> 8, size & 0xFF)) + payload
    return bytes((TEXT, 127)) + size.to_bytes(8, "big") + payload


def plain(payload: bytes) -> bytes:
    """What a TCP connection gets: lines as they are."""
    return payload
