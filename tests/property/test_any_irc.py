"""Whatever clients send over IRC: an answer, a close or silence; never an exception, and never more lines than are meant."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import ModeChanged, NoticePosted, UserBanned
from schemas.events.chat import EmoteSpan
from sinks.chat.irc.line import MAX_BYTES, MAX_PARAMS, MAX_TAGS, escaped, format_line, parse, unescaped
from sinks.chat.irc.render import IrcVariant
from tests.irc_room import AT, MemoryHub, posted, token

WORDS = st.sampled_from(
    [
        *("CAP", "LS", "REQ", "PASS", "NICK", "JOIN", "PART", "PRIVMSG", "PING", "PONG", "QUIT", "USER", "NOTICE"),
        *("#owl", "#none", "#owl,#owl", ":", "@", ";", "=", "\\", " ", "\r\n", "\0", "\x01ACTION ", "\x01", "justinfan1", "mia"),
        *("twitch.tv/tags", "twitch.tv/commands", "twitch.tv/membership", "chronicast.live/history", f"oauth:{token('mia')}"),
        *(
            "@mod=1;user-id=1;badges=moderator/1 ",
            "/ban mia",
            "/timeout mia 1",
            "/slow 5",
            "/me ",
            "/color #ffffff",
            "/delete x",
            "client-nonce=z",
        ),
    ]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
FRAMES = st.lists(st.lists(WORDS | st.just(" ") | TEXT, max_size=12).map("".join), max_size=12)


@given(TEXT | st.lists(WORDS | TEXT, max_size=30).map(" ".join))
def test_any_text_is_read_as_a_bounded_line_or_none(text: str) -> None:
    line = parse(text)
    if line is not None:
        assert line.command
        assert len(line.params) <= MAX_PARAMS
        assert len(line.tags) <= MAX_TAGS


@given(TEXT)
def test_a_tags_value_comes_back(value: str) -> None:
    value = value.replace("\0", "")
    assert unescaped(escaped(value)) == value
    assert not set(escaped(value)) & set("; \r\n")


@given(TEXT, st.lists(TEXT, max_size=5), st.none() | TEXT, st.dictionaries(st.sampled_from(["a", "b"]), TEXT), TEXT)
def test_any_values_make_one_line_with_as_many_parameters(
    command: str, params: list[str], text: str | None, tags: Any, prefix: str
) -> None:
    line = format_line("X", *params, text=text, tags=tags, prefix=prefix)
    read = parse(line[:-2])
    assert line.endswith("\r\n")
    assert not set(line[:-2]) & set("\r\n\0")
    assert read is not None
    assert read.command == "X"
    assert len(read.params) == len(params) + (text is not None)
    assert set(read.tags) == set(tags)


@given(FRAMES)
@settings(deadline=None)
def test_any_frames_get_lines_a_close_or_silence(frames: list[str]) -> None:
    async def run() -> None:
        hub = MemoryHub()
        fresh, signed, reader = hub.connect(), hub.signed_in("mia", "owl"), hub.signed_in("rex", "owl")
        for client in (fresh, signed):
            for frame in frames:
                client.session.received(frame)
            await asyncio.sleep(0)
            sent = sum(map(len, client.frames))
            assert sent <= 200 * sum(map(len, frames)) + 2_000  # what is told back grows with what is sent, not by its square
            for line in client.heard():  # every line is whole
                assert line.command.isalnum()
            client.session.silent()
            client.session.ending()
        assert reader.frames == []
        assert {asked["who"] for asked in hub.said} <= {"mia"}  # whatever tags say
        for client in (fresh, signed, reader):
            client.session.closed()

    asyncio.run(run())


@given(st.binary(max_size=300))
def test_any_bytes_get_lines_a_close_or_silence(data: bytes) -> None:
    async def run() -> None:
        hub = MemoryHub()
        client = hub.signed_in("mia", "owl")
        client.session.received(data.decode(errors="replace"))
        await asyncio.sleep(0)
        client.heard()

    asyncio.run(run())


@given(st.integers(MAX_BYTES, 20_000), st.sampled_from(["a", "é", "😀", "@", ";", " "]))
def test_a_line_that_is_too_long_is_refused_by_number(size: int, character: str) -> None:
    async def run() -> None:
        client = MemoryHub().signed_in("mia")
        assert [line.command for line in client.says("P" + character * size)] == ["417"]

    asyncio.run(run())


@given(TEXT, TEXT, st.booleans(), st.booleans(), st.booleans())
def test_whatever_is_said_every_frame_holds_the_lines_meant(text: str, name: str, action: bool, tags: bool, replies: bool) -> None:
    hub = MemoryHub()
    parent = posted(text, "rex", 5, display_name=name)
    hub.room_of_owl.messages[parent.message_id] = parent
    variant = IrcVariant(hub.accounts, tags=tags, commands=True, history=True)
    span = (EmoteSpan(emote_id="1", begin=0, end=0),)
    message = posted(text, display_name=name, action=action, emotes=span, reply_to=parent.message_id if replies else None)
    notice = NoticePosted(channel_id="1", message_id="m", user_id="2", kind="announcement", text=text, display_name=name)
    events = [
        message,
        notice,
        UserBanned(channel_id="1", user_id="2", moderator_id="1", reason=text),
        ModeChanged(channel_id="1", slow_seconds=1),
    ]
    frame = variant.joined(hub.room_of_owl, [variant.render(hub.room_of_owl, event, AT) for event in events], 0)
    read = [parse(line) for line in frame.split("\r\n")[:-1]]
    assert [line and line.command for line in read] == ["PRIVMSG", "USERNOTICE", "CLEARCHAT", "ROOMSTATE", "NOTICE", "RESUME"]
    said = read[0]
    assert said is not None
    shown = "".join(" " if character in "\0\r\n\x01" else character for character in text)
    if replies:
        shown = "@" + "".join(" " if character in "\0\r\n\x01" else character for character in name) + " " + shown
    assert said.params == ["#owl", f"\x01ACTION {shown}\x01" if action else shown]
    if tags:
        assert said.tags["user-id"] == "2"
        assert said.tags["mod"] == "0"
