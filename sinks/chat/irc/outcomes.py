"""What a moderator is told of a command's outcome. Promises of tmi.js and dank-twitch-irc are settled by these ids."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.event import Event
from schemas.events import CommandDone, CommandRefused, MessageRefused, UserUnbanned
from sinks.chat.dialect import Room
from sinks.chat.irc.client import Client
from sinks.chat.irc.refusals import refused
from streams.fold import At

NOT_VIP = "bad_unvip_grantee_not_vip"


class Outcome(NamedTuple):
    """msg-ids of a command's outcomes."""

    usage: str
    """Where it was not given what it takes."""
    success: str = ""
    """Empty where the room's stream tells all."""
    refused: Mapping[str, str] = {}
    """By the reasons of CommandRefused; `{whom}` is self, broadcaster or mod."""


OUTCOMES = {
    "ban": Outcome("usage_ban", "ban_success", {"already_banned": "already_banned", "bad_target": "bad_ban_{whom}"}),
    "timeout": Outcome(
        "usage_timeout",
        "timeout_success",
        {"already_banned": "already_banned", "bad_target": "bad_timeout_{whom}", "bad_value": "bad_timeout_duration"},
    ),
    "unban": Outcome("usage_unban", "unban_success", {"not_banned": "bad_unban_no_ban"}),
    "delete": Outcome(
        "usage_delete", "delete_message_success", {"unknown_message": "bad_delete_message_error", "bad_target": "bad_delete_message_mod"}
    ),
    "clear": Outcome("usage_clear"),
    "mod": Outcome("usage_mod", "mod_success", {"already_granted": "bad_mod_mod", "bad_target": "bad_mod_banned"}),
    "unmod": Outcome("usage_unmod", "unmod_success", {"not_granted": "bad_unmod_mod", "bad_target": "bad_unmod_mod"}),
    "vip": Outcome(
        "usage_vip",
        "vip_success",
        {
            "already_granted": "bad_vip_grantee_already_vip",
            "bad_target": "bad_vip_grantee_banned",
            "too_many_roles": "bad_vip_max_vips_reached",
        },
    ),
    "unvip": Outcome("usage_unvip", "unvip_success", {"not_granted": NOT_VIP, "bad_target": NOT_VIP}),
    "announce": Outcome("usage_announce"),
    "slow": Outcome("usage_slow_on", refused={"bad_value": "usage_slow_on"}),
    "followers": Outcome("usage_followers_on", refused={"bad_value": "usage_followers_on"}),
    "mode": Outcome("cmd_failed"),
}


class Asked(NamedTuple):
    """A command that was handed in."""

    outcome: Outcome
    values: Mapping[str, object]
    """For the texts."""
    seen: Event | None = None
    """What the room's stream tells of it; None where it tells nothing that the one who asked waits for."""


def tell(client: Client, room: Room, asked: Asked, event: Event) -> None:
    """Tells the one who asked. What the room's stream tells all of its members is not told twice."""
    if isinstance(event, CommandRefused):
        client.notice(room.login, _refusal(client, room, asked.outcome, event), **{"cause": event.reason.replace("_", " "), **asked.values})
    elif isinstance(event, MessageRefused):
        refused(client, room, event)
    elif asked.outcome.success:
        lifted_time_out = isinstance(event, UserUnbanned) and not event.was_ban
        client.notice(room.login, "untimeout_success" if lifted_time_out else asked.outcome.success, **asked.values)
    elif isinstance(event, CommandDone) or room.login not in client.rooms:
        seen = asked.seen if isinstance(event, CommandDone) else event
        if seen is not None:
            client.connection.send(client.variant.render(room, seen, At("", 0, 0, event.occurred_at)))


def _refusal(client: Client, room: Room, outcome: Outcome, event: CommandRefused) -> str:
    msg_id = "no_permission" if event.reason == "no_permission" else outcome.refused.get(event.reason, "cmd_failed")
    person = client.person
    if person is not None and event.target_id == person.user_id:
        whom = "self"
    else:
        whom = "broadcaster" if event.target_id == room.channel_id else "mod"
    return msg_id.format(whom=whom)
