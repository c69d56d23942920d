"""Lines of IRC are read as the grammar has them, and written so that they stay one line."""

import pytest

from sinks.chat.irc.line import MAX_PARAMS, format_line, lines, parse, too_long


@pytest.mark.row("C22")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PRIVMSG #a :hi there", ({}, None, "PRIVMSG", ["#a", "hi there"])),
        (
            "@k=v;b=;c;d=x\\sy\\:z\\\\q\\r\\n :n!u@h privmsg #a ::x",
            ({"k": "v", "b": "", "c": "", "d": "x y;z\\q\r\n"}, "n!u@h", "PRIVMSG", ["#a", ":x"]),
        ),
        ("  PING", ({}, None, "PING", [])),
        ("CAP  REQ   :a b", ({}, None, "CAP", ["REQ", "a b"])),
        ("PRIVMSG #a :", ({}, None, "PRIVMSG", ["#a", ""])),
        ("PRIVMSG #a :trailing  spaces  ", ({}, None, "PRIVMSG", ["#a", "trailing  spaces  "])),
        ("@a=\\b\\ PING", ({"a": "b"}, None, "PING", [])),
        ("PING " + " ".join("abcdefghijklmnopq"), ({}, None, "PING", [*"abcdefghijklmn", "o p q"])),
    ],
)
def test_a_line_is_read(text: str, expected: tuple[object, ...]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "   ", "@a=b", "@a=b   ", ":prefix", ":prefix  ", "@", ":"])
def test_what_has_no_command_is_no_line(text: str) -> None:
    assert parse(text) is None


def test_parameters_are_bounded() -> None:
    read = parse("X " + "y " * 1000)
    assert read is not None
    assert len(read.params) == MAX_PARAMS


def test_the_end_of_a_frame_ends_a_line_and_nul_is_none() -> None:
    assert list(lines("A\r\nB\nC\r\r\n\nD\0E")) == ["A", "B", "C", "DE"]


def test_only_line_breaks_of_irc_break_lines() -> None:
    assert list(lines("A\x0bB\x85C\u2028D\x1eE")) == ["A\x0bB\x85C\u2028D\x1eE"]


def test_the_limit_counts_bytes() -> None:
    assert not too_long("é" * 4096)
    assert too_long("é" * 4097)
    assert not too_long("a" * 8192)
    assert too_long("a" * 8193)


@pytest.mark.row("C22")
def test_values_cannot_break_out_of_their_place() -> None:
    line = format_line("X", "#a b\r\nQUIT", ":c", text="t\r\nQUIT :\0", prefix="n\r\n:x y", tags={"k": "a;b c\\d\r\n\0"})
    assert line.count("\r\n") == 1
    assert parse(line[:-2]) == ({"k": "a;b c\\d\r\n"}, "n:xy", "X", ["#abQUIT", "c", "t  QUIT : "])
