"""Broken and hostile bytes: they are refused, or read, but never crash, hang or grow."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from streams.edges.ingest.publication import parse_metadata
from streams.edges.ingest.rtmp import amf0, chunks, handshake
from streams.edges.ingest.rtmp.chunks import ChunkReader, Message
from streams.edges.ingest.rtmp.errors import ProtocolError
from streams.edges.ingest.segmenter import Place, Segmenter, UnstableStreamError
from streams.media import aac, flv, h264
from tests.rtmp_client import AUDIO, VIDEO, audio_config, audio_frame, conversation, hello, metadata, opening, video_config, video_frame
from tests.synthetic_stream import NOW, asc, avcc, picture

MESSAGES = [
    *opening("live_key"),
    metadata(framerate=30.0, audiocodecid=10.0, encoder="x", nested={"a": [1.0, None, "b"]}),
    Message(VIDEO, 1, 0, video_config(avcc())),
    Message(AUDIO, 1, 0, audio_config(asc())),
    *(Message(VIDEO, 1, 33 * n, video_frame(picture(n % 9 == 0, n) * (1 + 90 * (n % 9 == 0)), n % 9 == 0)) for n in range(20)),
    Message(AUDIO, 1, (1 << 24) + 7, audio_frame(b"\x21" * 300)),
    Message(VIDEO, 1, (1 << 32) - 1, video_frame(picture(True, 5) * 900, True)),
]
STREAM = conversation(MESSAGES)[1 + 2 * handshake.SIZE :]

MUTATIONS = st.lists(
    st.tuples(st.integers(0, len(STREAM) - 1), st.sampled_from(["set", "cut", "add", "flip"]), st.binary(max_size=8)), max_size=6
)


def mutated(changes: list[tuple[int, str, bytes]]) -> bytes:
    data = bytearray(STREAM)
    for place, how, value in changes:
        at = min(place, len(data) - 1)
        if how == "set":
            data[at : at + len(value)] = value
        elif how == "cut":
            del data[at : at + 1 + len(value)]
        elif how == "add":
            data[at:at] = value
        elif data:
            data[at] ^= 1 << (len(value) % 8)
        if not data:
            break
    return bytes(data)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[begin:end] for begin, end in pairwise(at)]


@given(st.lists(st.integers(0, 1 << 16), max_size=30))
def test_messages_do_not_depend_on_how_the_bytes_arrive(cuts: list[int]) -> None:
    reader = ChunkReader()
    assert [message for piece in pieces(STREAM, cuts) for message in reader.feed(piece)] == MESSAGES
    assert reader.held == 0


@settings(max_examples=300)
@given(MUTATIONS, st.lists(st.integers(0, 1 << 16), max_size=8), st.sampled_from([chunks.COMMAND_BYTES, chunks.MEDIA_BYTES]))
def test_mutated_conversations_are_read_or_refused_within_bounds(changes: list[tuple[int, str, bytes]], cuts: list[int], most: int) -> None:
    reader = ChunkReader()
    reader.most_bytes = most
    segmenter = Segmenter(Place(None, 1, 1))
    data, given_out = mutated(changes), 0
    for piece in pieces(data, cuts):
        try:
            for message in reader.feed(piece):
                given_out += len(message.payload)
                interpret(message, segmenter)
        except (ProtocolError, flv.UnsupportedCodecError, aac.UnsupportedAudioError, h264.MalformedVideoError, UnstableStreamError):
            break
        assert reader.held <= min(most, len(data)) + 18
    assert given_out <= len(data)
    segmenter.finish(NOW)
    counts = segmenter.counts
    assert counts.video_in == counts.video_out + counts.video_dropped


def interpret(message: Message, segmenter: Segmenter) -> None:
    if message.kind == VIDEO:
        tag = flv.video(message.payload)
        if tag:
            segmenter.push_video(tag, message.timestamp, NOW)
    elif message.kind == AUDIO:
        tag = flv.audio(message.payload)
        if tag:
            segmenter.push_audio(tag, message.timestamp, NOW)
    elif message.kind in {18, 20}:
        for value in amf0.decode(message.payload):
            if isinstance(value, dict):
                segmenter.metadata = parse_metadata(value)


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_random_bytes_are_no_chunks(data: bytes) -> None:
    reader = ChunkReader()
    try:
        for message in reader.feed(data):
            assert len(message.payload) <= len(data)
    except ProtocolError:
        return
    assert reader.held <= len(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4),
    max_leaves=15,
)


@given(st.lists(VALUES, max_size=5))
def test_amf_values_survive(values: list[amf0.Value]) -> None:
    assume(all(depth(value) <= amf0.MOST_DEPTH for value in values))
    assert amf0.decode(amf0.encode(*values)) == values


def depth(value: amf0.Value) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_random_bytes_are_read_as_amf_or_refused(data: bytes) -> None:
    with suppress(ProtocolError):
        assert len(amf0.decode(data)) <= len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\xff\xff\xff\xff" + b"\x05" * 600,  # an array of 2^32 values
        b"\x0a\0\0\0\1" * 5_000,  # arrays within arrays
        b"\x03\0\1a" * 5_000,
        b"\x0c\xff\xff\xff\xff",
    ],
)
def test_amf_bombs_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        amf0.decode(data)


def test_unfinished_messages_are_bounded_together() -> None:
    begun = [bytes([number]) + bytes(3) + (60_000).to_bytes(3, "big") + b"\x09" + bytes(4 + 128) for number in range(3, 33)]
    more = [bytes([0xC0 | number]) + bytes(128) for number in range(3, 33) for _ in range(20)]
    with pytest.raises(ProtocolError, match="unfinished"):
        list(ChunkReader().feed(b"".join(begun + more)))


def test_chunk_streams_are_bounded() -> None:
    data = b"".join(bytes([number]) + bytes(3) + b"\0\0\1\x09" + bytes(4) + b"x" for number in range(3, 60))
    with pytest.raises(ProtocolError, match="chunk streams"):
        list(ChunkReader().feed(data))


@given(st.binary(min_size=1 + handshake.SIZE, max_size=1 + handshake.SIZE))
def test_any_hello_of_version_3_is_answered(data: bytes) -> None:
    assert len(handshake.answer(b"\x03" + data[1:])) == 1 + 2 * handshake.SIZE


@pytest.mark.parametrize("digest", [False, True])
def test_an_answer_is_signed_where_the_hello_was(digest: bool) -> None:
    answer = handshake.answer(hello(digest))
    assert (answer[5:9] == handshake.SERVER_VERSION) is digest
    assert digest or answer[1 + handshake.SIZE :] == hello()[1:]


def test_extended_timestamps_stand_in_continuations_too_and_may_be_left_out() -> None:
    message = Message(VIDEO, 1, 0x0123_4567, bytes(range(256)) * 20)
    data = chunks.encode(4, Message(1, 0, 0, (4_096).to_bytes(4, "big"))) + chunks.encode(4, message)
    without = data.replace(b"\xc4\x01\x23\x45\x67", b"\xc4")
    assert len(without) == len(data) - 4
    for form in (data, without):
        assert list(ChunkReader().feed(form)) == [message]


def test_aggregates_are_split() -> None:
    tags = b"".join(
        bytes([kind]) + len(body).to_bytes(3, "big") + time.to_bytes(3, "big") + b"\0\0\0\0" + body + (11 + len(body)).to_bytes(4, "big")
        for kind, time, body in ((9, 1_000, b"video"), (8, 1_023, b"audio"))
    )
    data = chunks.encode(4, Message(22, 1, 5_000, tags))
    assert list(ChunkReader().feed(data)) == [Message(9, 1, 5_000, b"video"), Message(8, 1, 5_023, b"audio")]


def test_deltas_and_large_chunk_stream_numbers_are_understood() -> None:
    head = b"\0\x05" + b"\0\0\x64" + b"\0\0\1" + b"\x09" + b"\1\0\0\0" + b"a"  # chunk stream 69, at 100 ms
    wide = b"\x01\x05\x01" + b"\0\0\x64" + b"\0\0\1" + b"\x09" + b"\1\0\0\0" + b"d"  # chunk stream 325
    data = head + b"\x80\x05\0\0\x21b" + b"\xc0\x05c" + wide
    messages = list(ChunkReader().feed(data))
    assert [(message.timestamp, message.payload) for message in messages] == [(100, b"a"), (133, b"b"), (166, b"c"), (100, b"d")]
