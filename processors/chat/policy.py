"""What texts are judged by. Live it is what is packaged and what each channel set; another one shows what would have been decided."""

import msgspec

from processors.chat.text.automod import LEVELS


class Policy(msgspec.Struct, frozen=True):
    """Differences from what is live; none by default. Goes to other processes, so it is plain data."""

    model: bytes = b""
    """AutoMod's model as its file has it; empty is the packaged one."""
    levels: tuple[float, ...] = LEVELS
    """Score from which a message is held, by a channel's level."""
    level: int | None = None
    """Of every channel, whatever it set."""
    blocked: tuple[str, ...] = ()
    """Terms that every channel blocks beside its own."""
    allowed: tuple[str, ...] = ()
    """Terms that are blocked no more, neither everywhere nor by a channel."""


LIVE = Policy()
