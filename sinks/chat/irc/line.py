"""Lines of IRC with message tags (RFC 1459 section 2.3.1, IRCv3 message-tags)."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

SERVER = "tmi.twitch.tv"
"""Name that clients made for Twitch look for in the prefix of what a server says."""
MAX_BYTES = 8192
"""Of a line from a client, tags and all: IRCv3 lets a client's tags have 4,094 and the rest 512; messages of 500 characters need more."""
MAX_PARAMS = 15
"""RFC 1459 section 2.3. The last takes what is left."""
MAX_COMMAND = 32
"""Characters of a command that is read or told back: the longest that has a meaning is shorter."""
MAX_TAGS = 64
"""Tags of a line that are read: clients send two or three."""

_BREAKS = re.compile("[\r\n]+")
_ESCAPED = str.maketrans({";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n", "\0": None})
_UNESCAPED = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ENDINGS = str.maketrans(dict.fromkeys("\x00\r\n", " "))
_PLAIN = str.maketrans(dict.fromkeys("\x00\r\n\x01", " "))


class Line(NamedTuple):
    """A line that was read."""

    tags: Mapping[str, str]
    """Values unescaped; empty where a tag has none."""
    prefix: str | None
    command: str
    """Upper case."""
    params: list[str]


def lines(text: str) -> Iterator[str]:
    """What a frame holds: its end ends a line too, NUL is dropped, and empty lines are none."""
    return (line for line in _BREAKS.split(text.replace("\0", "")) if line)


def too_long(line: str) -> bool:
    """Whether a line has more than MAX_BYTES."""
    return len(line) * 4 > MAX_BYTES and len(line.encode("utf-8", "surrogatepass")) > MAX_BYTES


def parse(line: str) -> Line | None:
    """Reads a line without its end; None where it has no command. Any text is read as something: never raises."""
    rest = line.lstrip(" ")
    tags: dict[str, str] = {}
    prefix = None
    if rest.startswith("@"):
        text, _, rest = rest[1:].partition(" ")
        for pair in text.split(";", MAX_TAGS)[:MAX_TAGS]:
            key, _, value = pair.partition("=")
            tags[key] = unescaped(value)
        rest = rest.lstrip(" ")
    if rest.startswith(":"):
        prefix, _, rest = rest[1:].partition(" ")
        rest = rest.lstrip(" ")
    command, _, rest = rest.partition(" ")
    if not command:
        return None
    return Line(tags, prefix, command[:MAX_COMMAND].upper(), _params(rest))


def _params(rest: str) -> list[str]:
    params = []
    while rest := rest.lstrip(" "):
        if rest.startswith(":"):
            params.append(rest[1:])
            break
        if len(params) == MAX_PARAMS - 1:
            params.append(rest)
            break
        param, _, rest = rest.partition(" ")
        params.append(param)
    return params


def escaped(value: str) -> str:
    """A tag's value as it is written; NUL, which has no escape, is left out."""
    return value.translate(_ESCAPED)


def unescaped(value: str) -> str:
    """A tag's value as it is meant. A backslash before any other character is dropped, one at the end too (IRCv3)."""
    return _ESCAPE.sub(lambda found: _UNESCAPED.get(found[1], found[1]), value) if "\\" in value else value


def plain(text: str) -> str:
    """A text without what ends a line or marks an action: each such character becomes a space, so that positions stay."""
    return text.translate(_PLAIN)


def format_line(command: str, *params: str, text: str | None = None, prefix: str = SERVER, tags: Mapping[str, str] | None = None) -> str:
    """A line with its end, one line whatever the values hold: what would end a parameter is left out of it.

    `text` is the last parameter and may hold spaces.
    """
    parts = [f":{_word(prefix)}", command, *map(_word, params)]
    if text is not None:
        parts.append(":" + text.translate(_ENDINGS))
    if tags:
        parts.insert(0, "@" + ";".join(f"{key}={escaped(value)}" for key, value in tags.items()))
    return " ".join(parts) + "\r\n"


def _word(param: str) -> str:
    return plain(param).replace(" ", "").lstrip(":") or "*"
