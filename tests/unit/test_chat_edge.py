"""The chat edge: what people ask for becomes commands on the log, clean, sealed, bounded in rate, and nothing is decided."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from schemas.event import Event
from schemas.events import Announce, ChannelProfile, PostMessage, ReportBacklog, SanctionUser, UserSpoke, UserStyle
from schemas.privacy_codec import OpeningCodec, SealedCodec
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.chat.sending import InvalidCommandError, Origin, Person, Sending, ShedError
from streams.edges.accounts import Accounts
from streams.edges.chat import edge as module
from streams.edges.chat.commands import TYPES
from streams.edges.chat.edge import ChatEdge
from streams.edges.chat.shedding import Limits, Rate
from streams.edges.chat.waiting import AGE_S, Waiting
from streams.errors import BacklogFullError
from streams.fold import At
from streams.log_memory import MemoryLog
from streams.privacy.master import MasterKeys
from streams.privacy.ring import KEYS, KeyRing
from streams.publisher import Publisher
from streams.topics import OF_EVENT

ANN = Person("7", "ann", "Ann", "#35a7ff")
HERE = Origin("192.0.2.1", 1)
MESSAGE = "00000000-0000-4000-8000-000000000001"


class Stage:
    """An edge on a log in memory, with a steady clock that the test turns."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        registry = LocalRegistry()
        self.log, self.seconds = MemoryLog(), 1_000.0
        self.ring = KeyRing(self.log, Codec(registry), MasterKeys.at(folder / "master.key"), "chat-1")
        self.ring.start()
        self.opening = OpeningCodec(registry, self.ring)
        accounts = Accounts()
        for number, login in (("7", "ann"), ("8", "bob"), ("9", "channel")):
            profile = ChannelProfile(channel_id=number, login=login, display_name=login, tier="regular", client_id="c", created_at=1)
            accounts.apply(profile, At("channel.profile.state.v1", 0, 0, 0))
        publisher = Publisher(self.log, SealedCodec(registry, self.ring), "chat-1")
        self.edge = ChatEdge(publisher, self.ring, accounts, "chat-1", limits=limits, clock=lambda: self.seconds)
        self.sending: Sending = self.edge

    def raw(self, kind: type[Event]) -> list[bytes]:
        topic = OF_EVENT[kind].name
        records = [r for p, end in self.log.ends(topic).items() for batch in self.log.read(topic, p, 0, end) for r in batch]
        return [r.value for r in records if r.value is not None]

    def events(self, kind: type[Event]) -> list[Any]:
        return [event for value in self.raw(kind) if isinstance(event := self.opening.decode(value), kind)]


@pytest.fixture
def limits() -> Limits:
    return Limits(connection=Rate(1, 3), address=Rate(1, 5))


@pytest.fixture
def stage(tmp_path: Path, limits: Limits) -> Iterator[Stage]:
    made = Stage(tmp_path, limits)
    yield made
    made.ring.close()
    made.log.close()


@pytest.mark.row("C1")
async def test_what_is_said_is_a_sealed_command_and_counts_towards_the_users_pace(stage: Stage) -> None:
    message_id = await stage.sending.say(ANN, "9", "  hello\r\nworld\0 ", origin=HERE, action=True, reply_to=MESSAGE)
    [post] = stage.events(PostMessage)
    assert (post.event_id, post.message_id, post.channel_id, post.user_id, post.text) == (message_id, message_id, "9", "7", "hello world")
    assert (post.user_login, post.display_name, post.color, post.action, post.reply_to) == ("ann", "Ann", "#35a7ff", True, MESSAGE)
    [spoke] = stage.events(UserSpoke)
    assert (spoke.user_id, spoke.channel_id, spoke.causation_id) == ("7", "9", message_id)
    assert all(b"hello" not in value for value in stage.raw(PostMessage))


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("e\u0301", "é"),
        ("a\tb\u2028c", "a b c"),
        ("\x01\x1b[31mred\x7f\x9b", "[31mred"),
        ("half \ud83d pair", "half  pair"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("e\u0301" * 500, "é" * 500),
        ("x" * 500 + " ", "x" * 500),
    ],
)
async def test_a_text_is_one_clean_line(stage: Stage, written: str, taken: str) -> None:
    await stage.sending.say(ANN, "9", written, origin=HERE)
    assert [post.text for post in stage.events(PostMessage)] == [taken]


@pytest.mark.row("U10")
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"text": "x" * 501}, "501 characters and may have 500"),
        ({"text": "\u0301" * 100_000}, "100000 characters"),
        ({"text": "\n\0 "}, "no visible characters"),
        ({"text": "x", "channel_id": "404"}, "no channel with the id 404"),
        ({"text": "x", "reply_to": "that one"}, "no message id"),
    ],
)
async def test_what_cannot_be_said_is_told_with_cause_and_nothing_is_handed_in(stage: Stage, values: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidCommandError, match=told):
        await stage.sending.say(ANN, **{"channel_id": "9", **values}, origin=HERE)
    assert not stage.raw(PostMessage)
    assert not stage.raw(UserSpoke)


COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("DeleteMessage", {"message_id": MESSAGE, "user_id": "8"}),
    ("SanctionUser", {"user_id": "8", "seconds": 600, "reason": "spam\n"}),
    ("SanctionUser", {"user_id": "8"}),
    ("LiftSanction", {"user_id": "8"}),
    ("ClearChat", {}),
    ("ChangeMode", {"slow_seconds": 30, "emote_only": True}),
    ("ChangeTerm", {"term": "cabbage", "blocked": True}),
    ("ReviewMessage", {"message_id": MESSAGE, "approved": False}),
    ("GrantRole", {"user_id": "8", "role": "moderator", "granted": True}),
    ("Announce", {"text": "welcome", "accent": "blue"}),
]


@pytest.mark.row("C1")
async def test_every_command_of_the_contract_reaches_the_log_in_the_name_of_the_one_who_asks(stage: Stage) -> None:
    assert {kind for kind, _ in COMMANDS} == set(TYPES)
    for number, (kind, values) in enumerate(COMMANDS):
        event_id = await stage.sending.command(ANN, kind, "9", origin=Origin(f"192.0.2.{number}", number), **values)
        [event] = [event for event in stage.events(TYPES[kind]) if event.event_id == event_id]
        assert event.channel_id == "9"
        assert (event.user_id if isinstance(event, Announce) else event.moderator_id) == "7"
        for name, value in values.items():
            assert getattr(event, name) == (value.strip() if isinstance(value, str) else value)


@pytest.mark.row("E8")
async def test_a_reason_is_sealed_by_the_key_of_the_one_it_is_about(stage: Stage) -> None:
    await stage.sending.command(ANN, "SanctionUser", "9", origin=HERE, user_id="8", reason="spam")
    assert [event.reason for event in stage.events(SanctionUser)] == ["spam"]
    keys = [r.key for batch in stage.log.read(KEYS, 0, 0, stage.log.ends(KEYS)[0]) for r in batch]
    assert [key.split(b".")[0] for key in keys] == [b"8"]


@pytest.mark.row("U10")
@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        ("PostMessage", {}, "no command 'PostMessage'; there are Announce"),
        ("ThrottleUser", {"user_id": "8", "until": 5}, "no command"),
        ("ClearChat", {"moderator_id": "1"}, "no moderator_id to be given; it takes nothing"),
        ("SanctionUser", {"user_id": "8", "minutes": 5}, "no minutes to be given; it takes user_id, seconds, reason"),
        ("SanctionUser", {}, "missing required field `user_id`"),
        ("SanctionUser", {"user_id": "8", "seconds": "many"}, "Expected `int | null`, got `str`"),
        ("SanctionUser", {"user_id": "8", "seconds": 2**40}, "outside of what it takes"),
        ("SanctionUser", {"user_id": "nobody"}, "user_id is 'nobody'; it is decimal digits"),
        ("SanctionUser", {"user_id": "404"}, "no user with the id 404"),
        ("SanctionUser", {"user_id": 8}, "Expected `str`"),
        ("DeleteMessage", {"message_id": "1", "user_id": "8"}, "it is a UUID"),
        ("GrantRole", {"user_id": "8", "role": "king", "granted": True}, "Invalid enum value 'king'"),
        ("Announce", {"text": " "}, "text is empty"),
        ("Announce", {"text": "x", "accent": "pink"}, "accent is one of primary"),
        ("ChangeTerm", {"term": "x" * 501, "blocked": True}, "may have 500"),
    ],
)
async def test_a_command_that_is_none_is_told_with_cause_and_nothing_is_handed_in(
    stage: Stage, kind: str, values: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidCommandError, match=told):
        await stage.sending.command(ANN, kind, "9", origin=HERE, **values)
    assert not stage.raw(PostMessage)


@pytest.mark.row("M8")
async def test_a_flood_is_shed_by_the_layer_that_it_comes_through_and_the_rest_goes_on(stage: Stage) -> None:
    for _ in range(3):
        await stage.sending.say(ANN, "9", "hello", origin=HERE)
    with pytest.raises(ShedError, match="connection sends too fast") as flood:
        await stage.sending.say(ANN, "9", "hello", origin=HERE)
    assert flood.value.wait_ms == 1_000
    for _ in range(2):
        await stage.sending.say(ANN, "9", "hello", origin=Origin(HERE.address, 2))
    with pytest.raises(ShedError, match="IP address sends too fast"):
        await stage.sending.command(ANN, "ClearChat", "9", origin=Origin(HERE.address, 3))
    await stage.sending.say(ANN, "9", "hello", origin=Origin("192.0.2.2", 4))
    assert len(stage.raw(PostMessage)) == 6
    stage.seconds += flood.value.wait_ms / 1_000
    await stage.sending.say(ANN, "9", "hello", origin=HERE)


@pytest.mark.row("M8")
async def test_requests_of_the_api_are_no_connection_and_shed_by_their_address(stage: Stage) -> None:
    for number in range(10):
        await stage.sending.command(ANN, "ClearChat", "9", origin=Origin(f"192.0.2.{number // 5}", 0))
    with pytest.raises(ShedError, match="IP address"):
        await stage.sending.command(ANN, "ClearChat", "9", origin=Origin("192.0.2.0", 0))


async def test_a_colour_is_a_row_and_what_is_none_is_told(stage: Stage) -> None:
    await stage.sending.color(ANN, "#12ABef")
    assert [style.color for style in stage.events(UserStyle)] == ["#12ABef"]
    with pytest.raises(InvalidCommandError, match="#RRGGBB"):
        await stage.sending.color(ANN, "red")
    for _ in range(4):
        await stage.sending.color(ANN, "#000000")
    with pytest.raises(InvalidCommandError, match="again in 2 s"):
        await stage.sending.color(ANN, "#000000")


class AwayLog(MemoryLog):
    """A broker that is away: what is appended waits, and more than `room` is refused."""

    room = 0

    def append(self, topic: str, key: bytes, value: bytes | None, **options: Any) -> Future[Any]:
        if topic != KEYS and self.room <= 0:
            raise BacklogFullError("200000 records wait")
        self.room -= topic != KEYS
        return super().append(topic, key, value, **options) if topic == KEYS else Future()


@pytest.mark.row("C20")
async def test_while_the_broker_is_away_commands_wait_in_the_queue_and_beyond_it_the_sender_is_told_to_wait(
    stage: Stage,
) -> None:
    away = AwayLog()
    away.room = 3
    stage.edge._publisher._log = away
    await asyncio.wait_for(stage.sending.say(ANN, "9", "hello", origin=HERE), 5)
    await stage.sending.say(ANN, "9", "hello", origin=HERE)  # its pace finds no room: the message is on its way all the same
    with pytest.raises(ShedError, match="platform cannot take it") as full:
        await stage.sending.say(ANN, "9", "hello", origin=HERE)
    assert full.value.wait_ms == module.FULL_WAIT_MS
    assert [backlog.waiting for backlog in stage.edge._waiting.backlogs(stage.seconds)] == [2]


async def test_who_goes_away_while_a_key_is_made_takes_nothing_from_who_waits_for_it_too(stage: Stage) -> None:
    making: Future[None] = Future()
    stage.ring._making["7"] = making
    gone, stays = (asyncio.create_task(stage.sending.say(ANN, "9", "hello", origin=HERE)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    assert not making.cancelled()
    del stage.ring._making["7"]
    stage.ring.ready("7").result(5)
    making.set_result(None)
    await stays
    assert len(stage.raw(PostMessage)) == 1


@pytest.mark.parametrize("limits", [Limits(connection=Rate(1, 1_000), address=Rate(1, 1_000))])
async def test_a_backlog_is_told_while_it_lasts_and_once_when_it_is_over(stage: Stage) -> None:
    sent = [await stage.sending.say(ANN, "9", f"message {n}", origin=HERE) for n in range(module.REPORTED)]
    stage.edge._waiting.add("elsewhere", "8", stage.seconds)
    stage.seconds += 2.5
    stage.edge.report(stage.seconds)
    for message_id in sent[1:]:
        stage.sending.answered(message_id)
        stage.sending.answered(message_id)
    stage.sending.answered("of another process")
    stage.edge.report(stage.seconds)
    stage.edge.report(stage.seconds)
    told = [(report.channel_id, report.node, report.waiting, report.oldest_ms) for report in stage.events(ReportBacklog)]
    assert told == [("9", "chat-1", module.REPORTED, 2_500), ("9", "chat-1", 0, 0)]


async def test_reports_go_on_by_themselves_until_the_edge_is_closed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPORT_S", 0.01)
    monkeypatch.setattr(module, "REPORTED", 1)
    stage.edge.start()
    await stage.sending.say(ANN, "9", "hello", origin=HERE)
    while not stage.events(ReportBacklog):
        await asyncio.sleep(0.01)
    await stage.edge.close()
    count = len(stage.events(ReportBacklog))
    await asyncio.sleep(0.05)
    assert len(stage.events(ReportBacklog)) == count


@pytest.mark.row("C20")
async def test_where_too_much_waits_for_an_answer_more_is_refused_and_a_moderators_command_is_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.edges.chat.waiting.MOST", 2)
    first, _ = [await stage.sending.say(ANN, "9", f"message {n}", origin=HERE) for n in range(2)]
    with pytest.raises(ShedError, match=r"waits for its answer. Try again in 2\.0 s") as full:
        await stage.sending.say(ANN, "9", "one more", origin=Origin("192.0.2.2", 2))
    assert full.value.wait_ms == module.FULL_WAIT_MS
    assert len(stage.events(PostMessage)) == 2, "what is refused is not on the log"
    await stage.sending.command(ANN, "SanctionUser", "9", origin=Origin("192.0.2.2", 2), user_id="8")
    stage.sending.answered(first)
    await stage.sending.say(ANN, "9", "again", origin=Origin("192.0.2.2", 2))
    assert len(stage.events(PostMessage)) == 3


def test_what_waits_is_bounded_in_age() -> None:
    waiting = Waiting()
    for number in range(2_000):
        waiting.add(str(number), str(number % 2), float(number))
    assert waiting.remove("7") == 7
    assert waiting.remove("7") is None
    assert waiting.sweep(AGE_S + 1_000) == 1_000
    assert {backlog.channel_id: int(backlog.oldest_s) for backlog in waiting.backlogs(AGE_S + 1_000)} == {"0": 598, "1": 599}
