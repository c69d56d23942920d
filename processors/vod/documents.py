"""The documents of a VOD, each a function of its recording: playlists, the table of segments, metadata."""

from typing import Any

import msgspec

from processors.playlist.iframes import iframe_playlist
from processors.playlist.master import master
from processors.playlist.recorded import recorded_playlist
from processors.playlist.rendition import rendition
from processors.playlist.text import date_time
from processors.playlist.window import Listing
from processors.vod.about import About
from processors.vod.listing import vod_listings
from processors.vod.pictures import INTERVAL_S, SPRITES, THUMBNAIL, TILE, sheet
from processors.vod.recording import Recording, Track

MANIFEST = "manifest.m3u8"
SEGMENTS = "segments.json"
METADATA = "metadata.json"
INDEX = "thumbnails/sprites.vtt"


class Thumbnail(msgspec.Struct, frozen=True):
    """A picture in the archive."""

    path: str
    size: int
    sha256: str


class Table(msgspec.Struct, frozen=True):
    """What a VOD consists of, beside its documents."""

    recording: Recording
    thumbnails: tuple[Thumbnail, ...]


def playlists(recording: Recording) -> dict[str, bytes]:
    """By path: the manifest, and each rendition's playlists."""
    listings = vod_listings(recording)
    found = {MANIFEST: master(listings, "{}/index.m3u8")}
    for listing in listings:
        found[f"{listing.rendition}/index.m3u8"] = recorded_playlist(listing, over=True, vod=True)
        if listing.declared.kind == "video":
            found[f"{listing.rendition}/iframes.m3u8"] = iframe_playlist(listing, over=True)
    return {path: text.encode() for path, text in found.items()}


def read_table(data: bytes) -> Table:
    """A table of segments, which is its own JSON.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return msgspec.json.decode(data, type=Table)


def metadata(table: Table, about: About, vod_id: str, revision: int) -> bytes:
    """What programs ask of a VOD."""
    recording, count = table.recording, len(table.thumbnails)
    return msgspec.json.encode(
        {
            "vod_id": vod_id,
            "session_id": about.session_id,
            "channel_id": about.channel_id,
            "login": about.login,
            "tier": about.tier,
            "revision": revision,
            "title": about.title,
            "category": about.category,
            "language": about.language,
            "started_at": date_time(recording.lead[0].began_us),
            "ended_at": date_time(about.ended_at or 0),
            "duration_ms": round(recording.seconds * 1_000),
            "renditions": [_rendition(*one) for one in zip(recording.tracks, vod_listings(recording), strict=True)],
            "timeline": timeline(recording),
            "thumbnails": {
                "interval_ms": INTERVAL_S * 1_000,
                "width": THUMBNAIL.width,
                "height": THUMBNAIL.height,
                "count": count,
            },
            "sprites": {
                "index": INDEX,
                "sheets": [sheet(number) for number in range(-(-count // SPRITES.tiles))],
                "columns": SPRITES.columns,
                "rows": SPRITES.rows,
                "tile_width": TILE.width,
                "tile_height": TILE.height,
            },
        }
    )


def timeline(recording: Recording) -> list[dict[str, int]]:
    """Where VOD time and wall clock part ways: the beginning, and each place where the publisher came back."""
    found, at, discontinuity = [], 0.0, None
    for piece in recording.lead:
        if piece.discontinuity != discontinuity:
            found.append({"at_ms": round(at * 1_000), "wall_us": piece.began_us})
            discontinuity = piece.discontinuity
        at += piece.seconds
    return found


def _rendition(track: Track, listing: Listing) -> dict[str, Any]:
    return {
        **rendition(listing),
        "name": track.rendition,
        "segments": len(listing.segments),
        "gaps": len(listing.entries) - len(listing.segments),
        "playlist": f"{listing.rendition}/index.m3u8",
    }
