"""Makes renditions of a VOD again, or for the first time, from its source: segment by segment, so that a gap costs no more than itself."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import av
from msgspec.structs import replace

from processors.vod.recording import Init, Piece, Recording, Track, rank
from sinks.transcoder.pipeline import Pipeline, UnusablePartError
from sinks.transcoder.protocol import Declared, Made, SourcePart
from sinks.transcoder.rendition import EncoderDelayError
from streams.media import address
from streams.media.fmp4_reader import MalformedFragmentError
from streams.objects import ObjectMissingError, Objects

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


async def filled(objects: Objects, recording: Recording, vod_id: str, rendition: str) -> Recording:
    """A recording whose rendition has every segment that the source gives. What it has stays; what is made is in the store."""
    source, own = recording.track("source"), recording.track(rendition)
    if source is None:
        return recording
    have = {piece.media_sequence for piece in own.pieces} if own is not None else set()
    inits = {init.discontinuity: init for init in own.inits} if own is not None else {}
    made, bit_rate = [], own.bit_rate if own is not None else 0
    folder = address.vod(recording.channel_id, vod_id)
    for head in source.inits:
        init = await _found(objects, f"{folder}/{source.folder}/{head.name}")
        for piece in source.pieces:
            if init is None or piece.discontinuity != head.discontinuity or piece.media_sequence in have:
                continue
            name = address.vod_segment(recording.number(piece))
            data = await _found(objects, f"{folder}/{source.folder}/{name}")
            fresh = await remade(init, head, piece, data, rendition) if data is not None else None
            if fresh is None:
                continue
            known = inits.get(head.discontinuity)
            if known is None:
                bit_rate = fresh.declared.bit_rate
                known = inits[head.discontinuity] = _init(fresh.declared, head)
                await objects.put(f"{folder}/{rendition}/{known.name}", fresh.declared.init)
            if sha256(fresh.declared.init).hexdigest() == known.sha256:
                await objects.put(f"{folder}/{rendition}/{name}", fresh.data)
                made.append(fresh.piece)
    if not made:
        return recording
    pieces = {piece.media_sequence: piece for piece in (*(own.pieces if own is not None else ()), *made)}
    ordered = tuple(pieces[number] for number in sorted(pieces))
    track = Track(rendition, "video", bit_rate, tuple(inits[number] for number in sorted(inits)), ordered)
    others = (one for one in recording.tracks if one.rendition != rendition)
    return replace(recording, tracks=tuple(sorted((*others, track), key=rank)))


async def _found(objects: Objects, place: str) -> bytes | None:
    try:
        return await objects.get(place)
    except ObjectMissingError:
        return None


def _init(declared: Declared, source: Init) -> Init:
    """A rendition's initialisation segment beside the source's."""
    return Init(
        discontinuity=source.discontinuity,
        codecs=declared.codecs,
        width=declared.width,
        height=declared.height,
        frame_rate=declared.frame_rate,
        channels=0,
        timescale=source.timescale,
        target_us=source.target_us,
        address=f"init-{source.discontinuity}.mp4",
        size=len(declared.init),
        sha256=sha256(declared.init).hexdigest(),
    )


def with_pieces(recording: Recording, rendition: str, pieces: Sequence[Piece]) -> Recording:
    """A recording in which some segments of a rendition are replaced."""
    fresh = {piece.media_sequence: piece for piece in pieces}

    def changed(track: Track) -> Track:
        if track.rendition != rendition:
            return track
        known = {piece.media_sequence: piece for piece in track.pieces} | fresh
        return replace(track, pieces=tuple(known[number] for number in sorted(known)))

    return replace(recording, tracks=tuple(changed(track) for track in recording.tracks))
