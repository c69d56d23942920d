"""What clients say is handed in, and what becomes of it is told in the ways that clients wait for."""

import asyncio
from typing import Any

import pytest

from schemas.event import Event
from schemas.events import (
    ChatCleared,
    CommandDone,
    CommandRefused,
    MessageDeleted,
    MessageHeld,
    MessageRefused,
    ModeChanged,
    RoleChanged,
    UserBanned,
    UserTimedOut,
    UserUnbanned,
)
from sinks.chat.irc.client import MAX_WAITING
from sinks.chat.sending import InvalidCommandError, ShedError
from tests.irc_room import LOGINS, MemoryHub, posted

WHO: dict[str, Any] = {"channel_id": "1", "moderator_id": "1"}
HELD = MessageHeld(channel_id="1", message_id="m", user_id="2", user_login="mia", display_name="Mia", text="x")


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub()


async def told(hub: MemoryHub, line: str, event: Event | None = None, login: str = "owl") -> list[tuple[str, str]]:
    """msg-ids, or commands with what they say, that a client in the room hears of a line and of the view's answer."""
    client = hub.signed_in(login, "owl")
    heard = client.says(line)
    await asyncio.sleep(0)
    if event is not None:
        assert heard == []
        heard = await client.answers(event)
    return [(line.tags.get("msg-id", line.command), line.params[-1]) for line in [*heard, *client.heard()]]


@pytest.mark.row("C22")
@pytest.mark.parametrize(
    ("line", "text", "action"),
    [
        ("PRIVMSG #owl :hello there", "hello there", False),
        ("PRIVMSG #OWL hello", "hello", False),
        ("PRIVMSG #owl :/me waves", "waves", True),
        ("PRIVMSG #owl :.me waves", "waves", True),
        ("PRIVMSG #owl :\x01ACTION waves\x01", "waves", True),
        ("PRIVMSG #owl :\x01ACTION waves", "waves", True),
        ("PRIVMSG #owl :/ /ban is a command", "/ban is a command", False),
        ("PRIVMSG #owl :/ .dots", ".dots", False),
        ("PRIVMSG #owl :... so", "... so", False),
        ("PRIVMSG #owl :.hello", ".hello", False),
    ],
)
async def test_what_is_said_is_handed_in(hub: MemoryHub, line: str, text: str, action: bool) -> None:
    client = hub.signed_in("mia", "owl")
    assert client.says(line) == []
    await asyncio.sleep(0)
    assert hub.said == [{"who": "mia", "channel_id": "1", "text": text, "action": action, "reply_to": None}]
    assert client.owned == list(client.expected)


@pytest.mark.row("C22")
async def test_a_posted_message_is_acknowledged_with_its_id_and_the_clients_nonce(hub: MemoryHub) -> None:
    client = hub.signed_in("mia", "owl")
    parent = "00000000-0000-0000-0000-000000000007"
    client.says(f"@client-nonce=a\\sb;reply-parent-msg-id={parent};mod=1;user-id=1 PRIVMSG #owl :yes")
    [state] = await client.answers(posted("yes", n=5))
    assert hub.said[0]["reply_to"] == parent
    assert state.command == "USERSTATE"
    assert state.tags["client-nonce"] == "a b"
    assert state.tags["id"] == posted("yes", n=5).message_id
    assert (state.tags["mod"], state.tags["display-name"]) == ("0", "Mia")


@pytest.mark.row("C22")
async def test_a_malformed_reply_id_is_ignored(hub: MemoryHub) -> None:
    client = hub.signed_in("mia", "owl")
    client.says("@reply-parent-msg-id=x PRIVMSG #owl :yes")
    await asyncio.sleep(0)
    assert hub.said[0]["reply_to"] is None


@pytest.mark.row("C22", "C2", "C3")
@pytest.mark.parametrize(
    ("reason", "wait_ms", "msg_id", "words"),
    [
        ("banned", 0, "msg_banned", "permanently banned from talking in owl"),
        ("timed_out", 59_001, "msg_timedout", "timed out for 60 more seconds"),
        ("slow_mode", 4_000, "msg_slowmode", "talk again in 4 seconds"),
        ("rate", 200, "msg_ratelimit", "again in 1 seconds"),
        ("user_rate", 9_000, "msg_ratelimit", "again in 9 seconds"),
        ("subscribers_only", 0, "msg_subsonly", "Subscribe to owl"),
        ("followers_only", 0, "msg_followersonly_zero", "Follow owl"),
        ("emote_only", 0, "msg_emoteonly", "emotes alone"),
        ("duplicate", 0, "msg_duplicate", "identical"),
        ("blocked_term", 0, "msg_rejected_mandatory", "moderation settings"),
        ("global_term", 0, "msg_rejected_mandatory", "moderation settings"),
        ("spam", 0, "msg_rejected_mandatory", "moderation settings"),
        ("too_long", 0, "msg_bad_characters", "500 characters"),
        ("empty", 0, "msg_bad_characters", "no visible characters"),
    ],
)
async def test_a_refusal_is_told_by_the_id_that_clients_know(hub: MemoryHub, reason: str, wait_ms: int, msg_id: str, words: str) -> None:
    event = MessageRefused(channel_id="1", message_id="m", user_id="2", reason=reason, wait_ms=wait_ms)
    [(told_id, told_words)] = await told(hub, "PRIVMSG #owl :x", event, "mia")
    assert told_id == msg_id
    assert words in told_words


@pytest.mark.row("C17", "C19")
async def test_a_refusal_names_the_rooms_mode(hub: MemoryHub) -> None:
    hub.room_of_owl.state = type(hub.room_of_owl.state)(channel_id="1", followers_only_minutes=30, unique_chat=True)
    event = MessageRefused(channel_id="1", message_id="m", user_id="2", reason="followers_only")
    assert (await told(hub, "PRIVMSG #owl :x", event, "mia"))[0][0] == "msg_followersonly"
    event = MessageRefused(channel_id="1", message_id="m", user_id="2", reason="duplicate")
    assert (await told(hub, "PRIVMSG #owl :x", event, "mia"))[0][0] == "msg_r9k"


@pytest.mark.row("M4")
async def test_a_held_message_is_told(hub: MemoryHub) -> None:
    assert (await told(hub, "PRIVMSG #owl :x", HELD, "mia"))[0][0] == "msg_rejected"


@pytest.mark.row("M8")
@pytest.mark.parametrize(
    ("refusal", "msg_id", "words"),
    [
        (ShedError("Your IP address sends too fast. Try again in 2.0 s.", 2000), "msg_ratelimit", "IP address"),
        (InvalidCommandError("The text has 501 characters."), "msg_bad_characters", "501 characters"),
    ],
)
async def test_what_the_edge_refuses_is_told_in_its_words(hub: MemoryHub, refusal: Exception, msg_id: str, words: str) -> None:
    hub.refusal = refusal
    [(told_id, told_words)] = await told(hub, "PRIVMSG #owl :x")
    assert told_id == msg_id
    assert words in told_words


async def test_while_the_log_is_away_no_more_than_a_bound_waits(hub: MemoryHub) -> None:
    client = hub.signed_in("mia", "owl")
    heard = client.says("PRIVMSG #owl :x\n" * (MAX_WAITING + 1))
    assert [line.tags["msg-id"] for line in heard] == ["msg_ratelimit"]
    await asyncio.sleep(0)
    assert len(hub.said) == MAX_WAITING
    assert client.says("PRIVMSG #owl :x") == []


@pytest.mark.row("C22")
async def test_anonymous_clients_cannot_write(hub: MemoryHub) -> None:
    client = hub.signed_in(None, "owl")
    [notice] = client.says("PRIVMSG #owl :x")
    assert notice.tags["msg-id"] == "no_permission"
    assert hub.said == []


MESSAGE = posted("bad", "mia", 7)
BANNED = UserBanned(user_id="2", **WHO)
VIP = RoleChanged(user_id="2", role="vip", granted=True, **WHO)
TIMED_OUT = UserTimedOut(user_id="2", seconds=600, **WHO)
COMMANDS: list[tuple[str, dict[str, Any], Event, str]] = [
    (
        "/ban Mia because of it",
        {"kind": "SanctionUser", "user_id": "2", "reason": "because of it"},
        UserBanned(user_id="2", **WHO),
        "ban_success",
    ),
    ("/ban @mia", {"kind": "SanctionUser", "user_id": "2", "reason": ""}, BANNED, "ban_success"),
    (
        "/timeout mia 30 calm down",
        {"kind": "SanctionUser", "user_id": "2", "seconds": 30, "reason": "calm down"},
        UserTimedOut(user_id="2", seconds=30, **WHO),
        "timeout_success",
    ),
    (
        "/timeout mia",
        {"kind": "SanctionUser", "user_id": "2", "seconds": 600, "reason": ""},
        UserTimedOut(user_id="2", seconds=600, **WHO),
        "timeout_success",
    ),
    (
        "/timeout mia 1h30m",
        {"kind": "SanctionUser", "user_id": "2", "seconds": 5400, "reason": ""},
        UserTimedOut(user_id="2", seconds=5400, **WHO),
        "timeout_success",
    ),
    ("/unban mia", {"kind": "LiftSanction", "user_id": "2"}, UserUnbanned(user_id="2", **WHO), "unban_success"),
    ("/untimeout mia", {"kind": "LiftSanction", "user_id": "2"}, UserUnbanned(user_id="2", was_ban=False, **WHO), "untimeout_success"),
    (
        f"/delete {MESSAGE.message_id}",
        {"kind": "DeleteMessage", "message_id": MESSAGE.message_id, "user_id": "2"},
        MessageDeleted(message_id=MESSAGE.message_id, user_id="2", **WHO),
        "delete_message_success",
    ),
    (
        "/mod mia",
        {"kind": "GrantRole", "user_id": "2", "role": "moderator", "granted": True},
        RoleChanged(user_id="2", role="moderator", granted=True, **WHO),
        "mod_success",
    ),
    (
        "/unmod mia",
        {"kind": "GrantRole", "user_id": "2", "role": "moderator", "granted": False},
        RoleChanged(user_id="2", role="moderator", granted=False, **WHO),
        "unmod_success",
    ),
    (
        "/vip mia",
        {"kind": "GrantRole", "user_id": "2", "role": "vip", "granted": True},
        RoleChanged(user_id="2", role="vip", granted=True, **WHO),
        "vip_success",
    ),
    (
        "/unvip mia",
        {"kind": "GrantRole", "user_id": "2", "role": "vip", "granted": False},
        RoleChanged(user_id="2", role="vip", granted=False, **WHO),
        "unvip_success",
    ),
]


@pytest.mark.row("C22", "M6")
@pytest.mark.parametrize(("text", "asked", "event", "msg_id"), COMMANDS, ids=[text for text, *_ in COMMANDS])
async def test_a_moderators_command_is_handed_in_and_its_outcome_told(
    hub: MemoryHub, text: str, asked: dict[str, Any], event: Event, msg_id: str
) -> None:
    hub.room_of_owl.messages[MESSAGE.message_id] = MESSAGE
    assert [told_id for told_id, _ in await told(hub, f"PRIVMSG #owl :{text}", event)] == [msg_id]
    assert hub.said == [{"who": "owl", "channel_id": "1", **asked}]


MODES = [
    ("/slow", {"slow_seconds": 30}, "slow", "30"),
    ("/slow 5", {"slow_seconds": 5}, "slow", "5"),
    ("/slowoff", {"slow_seconds": 0}, "slow", "0"),
    ("/followers", {"followers_only_minutes": 0}, "followers-only", "0"),
    ("/followers 10", {"followers_only_minutes": 10}, "followers-only", "10"),
    ("/followers 7d", {"followers_only_minutes": 10_080}, "followers-only", "10080"),
    ("/followersoff", {"followers_only_minutes": -1}, "followers-only", "-1"),
    ("/subscribers", {"subscribers_only": True}, "subs-only", "1"),
    ("/subscribersoff", {"subscribers_only": False}, "subs-only", "0"),
    ("/emoteonly", {"emote_only": True}, "emote-only", "1"),
    ("/emoteonlyoff", {"emote_only": False}, "emote-only", "0"),
    ("/uniquechat", {"unique_chat": True}, "r9k", "1"),
    ("/r9kbetaoff", {"unique_chat": False}, "r9k", "0"),
]


@pytest.mark.row("C22")
@pytest.mark.parametrize(("text", "modes", "tag", "value"), MODES, ids=[text for text, *_ in MODES])
async def test_a_change_of_mode_is_told_once_to_who_asked(hub: MemoryHub, text: str, modes: dict[str, Any], tag: str, value: str) -> None:
    changed = ModeChanged(**WHO, **modes)
    assert await told(hub, f"PRIVMSG #owl :{text}", changed) == []  # the room's stream tells it
    assert hub.said == [{"who": "owl", "channel_id": "1", "kind": "ChangeMode", **modes}]
    outside = hub.signed_in("owl")
    for event in (changed, CommandDone(**WHO)):
        outside.says(f"PRIVMSG #owl :{text}")
        room, notice = await outside.answers(event)
        assert (room.command, room.tags) == ("ROOMSTATE", {"room-id": "1", tag: value})
        assert notice.command == "NOTICE"


@pytest.mark.row("C22", "M6")
async def test_a_clearing_is_told_once_to_who_asked(hub: MemoryHub) -> None:
    assert await told(hub, "PRIVMSG #owl :/clear", ChatCleared(**WHO)) == []
    outside = hub.signed_in("owl")
    outside.says("PRIVMSG #owl :/clear")
    [cleared] = await outside.answers(ChatCleared(**WHO))
    assert (cleared.command, cleared.params) == ("CLEARCHAT", ["#owl"])


REFUSALS = [
    ("/ban mia", "no_permission", "2", "no_permission"),
    ("/ban mia", "already_banned", "2", "already_banned"),
    ("/ban owl", "bad_target", "1", "bad_ban_broadcaster"),
    ("/ban rex", "bad_target", "3", "bad_ban_self"),
    ("/ban kim", "bad_target", "4", "bad_ban_mod"),
    ("/timeout owl 5", "bad_target", "1", "bad_timeout_broadcaster"),
    ("/timeout kim 5", "bad_target", "4", "bad_timeout_mod"),
    ("/unban mia", "not_banned", "2", "bad_unban_no_ban"),
    ("/mod mia", "already_granted", "2", "bad_mod_mod"),
    ("/unmod mia", "not_granted", "2", "bad_unmod_mod"),
    ("/vip mia", "already_granted", "2", "bad_vip_grantee_already_vip"),
    ("/unvip mia", "not_granted", "2", "bad_unvip_grantee_not_vip"),
    ("/slow 5", "no_permission", None, "no_permission"),
    ("/slow 5", "some_new_reason", None, "cmd_failed"),
]


@pytest.mark.row("C22")
@pytest.mark.parametrize(("text", "reason", "target", "msg_id"), REFUSALS)
async def test_a_refused_command_is_told_by_the_id_that_clients_know(
    hub: MemoryHub, text: str, reason: str, target: str | None, msg_id: str
) -> None:
    event = CommandRefused(channel_id="1", moderator_id="3", reason=reason, target_id=target)
    assert [told_id for told_id, _ in await told(hub, f"PRIVMSG #owl :{text}", event, "rex")] == [msg_id]


@pytest.mark.row("C22")
@pytest.mark.parametrize(
    ("text", "msg_id"),
    [
        ("/ban", "usage_ban"),
        ("/ban nobody", "invalid_user"),
        ("/timeout", "usage_timeout"),
        ("/timeout mia 0", "bad_timeout_duration"),
        ("/timeout mia 15d", "bad_timeout_duration"),
        ("/timeout mia 5x", "bad_timeout_duration"),
        ("/unban", "usage_unban"),
        ("/delete", "usage_delete"),
        ("/delete 1", "bad_delete_message_error"),
        ("/slow 121", "usage_slow_on"),
        ("/slow x", "usage_slow_on"),
        ("/followers 91d", "usage_followers_on"),
        ("/mod", "usage_mod"),
        ("/announce", "usage_announce"),
        ("/me", "usage_me"),
        ("/color plaid", "usage_color"),
        ("/mods", "no_mods"),
        ("/vips", "no_vips"),
        ("/w mia hello", "unrecognized_cmd"),
        ("/{0.__class__}", "unrecognized_cmd"),
    ],
)
async def test_a_command_that_cannot_be_is_refused_at_once(hub: MemoryHub, text: str, msg_id: str) -> None:
    assert [told_id for told_id, _ in await told(hub, f"PRIVMSG #owl :{text}")] == [msg_id]
    assert hub.said == []


@pytest.mark.row("C22")
async def test_a_colour_is_set_from_any_room_by_name_or_value(hub: MemoryHub) -> None:
    client = hub.signed_in("mia")
    for chosen in ("/color #35A7FF", "/color BlueViolet", "/color blue_violet"):
        client.says(f"PRIVMSG #tmijs :{chosen}")
        await asyncio.sleep(0)
        assert [line.tags["msg-id"] for line in client.heard()] == ["color_changed"]
    assert [asked["color"] for asked in hub.said] == ["#35a7ff", "#8a2be2", "#8a2be2"]


@pytest.mark.row("C22")
async def test_announcements_have_a_colour(hub: MemoryHub) -> None:
    client = hub.signed_in("owl", "owl")
    client.says("PRIVMSG #owl :/announce Hear", "PRIVMSG #owl :/announcegreen Hear")
    await asyncio.sleep(0)
    assert [(asked["kind"], asked["text"], asked["accent"]) for asked in hub.said] == [
        ("Announce", "Hear", "primary"),
        ("Announce", "Hear", "green"),
    ]


@pytest.mark.row("C22")
async def test_moderators_and_vips_are_listed(hub: MemoryHub) -> None:
    hub.room_of_owl.state = type(hub.room_of_owl.state)(channel_id="1", moderators=(LOGINS["mia"], LOGINS["rex"]), vips=(LOGINS["kim"],))
    client = hub.signed_in("mia", "owl")
    mods, vips = client.says("PRIVMSG #owl :/mods", "PRIVMSG #owl :/vips")
    assert (mods.tags["msg-id"], mods.params[-1].partition(": ")[2]) == ("room_mods", "mia, rex")
    assert (vips.tags["msg-id"], vips.params[-1].partition(": ")[2]) == ("vips_success", "kim.")


@pytest.mark.row("C22")
async def test_a_room_that_is_not_there_is_told(hub: MemoryHub) -> None:
    client = hub.signed_in("mia")
    for text in ("hello", "/ban rex"):
        [notice] = client.says(f"PRIVMSG #none :{text}")
        assert (notice.tags["msg-id"], notice.params[0]) == ("msg_room_not_found", "#none")
