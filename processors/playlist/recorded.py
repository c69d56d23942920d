"""HLS media playlists of what was recorded: whole segments alone, from any beginning on."""

from processors.playlist.hls import Tags, target_duration
from processors.playlist.window import Listing

VERSION = 8
"""EXT-X-GAP (RFC 8216bis section 8)."""


def recorded_playlist(listing: Listing, *, over: bool, vod: bool = False) -> str:
    """A rendition's playlist. A VOD's will never change (RFC 8216bis section 4.4.3.5).

    Another one has no type, even while its beginning stays: EVENT would forbid that it moves later.
    """
    target, segments = target_duration(listing), listing.segments
    first = listing.entries[0].media_sequence if listing.entries else 0
    began = next((entry.reference.discontinuity for entry in listing.entries if entry.reference is not None), 0)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", f"#EXT-X-TARGETDURATION:{target}"]
    lines += ["#EXT-X-PLAYLIST-TYPE:VOD"] if vod else []
    lines.append(f"#EXT-X-MEDIA-SEQUENCE:{first}")
    lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{began}")
    lines += ["#EXT-X-INDEPENDENT-SEGMENTS"] if all(segment.independent for segment in segments) else []
    tags = Tags(listing, target)
    for entry in listing.entries:
        lines += tags.entry(entry)
    return "\n".join([*lines, "#EXT-X-ENDLIST"] if over else lines) + "\n"
