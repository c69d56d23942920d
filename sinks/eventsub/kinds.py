"""What can be subscribed to: types, versions, conditions, and who may."""

from typing import Literal, NamedTuple

Rule = Literal["anybody", "reader", "moderator", "broadcaster"]
"""Who may: anybody; the user that the condition names as its reader; he where he moderates the channel; the channel's owner."""
B = "broadcaster_user_id"
M = "moderator_user_id"


class Kind(NamedTuple):
    """A subscription type."""

    versions: tuple[str, ...]
    condition: tuple[str, ...]
    """Names that a condition must have."""
    rule: Rule
    reader: str = ""
    """The one that must be the caller."""


KINDS: dict[str, Kind] = {
    "stream.online": Kind(("1",), (B,), "anybody"),
    "stream.offline": Kind(("1",), (B,), "anybody"),
    "channel.update": Kind(("1", "2"), (B,), "anybody"),
    "channel.follow": Kind(("2",), (B, M), "moderator", M),
    "channel.subscribe": Kind(("1",), (B,), "broadcaster"),
    "channel.raid": Kind(("1",), (), "anybody"),
    "channel.ban": Kind(("1",), (B,), "broadcaster"),
    "channel.unban": Kind(("1",), (B,), "broadcaster"),
    "channel.chat.message": Kind(("1",), (B, "user_id"), "reader", "user_id"),
    "channel.chat.message_delete": Kind(("1",), (B, "user_id"), "reader", "user_id"),
    "channel.chat.clear": Kind(("1",), (B, "user_id"), "reader", "user_id"),
    "channel.chat.clear_user_messages": Kind(("1",), (B, "user_id"), "reader", "user_id"),
    "automod.message.hold": Kind(("1", "2"), (B, M), "moderator", M),
}
RAID = ("from_broadcaster_user_id", "to_broadcaster_user_id")
"""A raid's condition has exactly one of them."""
CHANNELS = (B, *RAID)
"""Names under which a condition has the channel whose events it wants."""
