"""Passes: what a playback URL of a restricted channel begins with, `/~PASS/live/...`; edges check them without asking anybody.

A pass is `generation.channel.grants.expires.signature`. The signature is what nginx's secure_link module can check: MD5, here of the text
between two copies of a key of 256 bits, so that no collision can be prepared without the key. As a MAC keyed MD5 is unbroken (RFC 6151
section 2.3), and a pass ends within minutes.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from schemas.event import as_new
from schemas.events import ChannelProfile
from streams.clock import now_us
from streams.fold import Clock

PATTERN = re.compile(r"(([0-9]{1,6})\.([0-9]{1,20})\.(m|s|ms)\.([0-9]{1,12}))\.([\w-]{22})", re.ASCII)
"""As infra/nginx.conf has it."""
MATURE, SUBSCRIBER = "m", "s"
"""What a viewer may be granted: he confirmed that mature content is fine; he is a subscriber, or of the channel."""
LIFE_S = 600
"""From a pass's making to its end: so long one that was shared, or whose viewer has ended his subscription, still opens the channel."""
GENERATIONS = 2
"""Keys that are accepted: the present one and the one before."""


class Pass(NamedTuple):
    """What a pass says."""

    channel_id: str
    grants: str
    expires: int
    """Seconds since 1970."""


def required(profile: ChannelProfile) -> str:
    """What a viewer of a channel must have been granted; empty for a public one."""
    return MATURE * profile.mature + SUBSCRIBER * profile.watch_subscribers_only


def restricted(profile: ChannelProfile, *, mature: bool | None, subscribers_only: bool | None) -> ChannelProfile:
    """The profile, as a new fact, with another restriction; None leaves a part of it as it is."""
    changed = replace(
        profile,
        mature=profile.mature if mature is None else mature,
        watch_subscribers_only=profile.watch_subscribers_only if subscribers_only is None else subscribers_only,
    )
    return as_new(changed)


def admits(needed: str, granted: str) -> bool:
    """Whether all that is needed was granted."""
    return set(needed) <= set(granted)


class Passes:
    """Makes passes and reads them back."""

    def __init__(self, derive: Callable[[str], bytes], generation: int, clock: Clock = now_us, life_s: int = LIFE_S) -> None:
        """`derive` gives 32 secret bytes for a purpose, the same on all machines of a system."""
        self.life_s = life_s
        self._clock = clock
        self._newest = str(generation)
        self.keys = {str(number): derive(f"playback {number}").hex() for number in range(generation, max(0, generation - GENERATIONS), -1)}
        """By generation, the newest first; hexadecimal, as edges have them in their configuration."""

    def issue(self, channel_id: str, grants: str) -> str:
        """A new pass. `grants` is not empty."""
        text = f"{self._newest}.{channel_id}.{grants}.{self._clock() // 1_000_000 + self.life_s}"
        return f"{text}.{_signature(self.keys[self._newest], text)}"

    def read(self, text: str) -> Pass | None:
        """What a pass says; None where it is none of ours, altered, or over."""
        found = PATTERN.fullmatch(text)
        if found is None or (key := self.keys.get(found[2])) is None:
            return None
        if not hmac.compare_digest(_signature(key, found[1]), found[6]) or int(found[5]) < self._clock() // 1_000_000:
            return None
        return Pass(found[3], found[4], int(found[5]))


def _signature(key: str, text: str) -> str:
    return urlsafe_b64encode(hashlib.md5(f"{key}{text}{key}".encode(), usedforsecurity=False).digest()).rstrip(b"=").decode()
