"""Stream keys and tokens: made here, shown once, known to the log by their SHA-256 only."""

import hashlib
import secrets
import string

from msgspec.structs import replace

from schemas.event import as_new
from schemas.events import ChannelProfile

ALPHABET = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
"""Of access tokens, as Twitch's are: tmi.js makes them lower case before it sends them."""
SECRET_CHARACTERS = 32
"""62^32 is 190 bits, 36^32 is 165."""
RETIRED = 20
"""Former keys that are told from unknown ones; the row stays small."""


def secret(prefix: str, alphabet: str = ALPHABET) -> str:
    """A new random key or token."""
    return prefix + "".join(secrets.choice(alphabet) for _ in range(SECRET_CHARACTERS))


def digest(key: str) -> str:
    """What the log holds of a key or token."""
    return hashlib.sha256(key.encode()).hexdigest()


def retired(profile: ChannelProfile) -> ChannelProfile:
    """The profile with its present key among the former ones."""
    if profile.stream_key_hash is None:
        return profile
    return replace(profile, retired_key_hashes=(profile.stream_key_hash, *profile.retired_key_hashes)[:RETIRED])


def rekeyed(profile: ChannelProfile) -> tuple[ChannelProfile, str]:
    """The profile with a new stream key, the present one retired; and the key. It is a new fact, whatever it was copied from."""
    key = secret(f"live_{profile.channel_id}_")
    return as_new(replace(retired(profile), stream_key_hash=digest(key))), key
