"""The rows of the shelf view, kept under a shelf."""

import msgspec

from streams.fold import Table


class Shelved(msgspec.Struct, frozen=True):
    """A VOD whose age is watched."""

    channel_id: str
    archived_at: int
    """UTC microseconds."""
    retention_days: int
    """-1 is for ever."""
    storage: str
    """Where it lies, or has been told to go."""
    due_at: int
    """When the next step is due, UTC microseconds."""


class Due(msgspec.Struct, frozen=True):
    """A VOD's place in the order of time."""

    vod_id: str


VODS = Table("vods", Shelved)
"""By VOD."""
DUE = Table("due", Due)
"""By `due_key`."""


def due_key(due_at: int, vod_id: str) -> str:
    """Padded, so that the order of keys is that of time."""
    return f"{due_at:020d}/{vod_id}"
