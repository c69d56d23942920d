"""A connection goes through the handshake that clients made for Twitch expect, and through rooms; what is wrong is answered."""

import asyncio

import pytest

from sinks.chat.irc.line import Line
from sinks.chat.irc.session import LINES
from tests.irc_room import MemoryConnection, MemoryHub, token

GREETING = ["001", "002", "003", "004", "375", "372", "376"]
ROOM_STATE = {"emote-only": "0", "followers-only": "-1", "r9k": "0", "room-id": "1", "slow": "0", "subs-only": "0"}


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub()


def commands(lines: list[Line]) -> list[str]:
    return [line.command for line in lines]


def notices(lines: list[Line]) -> list[tuple[str, str]]:
    return [(line.tags.get("msg-id", ""), line.params[-1]) for line in lines if line.command == "NOTICE"]


@pytest.mark.row("C22", "U6")
@pytest.mark.parametrize(
    "handshake",
    [
        ["CAP REQ :twitch.tv/tags twitch.tv/commands", f"PASS oauth:{token('mia')}", "NICK mia"],
        [f"PASS oauth:{token('mia')}", "NICK MIA", "CAP REQ :twitch.tv/tags", "CAP REQ :twitch.tv/commands"],
        ["NICK other", f"PASS oauth:{token('mia')}", "USER mia 0 * :mia", "CAP END"],
        [f"PASS oauth:{token('mia')}\r\nNICK mia\r\nCAP REQ :twitch.tv/commands\r\n"],
    ],
)
async def test_the_token_decides_the_login_in_any_order_of_the_handshake(hub: MemoryHub, handshake: list[str]) -> None:
    client = hub.connect()
    heard = client.says(*handshake)
    greeting = [line for line in heard if line.command in GREETING]
    assert commands(greeting) == GREETING
    assert {line.params[0] for line in greeting} == {"mia"}
    assert {line.prefix for line in greeting} == {"tmi.twitch.tv"}
    assert client.person is not None
    assert client.person.login == "mia"
    assert client.ended is None


@pytest.mark.row("C22")
async def test_a_signed_in_client_with_commands_is_told_its_state_after_the_greeting(hub: MemoryHub) -> None:
    client = hub.connect()
    client.says("CAP REQ :twitch.tv/tags twitch.tv/commands", f"PASS oauth:{token('mia')}")
    state = client.says("NICK mia")[-1]
    assert state.command == "GLOBALUSERSTATE"
    assert state.tags == {
        "badge-info": "",
        "badges": "",
        "color": hub.accounts.color("2"),
        "display-name": "Mia",
        "emote-sets": "0",
        "user-id": "2",
        "user-type": "",
    }


@pytest.mark.row("C22")
@pytest.mark.parametrize("before", [[], ["PASS SCHMOOPIIE"], ["PASS oauth:nobody"]])
async def test_justinfan_needs_no_token_and_is_nobody(hub: MemoryHub, before: list[str]) -> None:
    client = hub.connect()
    heard = client.says(*before, "NICK justinfan123")
    assert commands(heard) == GREETING
    assert heard[0].params[0] == "justinfan123"
    assert client.person is None


@pytest.mark.row("C22")
@pytest.mark.parametrize(
    ("handshake", "text"),
    [
        (["PASS oauth:wrong", "NICK mia"], "Login authentication failed"),
        (["NICK mia", "PASS oauth:"], "Login authentication failed"),
        (["PASS wrong", "NICK mia"], "Improperly formatted auth"),
        (["NICK m!a"], "Invalid NICK"),
    ],
)
async def test_a_failed_login_is_told_in_the_words_clients_compare_and_closed(hub: MemoryHub, handshake: list[str], text: str) -> None:
    client = hub.connect()
    [notice] = client.says(*handshake)
    assert (notice.command, notice.params) == ("NOTICE", ["*", text])
    assert client.ended is not None
    assert client.says("NICK justinfan1") == []


@pytest.mark.row("C22")
async def test_capabilities_are_listed_granted_as_asked_and_refused_as_a_whole(hub: MemoryHub) -> None:
    client = hub.connect()
    [listed] = client.says("CAP LS 302")
    assert listed.params == ["*", "LS", "twitch.tv/commands twitch.tv/membership twitch.tv/tags chronicast.live/history"]
    [granted] = client.says("CAP REQ :twitch.tv/tags  twitch.tv/commands")
    assert granted.params == ["*", "ACK", "twitch.tv/tags twitch.tv/commands"]
    [refused] = client.says("CAP REQ :twitch.tv/membership example.org/none")
    assert refused.params == ["*", "NAK", "twitch.tv/membership example.org/none"]
    [dropped] = client.says("CAP REQ :-twitch.tv/tags")
    assert dropped.params == ["*", "ACK", "-twitch.tv/tags"]
    [held] = client.says("CAP LIST")
    assert held.params == ["*", "LIST", "twitch.tv/commands"]


@pytest.mark.row("C10", "C22")
async def test_a_join_is_answered_in_the_order_that_clients_wait_for(hub: MemoryHub) -> None:
    client = hub.signed_in("mia")
    join, names, end, user, room = client.says("JOIN #owl")
    assert (join.command, join.params, join.prefix) == ("JOIN", ["#owl"], "mia!mia@mia.tmi.twitch.tv")
    assert (names.command, names.params) == ("353", ["mia", "=", "#owl", "mia"])
    assert (end.command, end.params) == ("366", ["mia", "#owl", "End of /NAMES list"])
    assert (user.command, user.params) == ("USERSTATE", ["#owl"])
    assert set(user.tags) == {"badge-info", "badges", "color", "display-name", "emote-sets", "mod", "subscriber", "user-type"}
    assert user.tags["emote-sets"] == "0"
    assert (room.command, room.params, room.tags) == ("ROOMSTATE", ["#owl"], ROOM_STATE)
    _, resume, history = client.entered["owl"]
    assert (resume, history) == (None, 0)


@pytest.mark.row("C22")
async def test_an_anonymous_client_gets_no_user_state(hub: MemoryHub) -> None:
    assert commands(hub.signed_in(None).says("JOIN #OWL")) == ["JOIN", "353", "366", "ROOMSTATE"]


@pytest.mark.row("C22")
async def test_a_client_without_capabilities_gets_plain_irc(hub: MemoryHub) -> None:
    client = hub.signed_in("mia", caps="")
    heard = client.says("JOIN #owl", "JOIN #none")
    assert commands(heard) == ["JOIN", "353", "366", "NOTICE"]
    assert all(not line.tags for line in heard)


@pytest.mark.row("C10", "C22")
async def test_a_list_of_channels_is_joined_and_what_is_not_there_is_told(hub: MemoryHub) -> None:
    heard = hub.signed_in("mia").says("JOIN #none,#owl,,#far,owl")
    assert [line.params[0] for line in heard if line.command == "ROOMSTATE"] == ["#owl"]
    assert notices(heard) == [
        ("msg_channel_suspended", "This channel does not exist or has been suspended."),
        ("msg_channel_suspended", "#far is served by another gateway: connect to ws://other/irc"),
        ("msg_channel_suspended", "This channel does not exist or has been suspended."),
    ]


@pytest.mark.row("C10")
async def test_a_part_ends_the_rooms_stream_and_is_answered(hub: MemoryHub) -> None:
    client = hub.signed_in("mia", "owl")
    [part] = client.says("PART #owl")
    assert (part.command, part.params, part.prefix) == ("PART", ["#owl"], "mia!mia@mia.tmi.twitch.tv")
    assert client.entered == {}


@pytest.mark.row("C10", "U6")
async def test_ten_thousand_joins_are_refused_beyond_twenty_in_ten_seconds_in_one_notice_a_line(hub: MemoryHub) -> None:
    client = hub.signed_in("mia")
    names = [f"#none{n}" for n in range(10_000)]
    heard = [line for begin in range(0, 10_000, 500) for line in client.says("JOIN " + ",".join(names[begin : begin + 500]))]
    told = notices(heard)
    assert len(told) == 20 + 20
    assert told[20] == (
        "msg_ratelimit",
        "#none20 and 479 more not joined: 20 joins in 10 seconds at most. Join again in 10 seconds.",
    )
    hub.now += 10
    assert commands(client.says("JOIN #owl"))[0] == "JOIN"


async def test_lines_without_end_close_the_connection(hub: MemoryHub) -> None:
    client = hub.signed_in("mia")
    heard = client.says("JOIN #x\n" * 2_000)
    assert heard[-1].command == "NOTICE"
    assert "1000 lines in 10 seconds" in heard[-1].params[-1]
    assert client.ended == (1008, "Too many lines")
    assert len(heard) <= LINES[0] + 1


@pytest.mark.row("C22")
async def test_pings_are_answered_as_each_client_needs_it(hub: MemoryHub) -> None:
    client = hub.signed_in("mia")
    client.session.received("PING")
    assert client.frames == ["PONG\r\n"]
    client.frames.clear()
    [pong] = client.says("PING :some text")
    assert (pong.prefix, pong.command, pong.params) == ("tmi.twitch.tv", "PONG", ["tmi.twitch.tv", "some text"])


@pytest.mark.row("C22")
async def test_a_silent_client_is_pinged_and_given_up_in_the_end(hub: MemoryHub) -> None:
    client = hub.signed_in("mia")
    for answer in ("PONG", "PONG tmi.twitch.tv", "PONG :tmi.twitch.tv"):
        client.session.silent()
        assert client.frames == ["PING :tmi.twitch.tv\r\n"]
        client.frames.clear()
        assert client.says(answer) == []
    for _ in range(3):
        client.session.silent()
    assert client.ended is None
    client.session.silent()
    assert client.ended is not None


async def test_who_never_signs_in_is_closed(hub: MemoryHub) -> None:
    client = hub.connect()
    client.session.silent()
    assert client.ended is not None


@pytest.mark.row("C22")
async def test_clients_are_asked_to_reconnect_before_an_end(hub: MemoryHub) -> None:
    client = hub.signed_in("mia")
    client.session.ending()
    assert client.frames == [":tmi.twitch.tv RECONNECT\r\n"]


@pytest.mark.row("C22")
@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("WHO #owl", "421"),
        ("\x01\x02", "421"),
        ("NICK mia", "462"),
        ("PASS oauth:x", "462"),
        ("JOIN", "461"),
        ("PRIVMSG", "461"),
        ("PRIVMSG #owl :" + "é" * 5000, "417"),
    ],
)
async def test_what_has_no_meaning_is_answered_by_number(hub: MemoryHub, line: str, number: str) -> None:
    client = hub.signed_in("mia", "owl")
    [answer] = client.says(line)
    assert answer.command == number
    assert answer.params[0] == "mia"


async def test_rooms_are_for_those_who_are_signed_in(hub: MemoryHub) -> None:
    [answer] = hub.connect().says("JOIN #owl")
    assert (answer.command, answer.params[0]) == ("451", "*")


async def test_quit_closes(hub: MemoryHub) -> None:
    client = hub.signed_in("mia")
    client.says("QUIT :bye")
    assert client.ended == (1000, "Bye")


@pytest.mark.row("C10", "C22")
async def test_history_and_resume_are_given_to_who_asks_for_them(hub: MemoryHub) -> None:
    client = hub.connect()
    client.says("CAP REQ :chronicast.live/history", "NICK justinfan1")
    [*_, mark] = client.says("JOIN #owl")
    assert (mark.command, mark.params) == ("HISTORY", ["#owl", "recent"])
    assert client.entered["owl"][1:] == (None, 50)
    client.says("PART #owl")
    [*_, mark] = client.says("@chronicast.live/resume=p0-41 JOIN #owl")
    assert (mark.command, mark.params) == ("HISTORY", ["#owl", "resumed"])
    assert client.entered["owl"][1:] == ("p0-41", 50)


async def test_a_resume_tag_without_the_capability_is_nothing(hub: MemoryHub) -> None:
    client = hub.signed_in(None)
    client.says("@chronicast.live/resume=p0-41 JOIN #owl")
    assert client.entered["owl"][1:] == (None, 0)


@pytest.mark.row("C22")
async def test_rooms_that_were_joined_follow_a_change_of_capabilities_without_a_gap(hub: MemoryHub) -> None:
    client = hub.signed_in(None, "owl", caps="")
    plain, _, _ = client.entered["owl"]
    client.says("CAP REQ :twitch.tv/tags twitch.tv/commands")
    tagged, resume, _ = client.entered["owl"]
    assert tagged is not plain
    assert resume == "p0-41"
    client.says("CAP REQ :twitch.tv/membership")
    assert client.entered["owl"][0] is tagged


async def batch(client: MemoryConnection) -> list[Line]:
    """The next that is told of who came and went."""
    async with asyncio.timeout(30):
        while not client.frames:
            await asyncio.sleep(0.005)
    return client.heard()


@pytest.mark.row("C22")
async def test_comings_and_goings_are_told_in_batches_to_who_asked(hub: MemoryHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.chat.irc.membership.BATCH_S", 0.01)
    hub.room_of_owl.here = ["kim", "mia"]
    curious = hub.signed_in("mia", caps="tags commands membership")
    names = next(line for line in curious.says("JOIN #owl") if line.command == "353")
    assert names.params[-1] == "mia kim"
    hub.signed_in("kim", "owl").session.closed()
    rex, incurious, _ = hub.signed_in("rex", "owl"), hub.signed_in("rex", "owl"), hub.signed_in(None, "owl")
    assert [(line.command, line.prefix) for line in await batch(curious)] == [("JOIN", "rex!rex@rex.tmi.twitch.tv")]
    rex.session.closed()
    await asyncio.sleep(0.05)
    assert curious.heard() == []
    incurious.says("PART #owl")
    assert [line.command for line in await batch(curious)] == ["PART"]
    assert incurious.heard() == []
