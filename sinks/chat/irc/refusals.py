"""Why a message was not accepted, as its author is told."""

from schemas.events import MessageRefused
from sinks.chat.dialect import Room
from sinks.chat.irc.client import Client, seconds

REFUSED = {
    "banned": "msg_banned",
    "timed_out": "msg_timedout",
    "rate": "msg_ratelimit",
    "user_rate": "msg_ratelimit",
    "slow_mode": "msg_slowmode",
    "subscribers_only": "msg_subsonly",
    "emote_only": "msg_emoteonly",
    "blocked_term": "msg_rejected_mandatory",
    "global_term": "msg_rejected_mandatory",
    "spam": "msg_rejected_mandatory",
}
"""msg-ids of the reasons of MessageRefused that need no look at the room."""
CAUSES = {"empty": "it has no visible characters.", "too_long": "it has more than 500 characters. Send it in parts."}


def refused(client: Client, room: Room, event: MessageRefused) -> None:
    """Tells why a message was not accepted."""
    minutes = max(room.state.followers_only_minutes, 0)
    if event.reason == "followers_only":
        msg_id = "msg_followersonly" if minutes else "msg_followersonly_zero"
    elif event.reason == "duplicate":
        msg_id = "msg_r9k" if room.state.unique_chat else "msg_duplicate"
    else:
        msg_id = REFUSED.get(event.reason, "msg_bad_characters")
    client.notice(
        room.login,
        msg_id,
        channel=room.login,
        seconds=seconds(event.wait_ms),
        minutes=minutes,
        cause=CAUSES.get(event.reason, event.reason),
    )
