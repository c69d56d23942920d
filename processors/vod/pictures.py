"""Which pictures a VOD has: a thumbnail for each ten seconds, and where its tile is on the sprite sheets."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from processors.vod.recording import Piece, Recording

INTERVAL_S = 10
"""Seconds of media for each thumbnail."""


class Size(NamedTuple):
    """Pixels."""

    width: int
    height: int


class Grid(NamedTuple):
    """Tiles of a sheet."""

    columns: int
    rows: int

    @property
    def tiles(self) -> int:
        """Of a whole sheet."""
        return self.columns * self.rows


THUMBNAIL = Size(320, 180)
"""What a list of videos shows of each; a picture of another shape gets bars."""
TILE = Size(160, 90)
"""What players show above a seek bar."""
SPRITES = Grid(10, 6)
"""Ten minutes a sheet, some 250 KB: a seek loads one or two."""


class Shot(NamedTuple):
    """A thumbnail to be."""

    interval: int
    """Which ten seconds of the session, from 0."""
    piece: Piece
    """The source segment whose key frame it shows."""
    at: float
    """Its VOD time, seconds."""


def interval(piece: Piece) -> int:
    """The ten seconds in which a segment begins, by the session's media time."""
    return piece.decode_time // (INTERVAL_S * piece.timescale)


def shots(recording: Recording) -> Iterator[Shot]:
    """The first source segment with a key frame of each ten seconds that has one."""
    source = {piece.media_sequence for track in recording.tracks if track.rendition == "source" for piece in track.pieces}
    at, last = 0.0, -1
    for piece in recording.lead:
        if piece.media_sequence in source and piece.key_frame_bytes and interval(piece) > last:
            last = interval(piece)
            yield Shot(last, piece, at)
        at += piece.seconds


def sheet(number: int) -> str:
    """Path of a sprite sheet, counted from 0."""
    return f"thumbnails/sprites-{number + 1}.jpg"


def sprite_index(found: Sequence[Shot], seconds: float) -> str:
    """WebVTT that leads from each span of VOD time to a tile of a sheet, as media fragments (W3C Media Fragments URI 1.0)."""
    ends = [*(shot.at for shot in found[1:]), seconds] if found else []  # of sound alone, or of pictures that nobody can decode
    lines = ["WEBVTT", ""]
    for tile, (shot, end) in enumerate(zip(found, ends, strict=True)):
        number, place = divmod(tile, SPRITES.tiles)
        row, column = divmod(place, SPRITES.columns)
        begin = 0.0 if tile == 0 else shot.at
        lines.append(f"{_time(begin)} --> {_time(end)}")
        name = sheet(number).rpartition("/")[2]
        lines += [f"{name}#xywh={column * TILE.width},{row * TILE.height},{TILE.width},{TILE.height}", ""]
    return "\n".join(lines)


def _time(value: float) -> str:
    """Hours, minutes, seconds and milliseconds (WebVTT section 4.1)."""
    minutes, ms = divmod(round(value * 1_000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{ms // 1_000:02d}.{ms % 1_000:03d}"
