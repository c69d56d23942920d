"""Viewer sessions: anonymous ids that a playlist's addresses carry, signed so that nobody can make up viewers."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from typing import NamedTuple
from uuid import uuid4

PATTERN = re.compile(r"([0-9]{1,20})\.(desktop|mobile|tv|embed)\.([0-9a-f]{32})\.([\w-]{22})", re.ASCII)
"""Channel, device, id, and 128 bits of an HMAC-SHA256 over the three: guessing one takes longer than a channel lives."""
SIGNED_BYTES = 16


class Session(NamedTuple):
    """One visit of one viewer to one channel."""

    channel_id: str
    device: str
    viewer_session_id: str


class Signer:
    """Makes session tokens and reads them back."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 secret bytes, the same for all origins of a system."""
        self._key = key

    def begin(self, channel_id: str, device: str) -> str:
        """The token of a new session."""
        text = f"{channel_id}.{device}.{uuid4().hex}"
        return f"{text}.{self._signature(text)}"

    def read(self, token: str) -> Session | None:
        """The session that a token names; None where it is none of ours."""
        found = PATTERN.fullmatch(token)
        if found is None or not hmac.compare_digest(self._signature(token.rpartition(".")[0]), found[4]):
            return None
        return Session(found[1], found[2], found[3])

    def _signature(self, text: str) -> str:
        signed = hmac.digest(self._key, text.encode(), hashlib.sha256)[:SIGNED_BYTES]
        return urlsafe_b64encode(signed).rstrip(b"=").decode()


def device(user_agent: str) -> str:
    """What kind of device a player says that it runs on (RFC 9110 section 10.1.5)."""
    if re.search(r"\bTV\b|SmartTV|AppleTV|Roku|CrKey|AFT[A-Z]", user_agent):
        return "tv"
    return "mobile" if re.search(r"Mobi|Android|iPhone|iPad", user_agent) else "desktop"
