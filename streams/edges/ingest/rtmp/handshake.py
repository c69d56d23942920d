"""The handshake (RTMP 1.0 section 5.2), simple and in the digest form that Flash brought (not specified by Adobe).

A digest is an HMAC-SHA-256 over the 1536 bytes without itself. Where it lies is told by four bytes, at one of two places.
"""

import hashlib
import hmac
import os

from streams.edges.ingest.rtmp.errors import ProtocolError

VERSION = 3
SIZE = 1_536
DIGEST = 32
SCHEMES = (8, 772)
"""Where the four bytes lie whose sum tells the digest's place."""
PLACES = 728
"""Count of places where a digest may begin, after the four bytes."""
COMMON = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
CLIENT_NAME = b"Genuine Adobe Flash Player 001"
SERVER_NAME = b"Genuine Adobe Flash Media Server 001"
SERVER_VERSION = bytes((4, 5, 0, 1))
"""Any from 3.0 on tells a client that digests are there to be checked."""


def answer(hello: bytes) -> bytes:
    """S0, S1 and S2 for C0 and C1.

    Raises:
        ProtocolError: it is not RTMP version 3.
    """
    if hello[0] != VERSION:
        raise ProtocolError(f"RTMP version {hello[0]} is not taken: 3 is")
    theirs = hello[1 : 1 + SIZE]
    if theirs[4:8] != bytes(4):
        for scheme in SCHEMES:
            found = _find(theirs, scheme, CLIENT_NAME)
            if found is not None:
                return bytes((VERSION,)) + _hello(scheme) + _receipt(found)
    return bytes((VERSION,)) + bytes(8) + os.urandom(SIZE - 8) + theirs


def _place(packet: bytes, scheme: int) -> int:
    return scheme + 4 + sum(packet[scheme : scheme + 4]) % PLACES


def _digest(packet: bytes, at: int, key: bytes) -> bytes:
    return hmac.digest(key, packet[:at] + packet[at + DIGEST :], hashlib.sha256)


def _find(packet: bytes, scheme: int, key: bytes) -> bytes | None:
    """The digest, where there is one that is right."""
    at = _place(packet, scheme)
    found = packet[at : at + DIGEST]
    return found if hmac.compare_digest(found, _digest(packet, at, key)) else None


def _hello(scheme: int) -> bytes:
    """S1, with a digest in the client's place."""
    packet = bytes(4) + SERVER_VERSION + os.urandom(SIZE - 8)
    at = _place(packet, scheme)
    return packet[:at] + _digest(packet, at, SERVER_NAME) + packet[at + DIGEST :]


def _receipt(theirs: bytes) -> bytes:
    """S2: random bytes signed with a key made from the client's digest."""
    body = os.urandom(SIZE - DIGEST)
    key = hmac.digest(SERVER_NAME + COMMON, theirs, hashlib.sha256)
    return body + hmac.digest(key, body, hashlib.sha256)
