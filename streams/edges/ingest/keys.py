"""Which stream key belongs to which channel: a view of the channel profiles, by hash."""

import hashlib
import re
from collections.abc import Callable

from msgspec.structs import replace

from schemas.events.channel import ChannelProfile
from streams.edges.ingest.rtmp.errors import RefusedError

FORM = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What a stream key may look like."""


def hash_of(key: str) -> str:
    """A key as the log knows it: SHA-256, hex."""
    return hashlib.sha256(key.encode()).hexdigest()


class StreamKeys:
    """Current and former keys of all channels. The newest profile of a channel counts."""

    def __init__(self, changed: Callable[[ChannelProfile], None] = lambda _: None) -> None:
        """`changed` hears of each profile after it was taken in."""
        self._changed = changed
        self._profiles: dict[str, ChannelProfile] = {}
        self._current: dict[str, str] = {}
        self._retired: dict[str, str] = {}

    def apply(self, profile: ChannelProfile) -> None:
        """Takes a profile in."""
        self._forget(profile.channel_id)
        self._profiles[profile.channel_id] = profile
        if profile.stream_key_hash is not None:
            self._current[profile.stream_key_hash] = profile.channel_id
        for retired in profile.retired_key_hashes:
            self._retired[retired] = profile.channel_id
        self._changed(profile)

    def remove(self, channel_id: str) -> None:
        """The channel is gone, and its keys with it."""
        former = self._forget(channel_id)
        if former is not None:
            self._changed(replace(former, stream_key_hash=None, retired_key_hashes=()))

    def _forget(self, channel_id: str) -> ChannelProfile | None:
        """Takes a channel's profile out."""
        former = self._profiles.pop(channel_id, None)
        if former is not None:
            self._current.pop(former.stream_key_hash or "", None)
            for retired in former.retired_key_hashes:
                self._retired.pop(retired, None)
        return former

    def profile(self, channel_id: str) -> ChannelProfile | None:
        """The newest profile of a channel."""
        return self._profiles.get(channel_id)

    def channel(self, key: str) -> ChannelProfile:
        """The channel whose key it is.

        Raises:
            RefusedError: malformed, unknown, rotated or revoked.
        """
        if not FORM.fullmatch(key):
            raise RefusedError("malformed_key", "a stream key has 1 to 128 letters, digits, _ and -")
        hashed = hash_of(key)
        channel_id = self._current.get(hashed)
        if channel_id is not None:
            return self._profiles[channel_id]
        channel_id = self._retired.get(hashed)
        if channel_id is None:
            raise RefusedError("unknown_key", "no channel has this stream key: copy it again from the dashboard")
        if self._profiles[channel_id].stream_key_hash is None:
            raise RefusedError("revoked_key", "this stream key was revoked: make a new one in the dashboard", channel_id)
        raise RefusedError("rotated_key", "this stream key was replaced: copy the new one from the dashboard", channel_id)
