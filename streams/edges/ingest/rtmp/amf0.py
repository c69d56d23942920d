"""AMF0 (Action Message Format, Adobe 2007): the values of RTMP commands. Bounded, for the bytes are a stranger's."""

from collections.abc import Callable
from struct import error, pack, unpack_from
from typing import Any, ClassVar

from streams.edges.ingest.rtmp.errors import ProtocolError

MOST_DEPTH = 8
"""Objects within objects; encoders send two."""
MOST_VALUES = 512
"""Values of one message; an encoder's metadata hold about 30."""

Value = Any
"""float, bool, str, None, dict[str, Value] or list[Value]."""


def decode(data: bytes) -> list[Value]:
    """All values of a message.

    Raises:
        ProtocolError: cut short, nested too deep, too many, or of a type that encoders do not send.
    """
    reader = _Reader(data)
    values = []
    try:
        while reader.at < len(data):
            values.append(reader.value(0))
    except (error, IndexError) as cause:
        raise ProtocolError("an AMF0 value is cut short") from cause
    return values


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._count = 0
        self.at = 0

    def value(self, depth: int) -> Value:
        self._count += 1
        if self._count > MOST_VALUES or depth > MOST_DEPTH:
            raise ProtocolError(f"an AMF0 message has more than {MOST_VALUES} values or {MOST_DEPTH} levels")
        marker = self._data[self.at]
        self.at += 1
        read = self._READERS.get(marker)
        if read is None:
            raise ProtocolError(f"AMF0 type {marker} is not taken")
        return read(self, depth)

    def _boolean(self, _depth: int) -> bool:
        self.at += 1
        return bool(self._data[self.at - 1])

    def _array(self, depth: int) -> list[Value]:
        (count,) = unpack_from(">I", self._data, self.at)
        self.at += 4
        return [self.value(depth + 1) for _ in range(min(count, MOST_VALUES + 1))]

    def _associative(self, depth: int) -> dict[str, Value]:
        self.at += 4  # its count is a hint only
        return self._properties(depth)

    def _date(self, depth: int) -> float:
        number = self._number(depth)
        self.at += 2  # time zone
        return number

    def _number(self, _depth: int) -> float:
        (number,) = unpack_from(">d", self._data, self.at)
        self.at += 8
        return float(number)

    def _string(self, length_size: int) -> str:
        begin = self.at + length_size
        end = begin + int.from_bytes(self._data[self.at : begin], "big")
        if end > len(self._data):
            raise ProtocolError("an AMF0 string leads past its message")
        self.at = end
        return self._data[begin:end].decode("utf-8", "replace")

    def _properties(self, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while True:
            name = self._string(2)
            if not name and self._data[self.at] == 0x09:
                self.at += 1
                return found
            found[name] = self.value(depth + 1)

    _READERS: ClassVar[dict[int, Callable[["_Reader", int], Value]]] = {
        0x00: _number,
        0x01: _boolean,
        0x02: lambda self, _: self._string(2),
        0x03: _properties,
        0x05: lambda _self, _depth: None,  # null
        0x06: lambda _self, _depth: None,  # undefined
        0x08: _associative,
        0x0A: _array,
        0x0B: _date,
        0x0C: lambda self, _: self._string(4),
        0x0D: lambda _self, _depth: None,  # unsupported
    }


def encode(*values: Value) -> bytes:
    """The values as a message's body: numbers, booleans, strings up to 64 KiB, None, dicts, lists."""
    return b"".join(_encode(value) for value in values)


def _encode(value: Value) -> bytes:
    match value:
        case None:
            return b"\x05"
        case bool():
            return pack(">BB", 1, value)
        case int() | float():
            return pack(">Bd", 0, value)
        case str():
            return b"\x02" + _name(value)
        case dict():
            return b"\x03" + b"".join(_name(name) + _encode(inner) for name, inner in value.items()) + b"\0\0\x09"
        case list():
            return pack(">BI", 0x0A, len(value)) + encode(*value)
    raise TypeError(f"{type(value).__name__} has no AMF0 form here")


def _name(text: str) -> bytes:
    raw = text.encode()
    return pack(">H", len(raw)) + raw
