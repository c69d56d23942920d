"""The chunk stream: messages in, out of the pieces that a connection brings, and messages out (RTMP 1.0 section 5.3)."""

from collections.abc import Iterator
from struct import pack
from typing import NamedTuple

from streams.edges.ingest.rtmp.errors import ProtocolError

SET_CHUNK_SIZE, ABORT = 1, 2
AGGREGATE = 22
"""Message types that concern the chunk stream itself."""
DEFAULT_CHUNK_SIZE = 128
"""At the beginning; the specification asks for no less later, and less would cost us more than its sender."""
OUR_CHUNK_SIZE = 4_096
"""Our answers are smaller, so each is one chunk."""
EXTENDED = 0xFF_FFFF
"""Timestamp field that says: the 32-bit timestamp follows the header."""
MOST_STREAMS = 32
"""Chunk streams of a connection; encoders use 4 to 6."""
COMMAND_BYTES = 64 * 1024
"""Longest message before media are accepted."""
MEDIA_BYTES = 8 * 1024 * 1024
"""Most bytes of unfinished messages after that: a key frame of 100 Mb/s video is well below."""
HEADER_BYTES = (11, 7, 3, 0)
"""Message header by chunk type."""


class Message(NamedTuple):
    """A whole message."""

    kind: int
    stream_id: int
    timestamp: int
    """Milliseconds modulo 2^32."""
    payload: bytes


class _Stream:
    """A chunk stream's state: what the next header may leave out, and the unfinished message."""

    __slots__ = ("delta", "extended", "field", "kind", "length", "payload", "stream_id", "timestamp")

    def __init__(self) -> None:
        self.timestamp = self.delta = self.length = self.kind = self.stream_id = self.field = 0
        self.extended = False
        self.payload = bytearray()


def _basic_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Chunk type, chunk stream number (-1 where it is cut), and where what follows begins (section 5.3.1.1)."""
    form, number, at = data[at] >> 6, data[at] & 0x3F, at + 1
    if number > 1:
        return form, number, at
    past = at + number + 1
    return form, 64 + int.from_bytes(data[at:past], "little") if past <= len(data) else -1, past


class ChunkReader:
    """Puts chunks together. Copies each payload byte once; between calls it holds unfinished messages and at most one cut header."""

    def __init__(self) -> None:
        self.most_bytes = COMMAND_BYTES
        """Bound of a message, and of all unfinished ones together."""
        self._chunk_size = DEFAULT_CHUNK_SIZE
        self._streams: dict[int, _Stream] = {}
        self._rest = b""
        self._current: _Stream | None = None
        self._missing = 0  # of the current chunk
        self._unfinished = 0

    @property
    def held(self) -> int:
        """Bytes held between calls."""
        return self._unfinished + len(self._rest)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Messages that these bytes complete.

        Raises:
            ProtocolError: the bytes are no chunks, or break a bound.
        """
        if self._rest:
            data, self._rest = self._rest + data, b""
        view, at, end = memoryview(data), 0, len(data)
        while at < end:
            if self._current is None:
                past = self._header(data, at)
                if not past:
                    self._rest = data[at:]
                    return
                at = past
            stream = self._current
            assert stream is not None
            take = min(self._missing, end - at)
            stream.payload += view[at : at + take]
            at, self._missing, self._unfinished = at + take, self._missing - take, self._unfinished + take
            if self._missing:
                return
            self._current = None
            if len(stream.payload) == stream.length:
                self._unfinished -= stream.length
                message = Message(stream.kind, stream.stream_id, stream.timestamp, bytes(stream.payload))
                stream.payload.clear()
                yield from self._own(message)

    def _header(self, data: bytes, at: int) -> int:
        """Reads a chunk header and begins its chunk; returns where its payload begins, 0 where the header is cut."""
        form, number, at = _basic_header(data, at)
        stream = self._streams.get(number)
        head = HEADER_BYTES[form]
        fields = data[at : at + head]
        if number < 0 or len(fields) < head:
            return 0
        at += head
        time = int.from_bytes(fields[:3], "big")
        extended = time == EXTENDED if head else stream is not None and stream.extended
        if extended:
            if len(data) < at + 4:
                return 0
            value = int.from_bytes(data[at : at + 4], "big")
            if head:
                time, at = value, at + 4
            elif stream is not None and value == stream.field:  # type 3 repeats it, though some senders leave it out
                at += 4
        if stream is None:
            stream = self._open(form, number)
        if head:
            if stream.payload:
                raise ProtocolError(f"a message begins on chunk stream {number} before the last one ended")
            stream.extended, stream.field = extended, time
        self._advance(stream, form, time, fields)
        return at

    def _advance(self, stream: _Stream, form: int, time: int, fields: bytes) -> None:
        """Applies a header to its stream, and makes its chunk the current one."""
        if form < 2:
            stream.length, stream.kind = int.from_bytes(fields[3:6], "big"), fields[6]
        if form == 0:
            stream.timestamp = stream.delta = time
            stream.stream_id = int.from_bytes(fields[7:11], "little")
        elif not stream.payload:
            stream.delta = time if fields else stream.delta
            stream.timestamp = (stream.timestamp + stream.delta) & 0xFFFF_FFFF
        self._missing = min(self._chunk_size, stream.length - len(stream.payload))
        if stream.length > self.most_bytes or self._unfinished + self._missing > self.most_bytes:
            raise ProtocolError(f"a message of {stream.length} bytes, or more than {self.most_bytes} bytes of unfinished ones")
        self._current = stream

    def _open(self, form: int, number: int) -> _Stream:
        if form != 0:
            raise ProtocolError(f"chunk stream {number} begins without a full header")
        if len(self._streams) >= MOST_STREAMS:
            raise ProtocolError(f"more than {MOST_STREAMS} chunk streams")
        return self._streams.setdefault(number, _Stream())

    def _own(self, message: Message) -> Iterator[Message]:
        """Obeys what concerns the chunk stream and hands on the rest."""
        number = int.from_bytes(message.payload[:4], "big")
        if message.kind == SET_CHUNK_SIZE:
            if not DEFAULT_CHUNK_SIZE <= number < 1 << 31:
                raise ProtocolError(f"chunk size {number} is out of range")
            self._chunk_size = number
        elif message.kind == ABORT:
            stream = self._streams.get(number)
            if stream is not None:
                self._unfinished -= len(stream.payload)
                stream.payload.clear()
        elif message.kind == AGGREGATE:
            yield from split(message)
        else:
            yield message


def split(aggregate: Message) -> Iterator[Message]:
    """Messages of an aggregate (section 7.1.6): FLV tags whose times count from the first one's."""
    payload, at, first = aggregate.payload, 0, None
    while at + 11 <= len(payload):
        kind, size = payload[at], int.from_bytes(payload[at + 1 : at + 4], "big")
        time = int.from_bytes(payload[at + 4 : at + 7], "big") | payload[at + 7] << 24
        first = time if first is None else first
        body = payload[at + 11 : at + 11 + size]
        if len(body) < size:
            raise ProtocolError("a part of an aggregate message leads past its end")
        if kind not in {SET_CHUNK_SIZE, ABORT, AGGREGATE}:
            yield Message(kind, aggregate.stream_id, (aggregate.timestamp + time - first) & 0xFFFF_FFFF, body)
        at += 11 + size + 4


def encode(chunk_stream: int, message: Message, chunk_size: int = OUR_CHUNK_SIZE) -> bytes:
    """A message in chunks of a full header and continuations; chunk streams 2 to 63, timestamps of 32 bits."""
    extended = pack(">I", message.timestamp) if message.timestamp >= EXTENDED else b""
    field = min(message.timestamp, EXTENDED).to_bytes(3, "big")
    head = bytes([chunk_stream]) + field + len(message.payload).to_bytes(3, "big") + bytes([message.kind]) + pack("<I", message.stream_id)
    pieces = [message.payload[at : at + chunk_size] for at in range(0, len(message.payload), chunk_size)] or [b""]
    return head + extended + (bytes([0xC0 | chunk_stream]) + extended).join(pieces)
