"""Readers and writers of one schema, compiled to straight-line Python.

fastavro walks the schema and a dict for every event: 3.3 us to write and 4.1 us to read a small one here. What is made here reads
and writes the event's own attributes, once per schema: 0.9 us and 1.5 us. It covers the usual values; wherever it meets anything
else it raises, whatever it raises, and the caller asks fastavro, which is the reference: what both answer is the same.

Bytes are handled as text of one character a byte (Latin-1): slices of it are strings at once, and joining is one step.
"""

from array import array
from collections.abc import Callable
from struct import Struct
from typing import Any

from schemas.event import Event

GROUP = 0x4000
"""Two groups of seven bits of an Avro number are looked up at a time."""
LAST = tuple(chr(n) if n < 0x80 else chr(n & 0x7F | 0x80) + chr(n >> 7) for n in range(GROUP))
"""The end of a number: as few bytes as it needs."""
MORE = tuple(chr(n & 0x7F | 0x80) + chr(n >> 7 | 0x80) for n in range(GROUP))
"""Two bytes that others follow."""
LENGTH = LAST[::2]
"""Lengths and counts, from 0 (they are zigzag numbers, so every second one). A longer text is fastavro's."""
SHORT = tuple(n // 2 if n % 2 == 0 and n < 0x80 else None for n in range(0x100))
"""First byte of a text -> its length in bytes; None where the length has another byte, or is negative."""
TIMES = Struct("<4H")
"""Eight bytes, as times in microseconds take from 1978 to 3111."""
LOW = array("i", (n & 0x7F | n >> 1 & 0x3F80 if n & 0x8080 == 0x8080 else -1 for n in range(0x10000)))
"""Two bytes of a number that others follow -> their 14 bits; -1 for any other two."""
HIGH = array("i", (n & 0x7F | n >> 1 & 0x3F80 if n & 0x8080 == 0x0080 else -1 for n in range(0x10000)))
"""The two last bytes of one."""
INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1
LONG_MIN, LONG_MAX = -(1 << 63), (1 << 63) - 1
DOUBLE = Struct("<d")
WORD_MAX = 1 << 64
TIME_MIN = 1 << 42
"""Zigzag numbers from here take seven bytes and more, as times in microseconds do since 1970-01-26."""

Envelope = tuple[str, int, str, str, str | None]
"""event_id, occurred_at, producer, correlation_id, causation_id: the fields in which every schema begins (`ENVELOPE`)."""
Write = Callable[[str, Event, Envelope], bytes]
"""(first characters, event, envelope) -> those characters and the Avro body.

The envelope is given apart, and the event's own passed over, so that a fold's output needs no stamped copy.
"""
Read = Callable[[bytes, int], Event]
"""(bytes, where the Avro body begins) -> event; the body takes all that is left."""


class NotCompiledError(Exception):
    """The schema has a type that is left to fastavro. Operator action: none."""


class UnusualError(Exception):
    """A value that is left to fastavro. Operator action: none."""


def number(value: int) -> str:
    """An Avro int or long."""
    zigzag = value << 1 ^ value >> 63
    if zigzag < GROUP:
        return LAST[zigzag]
    if TIME_MIN <= zigzag < TIME_MIN << 14:
        return MORE[zigzag & 0x3FFF] + MORE[zigzag >> 14 & 0x3FFF] + MORE[zigzag >> 28 & 0x3FFF] + LAST[zigzag >> 42]
    if zigzag >= WORD_MAX:
        raise UnusualError
    text = ""
    while zigzag >= GROUP:
        text += MORE[zigzag & 0x3FFF]
        zigzag >>= 14
    return text + LAST[zigzag]


def number_or_null(value: int) -> str:
    """An Avro int of a union: fastavro looks closer at a value that chooses a branch."""
    if type(value) is not int or not INT_MIN <= value <= INT_MAX:
        raise UnusualError
    return number(value)


def long_or_null(value: int) -> str:
    """An Avro long of a union."""
    if type(value) is not int or not LONG_MIN <= value <= LONG_MAX:
        raise UnusualError
    return number(value)


def boolean_or_null(value: bool) -> str:
    """An Avro boolean of a union."""
    if type(value) is not bool:
        raise UnusualError
    return "\1" if value else "\0"


def octets(value: bytes) -> str:
    """Avro bytes."""
    return LENGTH[len(value)] + value.decode("latin-1")


def double(value: float) -> str:
    """An Avro double."""
    return DOUBLE.pack(value).decode("latin-1")


def double_or_null(value: float) -> str:
    """An Avro double of a union."""
    if type(value) is not float:
        raise UnusualError
    return double(value)


def utf8(text: str) -> str:
    """A text as one character a byte."""
    return text if text.isascii() else text.encode().decode("latin-1")


def text_of(characters: str) -> str:
    """The text that bytes are, given as one character each."""
    return characters if characters.isascii() else characters.encode("latin-1").decode()


def text(value: str) -> str:
    """An Avro string."""
    value = utf8(value)
    return "".join((LENGTH[len(value)], value))


def number_at(b: bytes, p: int) -> tuple[int, int]:
    """The zigzag number at a place, and the place after it."""
    n = shift = 0
    while (m := b[p]) > 0x7F:
        n |= (m & 0x7F) << shift
        shift += 7
        p += 1
    if m << shift >= WORD_MAX:
        raise UnusualError
    return n | m << shift, p + 1


def time_at(b: bytes, p: int) -> tuple[int, int]:
    """The same of a long, which in nearly all events is a time: eight bytes, looked up two at a time."""
    if p + TIMES.size <= len(b):
        one, two, three, four = TIMES.unpack_from(b, p)
        n = LOW[one] | LOW[two] << 14 | LOW[three] << 28 | HIGH[four] << 42
        if n >= 0:
            return n, p + TIMES.size
    return number_at(b, p)


def text_at(b: bytes, p: int) -> tuple[int, int]:
    """Begin and end of a text whose length has several bytes."""
    n, p = number_at(b, p)
    if n & 1:
        raise UnusualError
    return p, p + (n >> 1)


class Source:
    """Python source that grows line by line, and the names that it uses."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "LENGTH": LENGTH,
            "SHORT": SHORT,
            "UnusualError": UnusualError,
            "number": number,
            "number_or_null": number_or_null,
            "long_or_null": long_or_null,
            "boolean_or_null": boolean_or_null,
            "octets": octets,
            "double": double,
            "double_or_null": double_or_null,
            "utf8": utf8,
            "text": text,
            "text_of": text_of,
            "number_at": number_at,
            "time_at": time_at,
            "text_at": text_at,
            "unpack": DOUBLE.unpack_from,
        }

    def name(self, value: Any) -> str:
        """A name of its own for a value."""
        given = f"k{len(self.names)}"
        self.names[given] = value
        return given

    def add(self, depth: int, line: str) -> None:
        """A line, so many blocks deep."""
        self.lines.append("    " * depth + line)

    def function(self, name: str) -> Any:
        """The function of that name, which the lines define."""
        exec(compile("\n".join(self.lines), f"<{name}>", "exec"), self.names)  # noqa: S102 - of schemas that the contract holds
        return self.names[name]


def nullable(schema: list[Any]) -> tuple[Any, int]:
    """(the other branch, index of null) of a union of null and one type.

    Raises:
        NotCompiledError: another union.
    """
    if len(schema) != 2 or "null" not in schema:
        raise NotCompiledError
    return schema[1 - schema.index("null")], schema.index("null")


def kind(schema: Any) -> str:
    """Its Avro type; the name of one declared before stays with fastavro."""
    return str(schema["type"] if isinstance(schema, dict) else schema)
