"""Whatever is asked of a chat, in whatever pieces it is folded: rows, ids and answers are the same, and the limits hold."""

import asyncio
from collections import defaultdict

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.chat import CHAT
from processors.chat.emotes import ALL, spans
from schemas.events import (
    ChangeMode,
    ChangeTerm,
    DeleteMessage,
    GrantRole,
    LiftSanction,
    MessageHeld,
    MessagePosted,
    MessageRefused,
    PostMessage,
    ReportBacklog,
    ReviewMessage,
    SanctionUser,
    ThrottleUser,
)
from streams.runner import Runner
from streams.store_memory import MemoryStores
from tests.chat_channel import BEGAN, CHANNEL, SECOND, ChatChannel
from tests.simulation.memory_driver import Abort, MemoryDriver

COMMANDS = "chat.message.commands.v1"
CHANNELS, USERS = st.sampled_from("123"), st.sampled_from("1234567")
MESSAGES = st.integers(0, 30).map("m{}".format)
TEXTS = st.sampled_from(["hello", "HELLO", "you idiot", "a banana", "", "chroniHype <3", "x" * 501])
COMMON = {"channel_id": CHANNELS, "user_id": USERS, "moderator_id": USERS}
EVENTS = st.one_of(
    *[st.builds(PostMessage, channel_id=CHANNELS, message_id=MESSAGES, user_id=USERS, user_login=USERS, display_name=USERS, text=TEXTS)]
    * 4,
    st.builds(DeleteMessage, **COMMON, message_id=MESSAGES),
    st.builds(SanctionUser, **COMMON, seconds=st.sampled_from([None, 1, 60])),
    st.builds(LiftSanction, **COMMON),
    st.builds(GrantRole, **COMMON, role=st.sampled_from(["moderator", "vip"]), granted=st.booleans()),
    st.builds(
        ChangeMode,
        channel_id=CHANNELS,
        moderator_id=CHANNELS,
        slow_seconds=st.sampled_from([None, 0, 5]),
        emote_only=st.sampled_from([None, None, False, True]),
        unique_chat=st.sampled_from([None, True, False]),
        automod_level=st.sampled_from([None, 0, 3]),
    ),
    st.builds(ChangeTerm, channel_id=CHANNELS, moderator_id=CHANNELS, term=st.sampled_from(["banana", "hello"]), blocked=st.booleans()),
    st.builds(ReviewMessage, channel_id=CHANNELS, message_id=MESSAGES, moderator_id=CHANNELS, approved=st.booleans()),
    st.builds(ReportBacklog, channel_id=CHANNELS, node=st.sampled_from(["a", "b"]), waiting=st.integers(0, 900), oldest_ms=st.just(1)),
    st.builds(ThrottleUser, channel_id=CHANNELS, user_id=USERS, until=st.integers(BEGAN, BEGAN + 60 * SECOND)),
)
TIMED = st.tuples(EVENTS, st.floats(0, 600))
SCRIPTS = st.lists(TIMED, max_size=60)


class Driver(MemoryDriver):
    """A driver whose events have times of their own."""

    def __init__(self) -> None:
        super().__init__(CHAT)
        self._now = BEGAN

    def _append(self, item):
        if isinstance(item, tuple):
            event, pause = item
            self._now += round(pause * pause / 60 * SECOND)
            stamped = msgspec.structs.replace(event, event_id=f"id-{self._sent}", occurred_at=self._now)
            position = self.publisher.publish(stamped).result()
            return position.partition, position.offset
        return super()._append(item)


def run(script, batch=7, redelivered=0):
    driver = Driver()
    driver.batch, driver.redelivered = batch, redelivered
    driver.append(script)
    return driver.run()


@pytest.mark.row("C2")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(TIMED, st.sampled_from(Abort)), max_size=60), st.integers(1, 20), st.integers(0, 30))
def test_crashes_redelivery_and_any_batches_change_neither_rows_nor_ids_nor_answers(script, batch, redelivered) -> None:
    while script and isinstance(script[0], Abort):
        script.pop(0)
    calm = run([item for item in script if not isinstance(item, Abort)])
    crashed = run(script, batch, redelivered)
    assert crashed == calm
    assert all(len(contents) == 1 for contents in crashed.outputs.values())


@settings(max_examples=50, deadline=None)
@given(SCRIPTS, st.data())
def test_one_record_at_a_time_or_any_pieces_end_in_the_same_rows(script, data) -> None:
    driver = Driver()
    driver.append(script)

    async def folded(cuts) -> list:
        stores = MemoryStores()
        runner = Runner(CHAT, driver.log, driver.codec, stores)
        for partition, end in driver.log.ends(COMMANDS).items():
            await runner.open(partition)
            at = 0
            for cut in [*cuts(end), end]:
                await runner.run_batch(partition, [r for batch in driver.log.read(COMMANDS, partition, at, cut) for r in batch])
                at = cut
            await runner.close(partition)
        return [(dict(s.scan(b"")), s.progress()) for s in (stores.open("chat.v1", p) for p in driver.partitions)]

    singly = asyncio.run(folded(lambda end: range(1, end)))
    assert asyncio.run(folded(lambda end: sorted(data.draw(st.lists(st.integers(0, end), max_size=4))))) == singly


@pytest.mark.row("C2", "C6")
@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("567"), st.floats(0, 2)), max_size=60), st.sampled_from([0, 3]))
def test_messages_of_a_user_are_never_closer_than_the_limit_and_stay_in_order(said, slow) -> None:
    channel = ChatChannel()
    channel.mode(1, slow_seconds=slow)
    second, taken, order = 10.0, defaultdict(list), []
    for user, pause in said:
        second = round(second + pause, 6)
        answer = channel.say(user, "hello", second)
        if isinstance(answer, MessagePosted):
            assert not taken[user] or second - taken[user][-1] >= max(1, slow) - 1e-9
            taken[user].append(second)
            order.append(int(answer.message_id[1:]))
        else:
            assert isinstance(answer, MessageRefused)
            assert (max(1, slow) - (second - taken[user][-1])) * 1_000 <= answer.wait_ms + 1e-3 or answer.reason == "rate"
    assert order == sorted(order)


@pytest.mark.row("C3")
@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 20)), min_size=1, max_size=20), st.lists(st.integers(0, 400), max_size=20))
def test_a_time_out_holds_to_its_last_microsecond_and_the_newest_counts(outs, asked) -> None:
    channel = ChatChannel()
    commands = []
    second = 10
    for seconds, pause in outs:
        second += pause
        commands.append((second * SECOND, seconds * SECOND))
        channel.silence("7", second, seconds)
    until = commands[-1][0] + commands[-1][1]
    for after in sorted(asked):
        at = commands[-1][0] + after * SECOND // 10
        answer = channel.say("7", "hello", at / SECOND)
        assert (getattr(answer, "reason", "") == "timed_out") == (at < until)
    assert getattr(channel.say("7", "hello", (until - 1) / SECOND), "reason", "") in ("timed_out", "rate")


@pytest.mark.row("M4")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 200), st.sampled_from(["say", "approve", "deny", "delete"]), st.integers(0, 20)), max_size=60))
def test_every_held_message_is_closed_once_and_none_is_forgotten(steps) -> None:
    channel = ChatChannel()
    second, open_, closed = 10.0, [], []
    for pause, what, which in [*steps, *[(400.0, "say", 0)] * 40]:
        second += pause
        if what == "say":
            made = channel.post(str(1_000 + channel.offset), "you idiot" if pause < 400 else "fine", second)
            open_ += [made[0].message_id] if isinstance(made[0], MessageHeld) else []
        elif open_ and what == "delete":
            asked = DeleteMessage(channel_id=CHANNEL, message_id=open_[which % len(open_)], user_id="9", moderator_id="9")
            made = channel.do(asked, second)
        elif open_:
            message = open_[which % len(open_)]
            made = channel.do(
                ReviewMessage(channel_id=CHANNEL, message_id=message, moderator_id=CHANNEL, approved=what == "approve"), second
            )
        else:
            made = []
        closed += [e.message_id for e in made if type(e).__name__ == "MessageDenied" or getattr(e, "approved_by", None)]
    assert sorted(closed) == sorted(open_)


@pytest.mark.row("C4")
@given(st.lists(st.one_of(st.sampled_from(sorted(ALL)), st.text(max_size=8)), max_size=12).map(" ".join), st.booleans())
def test_emote_spans_are_whole_words_in_order_within_the_text(text, subscriber) -> None:
    end = -1
    for span in spans(text, subscriber=subscriber):
        assert end < span.begin <= span.end < len(text)
        assert ALL[text[span.begin : span.end + 1]] == span.emote_id
        assert text[span.begin - 1 : span.begin] in ("", " ")
        assert text[span.end + 1 : span.end + 2] in ("", " ")
        end = span.end
