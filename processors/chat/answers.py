"""What the one who gave a command is told where nothing else tells it."""

from typing import Literal

from schemas.events import CommandRefused

Reason = Literal[
    "no_permission",
    "already_banned",
    "not_banned",
    "bad_target",
    "already_granted",
    "not_granted",
    "unknown_message",
    "too_many_terms",
    "too_many_roles",
    "bad_value",
]


def refused(channel_id: str, moderator_id: str, reason: Reason, target_id: str | None = None) -> tuple[CommandRefused]:
    """A command that was not done."""
    return (CommandRefused(channel_id=channel_id, moderator_id=moderator_id, reason=reason, target_id=target_id),)
