"""What a server tells in a NOTICE, by msg-id. Clients decide by the id, and some by words of the text."""

from typing import NamedTuple

from schemas.events import ModeChanged
from sinks.chat.irc.line import format_line
from sinks.chat.irc.tags import flag

TEXTS = {
    "slow_on": "This room is now in slow mode. You may send messages every {seconds} seconds.",
    "slow_off": "This room is no longer in slow mode.",
    "subs_on": "This room is now in subscribers-only mode.",
    "subs_off": "This room is no longer in subscribers-only mode.",
    "emote_only_on": "This room is now in emote-only mode.",
    "emote_only_off": "This room is no longer in emote-only mode.",
    "r9k_on": "This room is now in unique-chat mode.",
    "r9k_off": "This room is no longer in unique-chat mode.",
    "followers_on": "This room is now in {minutes} minutes followers-only mode.",
    "followers_on_zero": "This room is now in followers-only mode.",
    "followers_off": "This room is no longer in followers-only mode.",
    "msg_banned": "You are permanently banned from talking in {channel}.",
    "msg_timedout": "You are timed out for {seconds} more seconds.",
    "msg_slowmode": "This room is in slow mode and you are sending messages too quickly. "
    "You will be able to talk again in {seconds} seconds.",
    "msg_ratelimit": "Your message was not sent because you are sending messages too quickly. Try again in {seconds} seconds.",
    "msg_subsonly": "This room is in subscribers-only mode. Subscribe to {channel} to talk.",
    "msg_emoteonly": "This room is in emote-only mode: a message may hold emotes alone.",
    "msg_followersonly": "This room is in {minutes} minutes followers-only mode. Follow {channel} to join the community!",
    "msg_followersonly_zero": "This room is in followers-only mode. Follow {channel} to join the community!",
    "msg_r9k": "This room is in unique-chat mode and the message you attempted to send is not unique.",
    "msg_duplicate": "Your message was not sent because it is identical to one that was said before.",
    "msg_rejected": "Hey! Your message is being checked by mods and has not been sent.",
    "msg_rejected_mandatory": "Your message wasn't posted due to conflicts with the channel's moderation settings.",
    "msg_bad_characters": "Your message was not sent: {cause}",
    "msg_channel_suspended": "This channel does not exist or has been suspended.",
    "no_permission": "You don't have permission to perform that action.",
    "msg_room_not_found": "The room was not found.",
    "invalid_user": "Invalid username: {user}",
    "unrecognized_cmd": "Unrecognized command: {command}",
    "ban_success": "{user} is now banned from this channel.",
    "already_banned": "{user} is already banned in this channel.",
    "bad_ban_self": "You cannot ban yourself.",
    "bad_ban_broadcaster": "You cannot ban the broadcaster.",
    "bad_ban_mod": "You cannot ban moderator {user} unless you are the owner of this channel.",
    "usage_ban": "Usage: /ban <username> [reason]",
    "timeout_success": "{user} has been timed out for {seconds} seconds.",
    "bad_timeout_self": "You cannot timeout yourself.",
    "bad_timeout_broadcaster": "You cannot timeout the broadcaster.",
    "bad_timeout_mod": "You cannot timeout moderator {user} unless you are the owner of this channel.",
    "bad_timeout_duration": "You cannot timeout a user for this long: give 1 second to 2 weeks, such as 600 or 10m.",
    "usage_timeout": "Usage: /timeout <username> [seconds, or such as 10m] [reason]",
    "unban_success": "{user} is no longer banned from this channel.",
    "untimeout_success": "{user} is no longer timed out in this channel.",
    "bad_unban_no_ban": "{user} is not banned from this channel.",
    "usage_unban": "Usage: /unban <username>",
    "delete_message_success": "The message is now deleted.",
    "bad_delete_message_error": "The message could not be deleted: it is not among the newest of this channel.",
    "usage_delete": "Usage: /delete <message id>",
    "usage_clear": "Usage: /clear",
    "mod_success": "You have added {user} as a moderator of this channel.",
    "bad_mod_mod": "{user} is already a moderator of this channel.",
    "bad_mod_banned": "{user} cannot be a moderator of this channel: it is its broadcaster, or banned.",
    "usage_mod": "Usage: /mod <username>",
    "unmod_success": "You have removed {user} as a moderator of this channel.",
    "bad_unmod_mod": "{user} is not a moderator of this channel.",
    "usage_unmod": "Usage: /unmod <username>",
    "room_mods": "The moderators of this channel are: {names}",
    "no_mods": "There are no moderators of this channel.",
    "vip_success": "You have added {user} as a VIP of this channel.",
    "bad_vip_grantee_already_vip": "{user} is already a VIP of this channel.",
    "bad_vip_grantee_banned": "{user} cannot be a VIP of this channel: it is its broadcaster, or banned.",
    "bad_vip_max_vips_reached": "This channel has as many VIPs as it may have.",
    "usage_vip": "Usage: /vip <username>",
    "unvip_success": "You have removed {user} as a VIP of this channel.",
    "bad_unvip_grantee_not_vip": "{user} is not a VIP of this channel.",
    "usage_unvip": "Usage: /unvip <username>",
    "vips_success": "The VIPs of this channel are: {names}.",
    "no_vips": "This channel does not have any VIPs.",
    "color_changed": "Your color has been changed.",
    "usage_color": "Usage: /color <#RRGGBB, or a name: {names}>",
    "usage_announce": "Usage: /announce <text>, or with a colour: /announceblue, green, orange, purple",
    "usage_slow_on": "Usage: /slow [seconds], 1 to 120",
    "usage_followers_on": "Usage: /followers [minutes, or such as 7d], 0 to 90 days",
    "usage_me": "Usage: /me <text>",
    "cmd_failed": "The command was not carried out: {cause}",
}
"""Texts; of Twitch where a client or a person compares them, ours elsewhere."""


def text(msg_id: str, **values: object) -> str:
    """The text of a NOTICE."""
    return TEXTS[msg_id].format_map(values)


def notice(channel: str, msg_id: str, words: str, *, tags: bool) -> str:
    """The line; `channel` is a login or, before one is known, `*`."""
    where = channel if channel == "*" else f"#{channel}"
    return format_line("NOTICE", where, text=words, tags={"msg-id": msg_id} if tags else None)


class Switched(NamedTuple):
    """A mode that changed."""

    tag: str
    """Of ROOMSTATE."""
    value: str
    msg_id: str
    words: str


def switched(modes: ModeChanged) -> list[Switched]:
    """What of a change IRC clients are told: AutoMod's level is not."""
    changes = []
    if (seconds := modes.slow_seconds) is not None:
        changes.append(_switched("slow", str(seconds), "slow_on" if seconds else "slow_off", seconds=seconds))
    if (minutes := modes.followers_only_minutes) is not None:
        msg_id = "followers_off" if minutes < 0 else "followers_on" if minutes else "followers_on_zero"
        changes.append(_switched("followers-only", str(minutes), msg_id, minutes=minutes))
    for tag, mode, on in (
        ("subs-only", "subs", modes.subscribers_only),
        ("emote-only", "emote_only", modes.emote_only),
        ("r9k", "r9k", modes.unique_chat),
    ):
        if on is not None:
            changes.append(_switched(tag, flag(on), f"{mode}_on" if on else f"{mode}_off"))
    return changes


def _switched(tag: str, value: str, msg_id: str, **values: object) -> Switched:
    return Switched(tag, value, msg_id, text(msg_id, **values))
