"""Makes renditions of a VOD again, or for the first time, from its source."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import av
from msgspec.structs import replace

from processors.vod.recording import Init, Piece, Recording, Track
from sinks.transcoder.pipeline import Pipeline, UnusablePartError
from sinks.transcoder.protocol import Declared, Made, SourcePart
from sinks.transcoder.rendition import EncoderDelayError
from streams.media.fmp4_reader import MalformedFragmentError

FAILURES = (UnusablePartError, MalformedFragmentError, EncoderDelayError, av.FFmpegError)
"""What a damaged source, or one that the encoder does not take, leads to."""


class Fresh(NamedTuple):
    """A segment that was made, its description beside its bytes."""

    declared: Declared
    piece: Piece
    data: bytes


async def remade(init: bytes, head: Init, piece: Piece, data: bytes, rendition: str) -> Fresh | None:
    """A rendition's segment from the source's; None where the source does not give it.

    The encoder is opened for it alone, as after a restart while live: same settings, so the same initialisation segment.
    """
    try:
        found = await asyncio.to_thread(_encode, init, head.frame_rate, piece, data, rendition)
    except FAILURES:
        return None
    declared = next((one for one in found if isinstance(one, Declared)), None)
    made = [one for one in found if isinstance(one, Made)]
    if declared is None or not made:
        return None
    body = b"".join(part.data for part in made)
    key = made[0].key_frame_bytes
    fresh = replace(
        piece, key_frame_bytes=key, event_id="", address="", size=len(body), sha256=sha256(body).hexdigest(), independent=key > 0
    )
    return Fresh(declared, fresh, body)


def _encode(init: bytes, frame_rate: float, piece: Piece, data: bytes, rendition: str) -> list[Declared | Made]:
    pipeline = Pipeline(init, frame_rate, [rendition], "x264")
    try:
        part = SourcePart(piece.media_sequence, 0, piece.decode_time, piece.duration, data)
        return [*pipeline.feed(part), *pipeline.flush()]
    finally:
        pipeline.close()


def with_pieces(recording: Recording, rendition: str, pieces: Sequence[Piece]) -> Recording:
    """A recording in which some segments of a rendition are replaced."""
    fresh = {piece.media_sequence: piece for piece in pieces}

    def changed(track: Track) -> Track:
        if track.rendition != rendition:
            return track
        known = {piece.media_sequence: piece for piece in track.pieces} | fresh
        return replace(track, pieces=tuple(known[number] for number in sorted(known)))

    return replace(recording, tracks=tuple(changed(track) for track in recording.tracks))
