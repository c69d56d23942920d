"""The HLS multivariant playlist (RFC 8216bis section 4.4.6)."""

from collections.abc import Iterator, Sequence

from processors.playlist.rates import Rate, key_frame_rate, media_rate
from processors.playlist.window import Listing, Window

VERSION = 6
"""What its media playlists need at least: EXT-X-MAP without I-FRAMES-ONLY (RFC 8216bis section 8)."""
AUDIO_GROUP = "audio"


def master_playlist(window: Window, *, parts: bool, session: str = "") -> str:
    """The renditions that are alive and stay, best first, audio alone last. Empty of variants only before the first part.

    A viewer's session goes into the addresses of the media playlists.
    """
    return master(window.playable(parts=parts), folder_of(session) + ("{}.m3u8" if parts else "{}.m3u8?latency=normal"))


def master(listings: Sequence[Listing], uri: str) -> str:
    """The given renditions; `uri` leads to a media playlist once a rendition's name is put into it."""
    audio = next((listing for listing in listings if listing.declared.kind == "audio"), None)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}"]
    if all(segment.independent for listing in listings for segment in listing.segments):
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    if audio is not None:
        channels = f',CHANNELS="{audio.declared.channels}"' if audio.declared.channels else ""
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{AUDIO_GROUP}",NAME="Stream",AUTOSELECT=YES,DEFAULT=YES{channels},'
            f'URI="{uri.format(audio.rendition)}"'
        )
    for listing in listings:
        lines += [f"#EXT-X-STREAM-INF:{_attributes(listing, audio)}", uri.format(listing.rendition)]
    for listing in listings:
        lines += _key_frames(listing)
    return "\n".join(lines) + "\n"


def folder_of(session: str) -> str:
    """The folder, relative to the master's, of a session's media playlists.

    A folder and not a query: what they say of each other relative to themselves (EXT-X-RENDITION-REPORT) stays in the session, in
    one text for all viewers.
    """
    return f"~{session}/" if session else ""


def _attributes(listing: Listing, audio: Listing | None) -> str:
    declared, rate, codecs = listing.declared, media_rate(listing), [listing.declared.codecs]
    if audio is not None and audio is not listing:
        rate += media_rate(audio)
        codecs.append(audio.declared.codecs)
    text = f'{_bandwidth(rate)},CODECS="{",".join(codecs)}"'
    if declared.kind == "video":
        text += f",RESOLUTION={declared.width}x{declared.height},FRAME-RATE={declared.frame_rate:.3f}"
    return text + (f',AUDIO="{AUDIO_GROUP}"' if audio is not None else "")


def _bandwidth(rate: Rate) -> str:
    return f"BANDWIDTH={rate.peak},AVERAGE-BANDWIDTH={rate.mean}"


def _key_frames(listing: Listing) -> Iterator[str]:
    rate = key_frame_rate(listing)
    if rate is not None and listing.declared.kind == "video":
        declared = listing.declared
        yield (
            f'#EXT-X-I-FRAME-STREAM-INF:{_bandwidth(rate)},CODECS="{declared.codecs}",'
            f'RESOLUTION={declared.width}x{declared.height},URI="{listing.rendition}/iframes.m3u8"'
        )
