"""I-frame playlists (RFC 8216bis section 4.4.3.6): the first key frame of each segment, as a byte range of it."""

from processors.playlist.hls import entry_seconds, target_duration
from processors.playlist.text import date_time, seconds
from processors.playlist.window import Listing

VERSION = 5
"""EXT-X-MAP in an I-frame playlist (RFC 8216bis section 8); byte ranges need 4."""


def iframe_playlist(listing: Listing, *, over: bool) -> str:
    """One entry a segment. A segment without a key frame is a gap, so that the media sequence numbers stay those of the segments."""
    target = target_duration(listing)
    first = listing.entries[0].media_sequence if listing.entries else 0
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", f"#EXT-X-TARGETDURATION:{target}", "#EXT-X-I-FRAMES-ONLY"]
    lines.append(f"#EXT-X-MEDIA-SEQUENCE:{first}")
    lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{listing.segments[0].discontinuity if listing.segments else 0}")
    shown, init = None, None
    for entry in listing.entries:
        segment, reference = entry.segment, entry.reference
        if reference is not None:
            lines += ["#EXT-X-DISCONTINUITY"] if shown not in {None, reference.discontinuity} else []
            shown = reference.discontinuity
            declared = listing.inits.get(shown)
            if declared is not None and declared.address != init:
                init = declared.address
                lines.append(f'#EXT-X-MAP:URI="{listing.folder}{init}"')
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{date_time(reference.began_us)}")
        if segment is None or not segment.key_frame_bytes:
            lines.append("#EXT-X-GAP")
        lines.append(f"#EXTINF:{seconds(entry_seconds(entry, target))},")
        if segment is not None and segment.key_frame_bytes:
            lines.append(f"#EXT-X-BYTERANGE:{segment.key_frame_bytes}@0")
        lines.append(f"{listing.folder}{entry.address}")
    return "\n".join([*lines, "#EXT-X-ENDLIST"] if over else lines) + "\n"
