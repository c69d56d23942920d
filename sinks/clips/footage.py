"""What a clip is cut from: the source segments that hold its pictures and its sound, on a time line of their own."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import NamedTuple

from processors.vod.recording import Init, Piece, Recording, archived
from streams.media import address, fmp4_reader
from streams.media.track import Sample, Track
from streams.objects import ObjectMissingError, Objects


class MissingFootageError(LookupError):
    """There is nothing that a clip could be cut from. The message says what is missing and what to do."""


class Coded(NamedTuple):
    """A coded frame on the clip's time line."""

    shown: Fraction
    """Presentation, seconds since the recording began, pauses left out."""
    decoded: Fraction
    """Decoding, likewise."""
    duration: Fraction
    key: bool
    data: bytes
    track: Track
    """Of its segment."""


class Span(NamedTuple):
    """A stretch of a recording, in seconds since it began, pauses left out."""

    begin: Fraction
    end: Fraction


def length(piece: Piece) -> Fraction:
    """A segment's length, seconds."""
    return Fraction(piece.duration, piece.timescale)


def span_until(recording: Recording, ends_at: int, seconds: Fraction) -> Span:
    """So many seconds up to a wall clock (UTC microseconds); in a pause of the publisher, up to its beginning.

    Raises:
        MissingFootageError: nothing of the recording is that old, or too little.
    """
    end = at = Fraction(0)
    for piece in recording.lead:
        if piece.began_us <= ends_at:
            end = at + min(Fraction(ends_at - piece.began_us, 1_000_000), length(piece))
        at += length(piece)
    return _within(Span(end - seconds, end), at)


def wall_clock_span(recording: Recording, begins_at: int, seconds: Fraction) -> Span:
    """So many seconds from the picture on that was taken at a wall clock (UTC microseconds)."""
    begin = at = Fraction(0)
    for piece in recording.lead:
        if piece.began_us <= begins_at:
            begin = at + Fraction(begins_at - piece.began_us, 1_000_000)
        at += length(piece)
    return Span(begin, begin + seconds)


def span_from(recording: Recording, begin: Fraction, seconds: Fraction) -> Span:
    """So many seconds from a time of a VOD on.

    Raises:
        MissingFootageError: the VOD is not that long.
    """
    return _within(Span(begin, begin + seconds), sum(map(length, recording.lead), Fraction(0)))


def _within(span: Span, whole: Fraction) -> Span:
    if span.begin < 0 or span.end > whole:
        there = f"from {float(span.begin):.1f} s to {float(span.end):.1f} s of a recording of {float(whole):.1f} s"
        raise MissingFootageError(f"there is not so much to cut: {there}. Ask for less, or for another moment")
    return span


def touched(recording: Recording, rendition: str, span: Span) -> list[tuple[Fraction, Piece, Init]]:
    """The segments of a rendition that lie in a span: where each begins, itself, and its initialisation segment.

    A margin on either side: a picture is shown later than it is decoded, and sound is cut beside the pictures. Pictures are taken from the
    key frame on that the first of them is decoded from, which a segment need not have.
    """
    track = recording.track(rendition)
    if track is None:
        return []
    pieces = {piece.media_sequence: piece for piece in track.pieces}
    inits = {init.discontinuity: init for init in track.inits}
    found: list[tuple[Fraction, Piece, Init]] = []
    at = Fraction(0)
    for lead in recording.lead:
        piece = pieces.get(lead.media_sequence)
        if piece is not None and at < span.end + MARGIN:
            if at <= span.begin - MARGIN and (piece.key_frame_bytes or track.kind == "audio"):
                found.clear()  # what decodes from here on needs nothing before
            found.append((at, piece, inits[piece.discontinuity]))
        at += length(lead)
    return found


MARGIN = Fraction(1, 2)
"""Seconds: sixteen frames of reordering at 30 a second, the most that H.264 allows."""


async def coded(objects: Objects, recording: Recording, rendition: str, span: Span) -> list[Coded]:
    """The coded frames of the segments that lie in a span, in decode order.

    Raises:
        MissingFootageError: a segment is not in the store any more.
        MalformedFragmentError: a segment is damaged.
    """
    places = {live: place for place, live, _, _ in archived(recording, address.vod_id(recording.session_id)) if live}
    heads: dict[str, Track] = {}
    found: list[Coded] = []
    lead = {piece.media_sequence: piece for piece in recording.lead}
    for at, piece, init in touched(recording, rendition, span):
        if init.address not in heads:
            heads[init.address] = fmp4_reader.track(await _either(objects, init, places))
        data = await _either(objects, piece, places)
        origin = at - Fraction(lead[piece.media_sequence].decode_time, lead[piece.media_sequence].timescale)
        found += _placed(fmp4_reader.samples(data), origin, piece.timescale, heads[init.address])
    return found


def _placed(samples: Sequence[Sample], origin: Fraction, timescale: int, track: Track) -> Iterable[Coded]:
    for sample in samples:
        decoded = origin + Fraction(sample.decode_time, timescale)
        shown = decoded + Fraction(sample.composition_offset, timescale)
        yield Coded(shown, decoded, Fraction(sample.duration, timescale), sample.key, sample.data, track)


async def _either(objects: Objects, of: Piece | Init, places: dict[str, str]) -> bytes:
    """An object by its live address or by its name in the archive: one of them may have gone, or have other bytes than the log says."""
    for place in (of.address, places[of.address]):
        try:
            data = await objects.get(place)
        except ObjectMissingError:
            continue
        if sha256(data).hexdigest() == of.sha256:
            return data
    raise MissingFootageError(f"{of.address} is not whole in the store: the stream has left it, and the archive does not have it")
