"""What a message has to pass, rule by rule and in their order."""

import pytest

from processors.chat.fold import ChatFold
from processors.chat.state import HEARD, HEARD_ORDER
from schemas.events import (
    ChangeTerm,
    MessageHeld,
    MessagePosted,
    MessageRefused,
    RecordFollow,
    RecordSubscription,
    ThrottleUser,
)
from schemas.privacy import ERASED
from tests.chat_channel import ADA, BEGAN, BOB, CHANNEL, MOD, SECOND, VIP, ChatChannel

SPAM = "buy cheap followers now http://a.example http://b.example http://c.example http://d.example"
HOUR = 3_600


@pytest.fixture
def channel() -> ChatChannel:
    return ChatChannel()


def subscribe(channel: ChatChannel, user: str, second: float, months: int = 1, plan: str = "tier1") -> None:
    channel.do(RecordSubscription(channel_id=CHANNEL, user_id=user, plan=plan, cumulative_months=months), second)


def block(channel: ChatChannel, term: str, second: float = 1) -> None:
    channel.do(ChangeTerm(channel_id=CHANNEL, moderator_id=CHANNEL, term=term, blocked=True), second)


@pytest.mark.row("C2")
def test_of_three_messages_in_a_second_one_is_taken_and_two_are_told_how_long_to_wait(channel: ChatChannel) -> None:
    first, second, third = (channel.say(ADA, "hi", at) for at in (10, 10.4, 10.95))
    assert isinstance(first, MessagePosted)
    assert (second.reason, second.wait_ms, third.reason, third.wait_ms) == ("rate", 600, "rate", 50)
    assert isinstance(channel.say(ADA, "hi", 11), MessagePosted), "what was refused does not make the wait longer"


@pytest.mark.row("C2")
def test_who_waits_as_long_as_told_is_let_in(channel: ChatChannel) -> None:
    channel.say(ADA, "hi", 10)
    refused = channel.say(ADA, "hi", 10.000_000_7)
    assert isinstance(channel.say(ADA, "hi", 10.000_000_7 + refused.wait_ms / 1_000), MessagePosted)


@pytest.mark.row("C2")
def test_the_pace_over_all_channels_holds_until_its_end(channel: ChatChannel) -> None:
    channel.do(ThrottleUser(channel_id=CHANNEL, user_id=ADA, until=BEGAN + 30 * SECOND), 5)
    refused = channel.say(ADA, "hi", 10)
    assert (refused.reason, refused.wait_ms) == ("user_rate", 20_000)
    assert channel.reasons((BOB, "hi", 10), (ADA, "hi", 29.999), (ADA, "hi", 30)) == ["", "user_rate", ""]


@pytest.mark.row("C3")
def test_banned_and_timed_out_are_told_apart_and_time_outs_end_by_event_time(channel: ChatChannel) -> None:
    channel.silence(ADA, 10)
    channel.silence(BOB, 10, seconds=60)
    banned, timed_out = channel.say(ADA, "hi", 11), channel.say(BOB, "hi", 11)
    assert (banned.reason, banned.wait_ms) == ("banned", 0)
    assert (timed_out.reason, timed_out.wait_ms) == ("timed_out", 59_000)
    assert channel.reasons((BOB, "hi", 69.999_999), (BOB, "hi", 70), (ADA, "hi", 1e6)) == ["timed_out", "", "banned"]


def test_slow_mode_makes_one_wait_from_the_last_message_taken(channel: ChatChannel) -> None:
    channel.say(ADA, "hi", 10)
    channel.mode(11, slow_seconds=30)
    refused = channel.say(ADA, "hi", 20)
    assert (refused.reason, refused.wait_ms) == ("slow_mode", 20_000)
    assert channel.reasons((ADA, "hi", 39.9), (ADA, "hi", 40), (MOD, "a", 41), (MOD, "b", 41), (VIP, "a", 41), (VIP, "b", 41)) == [
        "slow_mode",
        *[""] * 5,
    ]


@pytest.mark.row("C17")
def test_only_subscribers_and_those_with_a_role_write_where_it_is_for_subscribers(channel: ChatChannel) -> None:
    channel.mode(1, subscribers_only=True)
    subscribe(channel, BOB, 2)
    said = [(ADA, "hi", 10.0), (BOB, "hi", 10.0), (MOD, "hi", 10.0), (VIP, "hi", 10.0), (CHANNEL, "hi", 10.0)]
    assert channel.reasons(*said) == ["subscribers_only", "", "", "", ""]
    assert channel.reasons((BOB, "hi", 40 * 24 * HOUR)) == ["subscribers_only"], "a subscription that was not renewed"


def test_followers_write_once_they_followed_for_long_enough(channel: ChatChannel) -> None:
    channel.mode(1, followers_only_minutes=10)
    channel.do(RecordFollow(channel_id=CHANNEL, user_id=BOB, since=BEGAN), 1)
    refused = channel.say(BOB, "hi", 300)
    assert (refused.reason, refused.wait_ms) == ("followers_only", 300_000)
    assert channel.reasons((ADA, "hi", 300), (BOB, "hi", 600)) == ["followers_only", ""]
    channel.do(RecordFollow(channel_id=CHANNEL, user_id=BOB), 700)
    subscribe(channel, ADA, 700)
    assert channel.reasons((BOB, "hi", 800), (ADA, "hi", 800)) == ["followers_only", ""]


def test_where_only_emotes_may_be_written_words_are_refused_and_other_peoples_emotes_too(channel: ChatChannel) -> None:
    channel.mode(1, emote_only=True)
    said = [(ADA, "chroniHype  <3", 10.0), (ADA, "chroniHype hi", 20.0), (ADA, "chroniCrown", 30.0), (ADA, " ", 40.0)]
    assert channel.reasons(*said) == ["", "emote_only", "emote_only", "emote_only"]
    subscribe(channel, ADA, 50)
    assert channel.reasons((ADA, "chroniCrown", 60), (VIP, "words", 60)) == ["", ""]


@pytest.mark.row("C19")
def test_a_text_may_be_said_again_after_an_hour(channel: ChatChannel) -> None:
    channel.mode(1, unique_chat=True)
    assert channel.reasons((ADA, "Good  game", 10), (BOB, "good game", 1_000)) == ["", "duplicate"]
    assert channel.say(BOB, "good game", 10 + HOUR).wait_ms == 1
    assert channel.reasons((BOB, "good game", 10.001 + HOUR), (ADA, "good game", 20 + HOUR)) == ["", "duplicate"]


@pytest.mark.row("C19")
def test_texts_are_forgotten_one_by_one_and_the_memory_is_bounded(channel: ChatChannel) -> None:
    channel.mode(1, unique_chat=True)
    for n in range(1_000):
        channel.say(str(1_000 + n), f"text {n}", 10 + n)
    assert len(channel.rows[HEARD]) == len(channel.rows[HEARD_ORDER]) == 1_000
    for n in range(1_000):
        assert isinstance(channel.say(str(1_000 + n), f"later {n}", 10 + 2 * HOUR + n), MessagePosted)
    assert len(channel.rows[HEARD]) == len(channel.rows[HEARD_ORDER]) == 1_000, "what is new, and nothing of two hours ago"


def test_texts_are_remembered_by_a_fingerprint_that_belongs_to_the_channel() -> None:
    seen: list[str] = []
    channel = ChatChannel(ChatFold().keyed(lambda text: seen.append(text) or str(len(seen))))
    channel.mode(1, unique_chat=True)
    channel.say(ADA, "HELLO", 10)
    assert seen == [f"{CHANNEL}:hello"]
    assert list(channel.rows[HEARD]) == ["1"]


def test_what_was_erased_repeats_nothing(channel: ChatChannel) -> None:
    channel.mode(1, unique_chat=True)
    assert channel.reasons((ADA, ERASED, 10), (BOB, ERASED, 20)) == ["", ""]


def test_nothing_and_too_much_are_refused(channel: ChatChannel) -> None:
    said = [(ADA, "", 10.0), (ADA, "  ", 10.0), (ADA, "\u3000", 10.0), (ADA, "é" * 501, 10.0), (ADA, "é" * 500, 10.0), (MOD, "", 11.0)]
    assert channel.reasons(*said) == ["empty", "empty", "empty", "too_long", "", "empty"]


@pytest.mark.row("M1")
def test_the_channels_terms_are_blocked_as_words(channel: ChatChannel) -> None:
    block(channel, "Banana")
    said = [(ADA, "a BANANA", 10.0), (ADA, "bananarama", 10.0), (VIP, "banana", 20.0), (MOD, "banana", 20.0)]
    assert channel.reasons(*said) == ["blocked_term", "", "blocked_term", ""]


@pytest.mark.row("C1")
def test_the_order_of_the_rules_is_the_one_that_is_documented(channel: ChatChannel) -> None:
    """One message breaks every rule; one after the other is lifted, and the next one shows."""
    text = f"banana banana {SPAM}" + " " * 500
    block(channel, "banana")
    channel.mode(2, slow_seconds=100, subscribers_only=True, followers_only_minutes=0, emote_only=True, unique_chat=True)
    channel.say(CHANNEL, "said before", 2)
    channel.do(RecordFollow(channel_id=CHANNEL, user_id=BOB, since=BEGAN), 2)
    channel.mode(3, subscribers_only=False, emote_only=False)
    channel.say(BOB, "first", 10)
    channel.mode(10, subscribers_only=True, emote_only=True)
    channel.do(ThrottleUser(channel_id=CHANNEL, user_id=BOB, until=BEGAN + 30 * SECOND), 10)
    channel.silence(BOB, 10, seconds=1, by=CHANNEL)
    found = channel.reasons((BOB, text, 10.5))
    channel.do(RecordFollow(channel_id=CHANNEL, user_id=BOB), 10.5)
    channel.silence(BOB, 10.6, seconds=1, by=CHANNEL)
    found += channel.reasons((BOB, text, 10.7), (BOB, text, 29), (BOB, text, 31), (BOB, text, 200))
    channel.mode(201, subscribers_only=False)
    found += channel.reasons((BOB, text, 202))
    channel.mode(203, followers_only_minutes=-1)
    found += channel.reasons((BOB, text, 204))
    channel.mode(205, emote_only=False)
    found += channel.reasons((BOB, "said before", 206), (BOB, text, 206), (BOB, text.strip(), 207))
    assert found == [
        "timed_out",
        "timed_out",
        "user_rate",
        "slow_mode",
        "subscribers_only",
        "followers_only",
        "emote_only",
        "duplicate",
        "too_long",
        "blocked_term",
    ]


@pytest.mark.row("M5")
def test_spam_is_refused_and_a_moderator_may_post_links(channel: ChatChannel) -> None:
    assert channel.reasons((ADA, SPAM, 10), (VIP, SPAM, 10), (MOD, SPAM, 10)) == ["spam", "spam", ""]


@pytest.mark.row("C1")
def test_a_refused_message_leaves_no_trace(channel: ChatChannel) -> None:
    channel.mode(1, unique_chat=True)
    block(channel, "banana")
    before = {table.name: dict(rows) for table, rows in channel.rows.items()}
    assert channel.reasons((ADA, "banana", 10), (ADA, "", 10), (ADA, "x" * 501, 10), (ADA, SPAM, 10)) == [
        "blocked_term",
        "empty",
        "too_long",
        "spam",
    ]
    assert {table.name: dict(rows) for table, rows in channel.rows.items() if rows} == {k: v for k, v in before.items() if v}
    assert channel.reasons((ADA, "fine", 10)) == [""]


def test_a_clock_that_steps_back_makes_the_wait_longer_and_a_broken_one_binds_nobody(channel: ChatChannel) -> None:
    channel.say(ADA, "hi", 20)
    refused = channel.say(ADA, "hi", 15)
    assert (refused.reason, refused.wait_ms) == ("rate", 6_000)
    channel.say(BOB, "from next year", 400 * 24 * HOUR)
    assert channel.reasons((BOB, "hi", 20), (BOB, "hi", 20.5)) == ["", "rate"]


@pytest.mark.row("C4", "S1")
def test_a_message_is_shown_with_badges_emotes_colour_and_whether_it_is_the_first(channel: ChatChannel) -> None:
    subscribe(channel, ADA, 1, months=14, plan="prime")
    shown = channel.say(ADA, "é✨ chroniHype :) chroniCrown", 10, color="#ff4f6d", action=True, reply_to="m0")
    assert shown.badges == ("subscriber/12", "premium/1")
    assert shown.badge_info == ("subscriber/14",)
    assert [(one.emote_id, shown.text[one.begin : one.end + 1]) for one in shown.emotes] == [
        ("hype", "chroniHype"),
        ("smile", ":)"),
        ("crown", "chroniCrown"),
    ]
    assert (shown.color, shown.action, shown.reply_to, shown.first_message) == ("#ff4f6d", True, "m0", True)
    assert (shown.user_login, shown.display_name, shown.approved_by) == ("login1", "Name1", None)
    assert channel.say(ADA, "again", 20).first_message is False
    badges = {user: channel.say(user, "hi chroniCrown", 30).badges for user in (CHANNEL, MOD, VIP, BOB)}
    assert badges == {CHANNEL: ("broadcaster/1",), MOD: ("moderator/1",), VIP: ("vip/1",), BOB: ()}
    assert channel.say(BOB, "chroniCrown", 40).emotes == (), "for subscribers alone"


@pytest.mark.row("M7")
def test_emote_spans_are_of_the_text_that_is_shown_where_a_message_was_held(channel: ChatChannel) -> None:
    held = channel.say(ADA, "shut up you idiot 👍🏽 chroniRage", 10)
    assert isinstance(held, MessageHeld)
    [span] = held.emotes
    assert held.text[span.begin : span.end + 1] == "chroniRage"


def test_every_answer_is_one_of_the_reasons_that_the_schema_lists(channel: ChatChannel) -> None:
    from typing import get_args, get_type_hints

    from processors.chat.rules import Refusal
    from schemas.contract import released

    [field] = [one for one in released().current(MessageRefused.SCHEMA)["fields"] if one["name"] == "reason"]
    listed = field["doc"].removeprefix("One of: ").removesuffix(".").split(", ")
    assert sorted(get_args(get_type_hints(Refusal)["reason"])) == sorted(listed)
