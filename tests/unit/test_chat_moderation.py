"""What moderators ask for, who may, and what each is answered."""

import pytest

from processors.chat import blocking, reviews, roles
from processors.chat.state import FLOW, HELD, HELD_ORDER, NODES, ROOM, ROSTER, USERS
from schemas.events import (
    Announce,
    BanState,
    ChangeTerm,
    ChatCleared,
    ClearChat,
    CommandDone,
    CommandRefused,
    DeleteMessage,
    GrantRole,
    LiftSanction,
    MessageDeleted,
    MessageDenied,
    MessageHeld,
    MessagePosted,
    ModeChanged,
    NoticePosted,
    RecordRaid,
    RecordSubscription,
    ReportBacklog,
    ReviewMessage,
    RoleChanged,
    RoomState,
    TermChanged,
    UserBanned,
    UserTimedOut,
    UserUnbanned,
)
from schemas.privacy import Opened
from tests.chat_channel import ADA, BEGAN, BOB, CHANNEL, MOD, SECOND, VIP, ChatChannel

DOUBTFUL = "shut up you idiot"


@pytest.fixture
def channel() -> ChatChannel:
    return ChatChannel()


def kinds(events) -> list[type]:
    return [type(event) for event in events]


def refusal(events) -> str:
    """The reason of the one refusal."""
    [event] = events
    assert isinstance(event, CommandRefused)
    return event.reason


def lift(user: str, by: str = MOD) -> LiftSanction:
    return LiftSanction(channel_id=CHANNEL, user_id=user, moderator_id=by)


def grant(user: str, role: str = "moderator", by: str = CHANNEL, *, granted: bool = True) -> GrantRole:
    return GrantRole(channel_id=CHANNEL, user_id=user, moderator_id=by, role=role, granted=granted)


def delete(author: str, by: str, message: str = "m9") -> DeleteMessage:
    return DeleteMessage(channel_id=CHANNEL, message_id=message, user_id=author, moderator_id=by)


def review(message: str, by: str = MOD, *, approved: bool = True) -> ReviewMessage:
    return ReviewMessage(channel_id=CHANNEL, message_id=message, moderator_id=by, approved=approved)


def term(text: str, by: str = MOD, *, blocked: bool = True) -> ChangeTerm:
    return ChangeTerm(channel_id=CHANNEL, moderator_id=by, term=text, blocked=blocked)


def backlog(waiting: int, node: str = "edge-1") -> ReportBacklog:
    return ReportBacklog(channel_id=CHANNEL, node=node, waiting=waiting, oldest_ms=1)


@pytest.mark.row("M6")
def test_a_ban_a_time_out_and_their_end_are_events_and_rows(channel: ChatChannel) -> None:
    banned, row = channel.silence(ADA, 10)
    assert isinstance(banned, UserBanned)
    assert (banned.user_id, banned.moderator_id, banned.reason) == (ADA, MOD, "rude")
    assert row == BanState(ban_id=f"{CHANNEL}:{ADA}", channel_id=CHANNEL, user_id=ADA, moderator_id=MOD, reason="rude")
    timed_out, row = channel.silence(BOB, 10, seconds=60)
    assert (type(timed_out), timed_out.seconds, row.until) == (UserTimedOut, 60, BEGAN + 70 * SECOND)
    unbanned, row = channel.do(lift(ADA), 20)
    assert (type(unbanned), unbanned.was_ban, row.lifted) == (UserUnbanned, True, True)
    assert [channel.do(lift(BOB), 20)[0].was_ban, refusal(channel.do(lift(BOB), 20))] == [False, "not_banned"]
    assert channel.reasons((ADA, "hi", 21), (BOB, "hi", 21)) == ["", ""]


def test_a_time_out_that_is_over_cannot_be_lifted_and_a_new_one_replaces_one_that_runs(channel: ChatChannel) -> None:
    channel.silence(ADA, 10, seconds=100)
    channel.silence(ADA, 20, seconds=5)
    assert channel.reasons((ADA, "hi", 25)) == [""]
    assert refusal(channel.do(lift(ADA), 25)) == "not_banned"
    assert kinds(channel.silence(ADA, 30)) == [UserBanned, BanState]
    assert refusal(channel.silence(ADA, 31, seconds=5)) == refusal(channel.silence(ADA, 31)) == "already_banned"


@pytest.mark.parametrize(
    ("target", "by", "seconds", "reason"),
    [
        (BOB, ADA, None, "no_permission"),
        (BOB, VIP, 10, "no_permission"),
        (CHANNEL, MOD, 10, "bad_target"),
        (CHANNEL, CHANNEL, 10, "bad_target"),
        (MOD, MOD, 10, "bad_target"),
        ("5", MOD, 10, "bad_target"),
        (BOB, MOD, 0, "bad_value"),
        (BOB, MOD, 1_209_601, "bad_value"),
    ],
)
def test_who_may_not_be_silenced_or_may_not_silence_is_told(
    channel: ChatChannel, target: str, by: str, seconds: int | None, reason: str
) -> None:
    channel.do(grant("5"), 1)
    [answer] = channel.silence(target, 10, seconds, by=by)
    assert (type(answer), answer.reason, answer.target_id, answer.moderator_id) == (CommandRefused, reason, target, by)


def test_a_banned_moderator_is_none_any_more_and_one_who_is_timed_out_rests(channel: ChatChannel) -> None:
    assert kinds(channel.silence(MOD, 10, seconds=60, by=CHANNEL)) == [UserTimedOut, BanState]
    assert refusal(channel.do(ClearChat(channel_id=CHANNEL, moderator_id=MOD), 11)) == "no_permission"
    assert kinds(channel.do(ClearChat(channel_id=CHANNEL, moderator_id=MOD), 71)) == [ChatCleared]
    first, _, role, room = channel.silence(MOD, 80, by=CHANNEL)
    assert (type(first), role.role, role.granted, room.moderators) == (UserBanned, "moderator", False, ())
    channel.do(lift(MOD, by=CHANNEL), 90)
    assert refusal(channel.do(ClearChat(channel_id=CHANNEL, moderator_id=MOD), 91)) == "no_permission"


@pytest.mark.row("M6")
def test_a_message_is_taken_away_by_moderators_and_by_its_author(channel: ChatChannel) -> None:
    channel.do(grant("5"), 1)
    deleted = MessageDeleted(channel_id=CHANNEL, message_id="m9", user_id=ADA, moderator_id=MOD)
    assert channel.do(delete(ADA, MOD), 10) == [deleted]
    assert kinds(channel.do(delete(ADA, ADA), 10)) == kinds(channel.do(delete("5", CHANNEL), 10)) == [MessageDeleted]
    assert refusal(channel.do(delete(ADA, BOB), 10)) == "no_permission"
    assert refusal(channel.do(delete("5", MOD), 10)) == refusal(channel.do(delete(CHANNEL, MOD), 10)) == "bad_target"


def test_roles_are_the_broadcasters_to_give_and_to_take(channel: ChatChannel) -> None:
    changed, room = channel.do(grant(ADA, "vip"), 10)
    assert (type(changed), changed.role, changed.granted) == (RoleChanged, "vip", True)
    assert (room.vips, room.moderators) == ((ADA, VIP), (MOD,))
    assert refusal(channel.do(grant(ADA, "vip"), 11)) == "already_granted"
    assert channel.do(grant(ADA, "vip", granted=False), 12)[1].vips == (VIP,)
    assert refusal(channel.do(grant(ADA, "vip", granted=False), 13)) == "not_granted"
    assert refusal(channel.do(grant(ADA, by=MOD), 14)) == "no_permission"
    assert refusal(channel.do(grant(CHANNEL), 15)) == "bad_target"
    channel.silence(BOB, 16)
    assert refusal(channel.do(grant(BOB), 17)) == "bad_target"


def test_lists_of_roles_and_terms_are_bounded(channel: ChatChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "MOST", 3)
    monkeypatch.setattr(blocking, "MOST", 2)
    answers = [channel.do(grant(str(n)), n)[0] for n in range(10, 14)]
    assert [getattr(answer, "reason", "") for answer in answers] == ["", "", "too_many_roles", "too_many_roles"]
    answers = [channel.do(term(f"term {n}"), n)[0] for n in range(4)]
    assert [getattr(answer, "reason", "") for answer in answers] == ["", "", "too_many_terms", "too_many_terms"]


def test_terms_are_kept_once_in_one_writing_and_named_to_those_who_moderate_alone(channel: ChatChannel) -> None:
    changed, room = channel.do(term("  Big   BANANA "), 10)
    assert (type(changed), changed.blocked, changed.terms, room.terms) == (TermChanged, True, 1, ("big banana",))
    assert not hasattr(changed, "term")
    assert kinds(channel.do(term("big banana"), 11)) == [CommandDone]
    assert channel.reasons((ADA, "a big banana", 12)) == ["blocked_term"]
    assert channel.do(term("big banana", blocked=False), 13)[1].terms == ()
    assert channel.reasons((ADA, "a big banana", 14)) == [""]
    assert kinds(channel.do(term("big banana", blocked=False), 15)) == [CommandDone]
    assert refusal(channel.do(term("x"), 16)) == refusal(channel.do(term("x" * 101), 16)) == "bad_value"
    assert refusal(channel.do(term("banana", by=ADA), 17)) == "no_permission"


def test_modes_change_as_asked_and_what_is_not_named_stays(channel: ChatChannel) -> None:
    changed, room = channel.mode(10, slow_seconds=30, unique_chat=True)
    assert changed == ModeChanged(channel_id=CHANNEL, moderator_id=CHANNEL, slow_seconds=30, unique_chat=True)
    assert (room.slow_seconds, room.unique_chat, room.automod_level, room.auto_slow) == (30, True, 2, False)
    changed, room = channel.mode(11, by=MOD, slow_seconds=30, followers_only_minutes=0)
    assert changed == ModeChanged(channel_id=CHANNEL, moderator_id=MOD, followers_only_minutes=0)
    assert (room.slow_seconds, room.followers_only_minutes) == (30, 0)
    assert kinds(channel.mode(12, slow_seconds=30)) == kinds(channel.mode(12)) == [CommandDone]
    assert refusal(channel.mode(13, by=ADA, slow_seconds=1)) == "no_permission"
    for wrong in ({"slow_seconds": 121}, {"slow_seconds": -1}, {"followers_only_minutes": -2}, {"automod_level": 5}):
        assert refusal(channel.mode(14, emote_only=True, **wrong)) == "bad_value"
    assert not channel.rows[ROOM]["self"].emote_only


@pytest.mark.row("M4")
def test_a_doubtful_message_is_held_and_shown_under_its_id_once_it_is_approved(channel: ChatChannel) -> None:
    [held] = channel.post(ADA, DOUBTFUL, 10, color="#ff4f6d")
    assert isinstance(held, MessageHeld)
    assert held.automod_score > 0.5
    assert held.automod_model
    assert refusal(channel.do(review(held.message_id, by=ADA), 11)) == "no_permission"
    [shown] = channel.do(review(held.message_id), 12)
    assert isinstance(shown, MessagePosted)
    assert (shown.message_id, shown.approved_by, shown.first_message, shown.color) == (held.message_id, MOD, True, "#ff4f6d")
    assert (shown.automod_score, shown.automod_model, shown.text) == (held.automod_score, held.automod_model, DOUBTFUL)
    assert refusal(channel.do(review(held.message_id), 13)) == "unknown_message"


@pytest.mark.row("M4")
def test_a_held_message_is_closed_by_a_moderator_or_by_time(channel: ChatChannel) -> None:
    first, second, third = (channel.say(ADA, DOUBTFUL, at).message_id for at in (10, 20, 30))
    [denied] = channel.do(review(first, approved=False), 40)
    assert (type(denied), denied.message_id, denied.user_id, denied.moderator_id) == (MessageDenied, first, ADA, MOD)
    answer, denied = channel.post(BOB, "hello", 320)
    assert (type(answer), type(denied), denied.message_id, denied.moderator_id) == (MessagePosted, MessageDenied, second, None)
    answer, denied = channel.do(review(third), 330)
    assert (answer.reason, denied.message_id) == ("unknown_message", third)
    assert not channel.rows[HELD]
    assert not channel.rows[HELD_ORDER]


def test_of_too_many_held_messages_the_oldest_is_denied(channel: ChatChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews, "MOST", 3)
    ids = [channel.say(str(50 + n), DOUBTFUL, 10).message_id for n in range(10)]
    assert list(channel.rows[HELD]) == ids[-3:]


def test_a_held_message_that_its_author_takes_back_is_closed_for_moderators_too(channel: ChatChannel) -> None:
    held = channel.say(ADA, DOUBTFUL, 10)
    assert kinds(channel.do(delete(ADA, ADA, held.message_id), 11)) == [MessageDeleted, MessageDenied]
    assert refusal(channel.do(review(held.message_id), 12)) == "unknown_message"


def test_what_is_held_is_kept_as_it_was_sealed(channel: ChatChannel) -> None:
    text = Opened.of(DOUBTFUL, "pii1:sealed", ADA, "text")
    held = channel.say(ADA, text, 10)
    assert held.text == "pii1:sealed"
    assert channel.rows[HELD][held.message_id].text == "pii1:sealed"
    assert channel.do(review(held.message_id), 11)[0].text == "pii1:sealed"


@pytest.mark.row("M3")
@pytest.mark.parametrize(
    "text",
    [
        "you are an idiot",
        "what an idiot you are",
        "shut up you idiot",
        "you are a moron",
        "you are a worthless piece of trash",
        "nobody likes you loser",
        "shut up you 1d1ot",
        "you are p\u200bathetic and disgusting",
        "i will find you and hurt you",
    ],
)
def test_a_plain_insult_is_held_in_a_calm_chat_as_channels_are_at_first(channel: ChatChannel, text: str) -> None:
    assert isinstance(channel.say(ADA, text, 10), MessageHeld)


@pytest.mark.row("M3")
@pytest.mark.parametrize(
    "text", ["gg", "i am an idiot lol", "i hate this boss", "kill the dragon already", "you are insane at this", "that idiot of a boss"]
)
def test_what_is_said_of_oneself_or_of_a_game_passes(channel: ChatChannel, text: str) -> None:
    assert isinstance(channel.say(ADA, text, 10), MessagePosted)


def test_automod_asks_nobody_about_moderators_and_nothing_at_level_0(channel: ChatChannel) -> None:
    assert channel.say(MOD, DOUBTFUL, 10).automod_model == ""
    channel.mode(11, automod_level=0)
    assert channel.say(ADA, DOUBTFUL, 12).automod_model == ""
    assert channel.rows[FLOW]["self"].context == 0
    channel.mode(13, automod_level=4)
    assert isinstance(channel.say(ADA, DOUBTFUL, 14), MessageHeld)
    assert channel.rows[FLOW]["self"].context > 0


@pytest.mark.row("C16")
def test_a_backlog_slows_the_room_and_calm_takes_that_back(channel: ChatChannel) -> None:
    assert channel.do(backlog(400), 10) == []
    changed, room = channel.do(backlog(101, "edge-2"), 11)
    assert changed == ModeChanged(channel_id=CHANNEL, slow_seconds=10)
    assert (room.slow_seconds, room.auto_slow) == (10, True)
    assert channel.reasons((ADA, "hi", 12), (ADA, "hi", 20), (ADA, "hi", 22)) == ["", "slow_mode", ""]
    assert channel.do(backlog(0), 15) == channel.do(backlog(60, "edge-2"), 30) == []
    assert channel.do(backlog(50, "edge-2"), 59) == []
    said, changed, room = channel.post(ADA, "hi", 60)
    assert isinstance(said, MessagePosted)
    assert changed == ModeChanged(channel_id=CHANNEL, slow_seconds=0)
    assert (room.slow_seconds, room.auto_slow) == (0, False)


@pytest.mark.row("C16")
def test_reports_of_an_edge_that_fell_silent_do_not_count(channel: ChatChannel) -> None:
    channel.do(backlog(400), 10)
    assert channel.do(backlog(400, "edge-2"), 16) == []
    assert list(channel.rows[NODES]) == ["edge-2"]
    assert kinds(channel.do(backlog(400), 17)) == [ModeChanged, RoomState]


@pytest.mark.row("C16")
def test_a_moderators_own_slow_mode_comes_back_and_a_longer_one_holds(channel: ChatChannel) -> None:
    channel.mode(1, slow_seconds=5)
    assert channel.do(backlog(900), 10)[0].slow_seconds == 10
    assert kinds(channel.mode(11, slow_seconds=7)) == [CommandDone], "the platform's is longer"
    changed, room = channel.mode(12, slow_seconds=60)
    assert (changed.slow_seconds, room.slow_seconds, room.auto_slow) == (60, 60, True)
    channel.mode(13, slow_seconds=7)
    _, changed, room = channel.post(ADA, "hi", 41)
    assert (changed.slow_seconds, changed.moderator_id, room.slow_seconds, room.auto_slow) == (7, None, 7, False)


def test_announcements_are_for_moderators(channel: ChatChannel) -> None:
    ask = Announce(
        channel_id=CHANNEL, message_id="a1", user_id=MOD, user_login="mod", display_name="Mod", text="chroniRaid at 9", accent="blue"
    )
    [notice] = channel.do(ask, 10)
    assert (type(notice), notice.kind, notice.message_id, notice.accent) == (NoticePosted, "announcement", "a1", "blue")
    assert (notice.text, notice.badges, notice.emotes[0].emote_id) == ("chroniRaid at 9", ("moderator/1",), "raid")
    import msgspec

    assert refusal(channel.do(msgspec.structs.replace(ask, user_id=ADA), 11)) == "no_permission"
    assert refusal(channel.do(msgspec.structs.replace(ask, text=" "), 12)) == "bad_value"
    assert refusal(channel.do(msgspec.structs.replace(ask, accent="pink"), 13)) == "bad_value"


@pytest.mark.row("S2")
def test_subscriptions_and_raids_are_shown(channel: ChatChannel) -> None:
    def subscribed(months: int, **more: str):
        return channel.do(RecordSubscription(channel_id=CHANNEL, user_id=ADA, plan="tier2", cumulative_months=months, **more), 10)[0]

    assert [subscribed(1).kind, subscribed(4).kind, subscribed(1, gifter_id=BOB).kind] == ["sub", "resub", "subgift"]
    notice = subscribed(7)
    assert (notice.plan, notice.months, notice.badges, notice.badge_info) == ("tier2", 7, ("subscriber/6",), ("subscriber/7",))
    assert notice.message_id == f"e{channel.offset}"
    [raid] = channel.do(RecordRaid(channel_id=CHANNEL, from_channel_id=BOB, viewers=42), 11)
    assert (raid.kind, raid.user_id, raid.viewers) == ("raid", BOB, 42)


def test_each_command_has_one_answer_and_it_comes_first(channel: ChatChannel) -> None:
    """A gateway tells the one who asked by the first event that names the command."""
    answers = {MessagePosted, MessageHeld, CommandRefused, CommandDone, ModeChanged, UserBanned, RoleChanged, TermChanged, MessageDeleted}
    for second in (10, 20, 30):
        channel.say(ADA, DOUBTFUL, second)
    for events in (
        channel.mode(1_000, slow_seconds=3),
        channel.silence(BOB, 1_001),
        channel.do(grant("5"), 1_002),
        channel.do(term("banana"), 1_003),
        channel.do(delete(ADA, ADA), 1_004),
    ):
        assert type(events[0]) in answers
        assert sum(type(event) in answers for event in events) == 1


def test_no_row_grows_with_the_users(channel: ChatChannel) -> None:
    import msgspec

    channel.mode(1, unique_chat=True)
    size = {}
    for n in range(20_000):
        channel.say(str(10_000 + n), chr(0x4E00 + n), 10 + n / 1_000)
        if n in (1_999, 19_999):
            size[n] = max(len(msgspec.msgpack.encode(row)) for rows in channel.rows.values() for row in rows.values())
    assert size[1_999] == size[19_999] < 200
    assert len(channel.rows[USERS]) == 20_002
    per_user = sum(len(msgspec.msgpack.encode(row)) for row in channel.rows[USERS].values()) / 20_002
    assert per_user < 20
    assert sum(len(rows) for table, rows in channel.rows.items() if table in (ROOM, ROSTER, FLOW)) == 3
