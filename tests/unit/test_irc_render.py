"""What members of a room get of its events has every tag that clients need."""

from typing import Any

import msgspec
import pytest

from schemas.event import Event
from schemas.events import (
    ChatCleared,
    MessageDeleted,
    MessageHeld,
    ModeChanged,
    NoticePosted,
    RoleChanged,
    UserBanned,
    UserStyle,
    UserTimedOut,
    UserUnbanned,
)
from schemas.events.chat import EmoteSpan
from sinks.chat.irc.line import Line, parse
from sinks.chat.irc.render import IrcVariant
from streams.edges.accounts import TOPICS
from streams.fold import At
from tests.irc_room import AT, MemoryHub, posted

WHO: dict[str, Any] = {"channel_id": "1", "moderator_id": "1", "occurred_at": AT.time}
SENT = str(AT.time // 1000)
PRIVMSG = {
    "badge-info": "",
    "badges": "",
    "color": "#35a7ff",
    "display-name": "Mia",
    "emotes": "",
    "first-msg": "0",
    "flags": "",
    "id": posted("x").message_id,
    "mod": "0",
    "returning-chatter": "0",
    "room-id": "1",
    "subscriber": "0",
    "tmi-sent-ts": SENT,
    "turbo": "0",
    "user-id": "2",
    "user-type": "",
}


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub()


def rendered(hub: MemoryHub, event: Event, *, tags: bool = True, commands: bool = True, history: bool = False) -> list[Line]:
    text = IrcVariant(hub.accounts, tags=tags, commands=commands, history=history).render(hub.room_of_owl, event, AT)
    assert not text or text.endswith("\r\n")
    return [line for part in text.split("\r\n")[:-1] if (line := parse(part))]


@pytest.mark.row("C22", "U6")
def test_a_message_has_every_tag_that_clients_need(hub: MemoryHub) -> None:
    [line] = rendered(hub, posted("hi"))
    assert line == (PRIVMSG, "mia!mia@mia.tmi.twitch.tv", "PRIVMSG", ["#owl", "hi"])


@pytest.mark.row("C22", "S1")
def test_badges_decide_flags(hub: MemoryHub) -> None:
    badges = ("moderator/1", "subscriber/12")
    [line] = rendered(hub, posted("hi", badges=badges, badge_info=("subscriber/14",), first_message=True))
    assert line.tags == PRIVMSG | {
        "badges": "moderator/1,subscriber/12",
        "badge-info": "subscriber/14",
        "first-msg": "1",
        "mod": "1",
        "subscriber": "1",
        "user-type": "mod",
    }
    [line] = rendered(hub, posted("hi", badges=("vip/1", "founder/0")))
    assert line.tags == PRIVMSG | {"badges": "vip/1,founder/0", "subscriber": "1", "vip": "1"}
    [line] = rendered(hub, posted("hi", badges=("broadcaster/1",)))
    assert (line.tags["mod"], line.tags["user-type"]) == ("0", "")


@pytest.mark.row("C22")
def test_emotes_are_told_by_code_points_grouped_by_id(hub: MemoryHub) -> None:
    spans = (EmoteSpan(emote_id="25", begin=2, end=6), EmoteSpan(emote_id="9", begin=8, end=9), EmoteSpan(emote_id="25", begin=11, end=15))
    [line] = rendered(hub, posted("😀 Kappa <3 Kappa", emotes=spans))
    assert line.tags["emotes"] == "25:2-6,11-15/9:8-9"
    assert [line.params[1][2:7], line.params[1][8:10], line.params[1][11:16]] == ["Kappa", "<3", "Kappa"]


@pytest.mark.row("C22")
def test_an_action_is_wrapped_and_its_emotes_count_inside(hub: MemoryHub) -> None:
    [line] = rendered(hub, posted("Kappa", action=True, emotes=(EmoteSpan(emote_id="25", begin=0, end=4),)))
    assert line.params[1] == "\x01ACTION Kappa\x01"
    assert line.tags["emotes"] == "25:0-4"


@pytest.mark.row("C22")
def test_a_reply_names_its_parent_and_its_thread_and_moves_the_emotes(hub: MemoryHub) -> None:
    first, parent = posted("why; so?", "rex", 1), posted("because", "kim", 2, reply_to=posted("", n=1).message_id)
    hub.room_of_owl.messages |= {message.message_id: message for message in (first, parent)}
    [line] = rendered(hub, posted("Kappa", n=3, reply_to=parent.message_id, emotes=(EmoteSpan(emote_id="25", begin=0, end=4),)))
    assert line.params[1] == "@Kim Kappa"
    assert line.tags["emotes"] == "25:5-9"
    assert {key: value for key, value in line.tags.items() if key.startswith("reply-")} == {
        "reply-parent-display-name": "Kim",
        "reply-parent-msg-body": "because",
        "reply-parent-msg-id": parent.message_id,
        "reply-parent-user-id": "4",
        "reply-parent-user-login": "kim",
        "reply-thread-parent-msg-id": first.message_id,
        "reply-thread-parent-user-login": "rex",
    }


@pytest.mark.row("C22")
def test_a_reply_to_what_is_gone_is_a_message(hub: MemoryHub) -> None:
    [line] = rendered(hub, posted("yes", reply_to=posted("", n=9).message_id))
    assert (line.tags, line.params[1]) == (PRIVMSG, "yes")


@pytest.mark.row("C22", "M6")
def test_bans_time_outs_and_clearings_are_told_apart(hub: MemoryHub) -> None:
    about = {"room-id": "1", "target-user-id": "2", "tmi-sent-ts": SENT}
    assert rendered(hub, UserBanned(user_id="2", **WHO)) == [(about, "tmi.twitch.tv", "CLEARCHAT", ["#owl", "mia"])]
    assert rendered(hub, UserTimedOut(user_id="2", seconds=30, **WHO)) == [
        (about | {"ban-duration": "30"}, "tmi.twitch.tv", "CLEARCHAT", ["#owl", "mia"])
    ]
    assert rendered(hub, ChatCleared(**WHO)) == [({"room-id": "1", "tmi-sent-ts": SENT}, "tmi.twitch.tv", "CLEARCHAT", ["#owl"])]


@pytest.mark.row("M6")
def test_the_ban_of_an_account_that_is_gone_does_not_clear_the_whole_chat(hub: MemoryHub) -> None:
    [line] = rendered(hub, UserBanned(user_id="77", **WHO))
    assert line.params == ["#owl", "77"]


@pytest.mark.row("C22", "M6")
def test_a_deleted_message_is_told_with_its_text(hub: MemoryHub) -> None:
    message = posted("bad", n=7)
    deleted = MessageDeleted(message_id=message.message_id, user_id="2", **WHO)
    values = {"login": "mia", "room-id": "1", "target-msg-id": message.message_id, "tmi-sent-ts": SENT}
    assert rendered(hub, deleted) == [(values, "tmi.twitch.tv", "CLEARMSG", ["#owl", "deleted message"])]
    hub.room_of_owl.messages[message.message_id] = message
    assert rendered(hub, deleted) == [(values, "tmi.twitch.tv", "CLEARMSG", ["#owl", "bad"])]


@pytest.mark.row("C22")
def test_each_mode_that_changed_is_told_by_itself_as_state_and_as_notice(hub: MemoryHub) -> None:
    modes = ModeChanged(**WHO, slow_seconds=5, followers_only_minutes=0, subscribers_only=True, emote_only=False, unique_chat=True)
    lines = rendered(hub, modes)
    assert [line.tags for line in lines if line.command == "ROOMSTATE"] == [
        {"room-id": "1", "slow": "5"},
        {"room-id": "1", "followers-only": "0"},
        {"room-id": "1", "subs-only": "1"},
        {"room-id": "1", "emote-only": "0"},
        {"room-id": "1", "r9k": "1"},
    ]
    assert [line.tags["msg-id"] for line in lines if line.command == "NOTICE"] == [
        "slow_on",
        "followers_on_zero",
        "subs_on",
        "emote_only_off",
        "r9k_on",
    ]
    assert "every 5 seconds" in lines[1].params[1]
    assert rendered(hub, ModeChanged(**WHO, automod_level=3)) == []


def noticed(kind: str, **more: Any) -> NoticePosted:
    values = {"channel_id": "1", "message_id": "m-1", "user_id": "2", "kind": kind, "occurred_at": AT.time}
    return NoticePosted(**values | more)


def params(line: Line) -> dict[str, str]:
    return {key.removeprefix("msg-param-"): value for key, value in line.tags.items() if key.startswith("msg-param-")}


@pytest.mark.row("S2", "C22")
@pytest.mark.parametrize("kind", ["sub", "resub"])
def test_a_subscription_is_told(hub: MemoryHub, kind: str) -> None:
    hub.accounts.apply(UserStyle(user_id="2", color="#00ff00"), At(TOPICS[1], 0, 0, 0))
    [line] = rendered(
        hub, noticed(kind, plan="prime", months=5, text="nice; stream", badges=("subscriber/3",), badge_info=("subscriber/5",))
    )
    assert (line.command, line.params) == ("USERNOTICE", ["#owl", "nice; stream"])
    expected = PRIVMSG | {"badges": "subscriber/3", "badge-info": "subscriber/5", "subscriber": "1", "id": "m-1", "color": "#00ff00"}
    expected |= {"login": "mia", "msg-id": kind, "system-msg": line.tags["system-msg"]}
    del expected["first-msg"], expected["returning-chatter"]
    assert {key: value for key, value in line.tags.items() if not key.startswith("msg-param-")} == expected
    assert params(line) == {
        "cumulative-months": "5",
        "months": "0",
        "should-share-streak": "0",
        "streak-months": "0",
        "sub-plan": "Prime",
        "sub-plan-name": "Subscription (Prime)",
        "was-gifted": "false",
    }
    assert line.tags["system-msg"].startswith("Mia subscribed with Prime.")


@pytest.mark.row("S2", "C22")
def test_a_gift_is_told_of_its_giver(hub: MemoryHub) -> None:
    [line] = rendered(hub, noticed("subgift", plan="tier2", months=1, gifter_id="3"))
    assert line.params == ["#owl"]
    assert (line.tags["login"], line.tags["user-id"], line.tags["display-name"]) == ("rex", "3", "Rex")
    assert line.tags["system-msg"] == "Rex gifted a Tier 2 sub to Mia!"
    told = params(line)
    assert (told["recipient-id"], told["recipient-user-name"], told["recipient-display-name"]) == ("2", "mia", "Mia")
    assert told["sub-plan"] == "2000"
    [line] = rendered(hub, noticed("subgift", plan="tier2", months=1))
    assert (line.tags["login"], line.tags["user-id"]) == ("ananonymousgifter", "274598607")


@pytest.mark.row("S2", "C22")
def test_a_raid_is_told(hub: MemoryHub) -> None:
    [line] = rendered(hub, noticed("raid", viewers=15))
    assert params(line) == {"displayName": "Mia", "login": "mia", "viewerCount": "15", "profileImageURL": ""}
    assert line.tags["system-msg"] == "15 raiders from Mia have joined!"


@pytest.mark.row("C22")
def test_an_announcement_is_told(hub: MemoryHub) -> None:
    [line] = rendered(hub, noticed("announcement", text="Hear, hear", accent="blue", user_login="mia", display_name="Mia"))
    assert line.params == ["#owl", "Hear, hear"]
    assert params(line) == {"color": "BLUE"}


@pytest.mark.row("C22")
@pytest.mark.parametrize(
    "event",
    [
        UserUnbanned(user_id="2", **WHO),
        RoleChanged(user_id="2", role="vip", granted=True, **WHO),
        MessageHeld(channel_id="1", message_id="m", user_id="2", user_login="mia", display_name="Mia", text="x"),
    ],
)
def test_what_irc_has_no_word_for_is_not_told(hub: MemoryHub, event: Event) -> None:
    assert rendered(hub, event) == []


@pytest.mark.row("C22")
def test_without_capabilities_messages_alone_are_told_and_without_tags(hub: MemoryHub) -> None:
    [line] = rendered(hub, posted("hi"), tags=False, commands=False)
    assert (line.tags, line.params) == ({}, ["#owl", "hi"])
    for event in (UserBanned(user_id="2", **WHO), ChatCleared(**WHO), ModeChanged(**WHO, slow_seconds=1), noticed("raid")):
        assert rendered(hub, event, commands=False) == []
        assert all(not line.tags for line in rendered(hub, event, tags=False))


@pytest.mark.row("C10")
def test_a_frame_ends_with_where_to_resume_for_who_asked(hub: MemoryHub) -> None:
    room = hub.room_of_owl
    asked = IrcVariant(hub.accounts, tags=True, commands=True, history=True)
    other = IrcVariant(hub.accounts, tags=True, commands=True, history=False)
    texts = [asked.render(room, posted("a"), AT), asked.render(room, posted("b", n=2), AT)]
    assert other.joined(room, texts, 3) == "".join(texts)
    assert asked.joined(room, texts, 0) == "".join(texts) + ":tmi.twitch.tv RESUME #owl :p0-41\r\n"
    assert asked.joined(room, texts, 3).endswith(":tmi.twitch.tv SAMPLED #owl :3\r\n:tmi.twitch.tv RESUME #owl :p0-41\r\n")


@pytest.mark.row("C11")
def test_what_is_history_is_marked_for_who_asked(hub: MemoryHub) -> None:
    hub.room_of_owl.replays = True
    assert rendered(hub, posted("a"), history=True)[0].tags == PRIVMSG | {"historical": "1"}
    assert rendered(hub, posted("a"))[0].tags == PRIVMSG


@pytest.mark.row("C22")
def test_a_text_cannot_become_a_second_line_or_an_action(hub: MemoryHub) -> None:
    text = "a\r\n:tmi.twitch.tv NOTICE * :x\0\x01ACTION b\x01"
    [line] = rendered(hub, msgspec.structs.replace(posted(text), display_name="M\r\n;x=y z"))
    assert line.params[1] == "a  :tmi.twitch.tv NOTICE * :x  ACTION b "
    assert line.tags["display-name"] == "M\r\n;x=y z"
