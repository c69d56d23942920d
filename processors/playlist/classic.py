"""HLS of protocol version 3 with MPEG-TS segments, for players that know no fragmented MP4 (RFC 8216)."""

from processors.playlist.hls import target_duration
from processors.playlist.rates import Rate, media_rate
from processors.playlist.state import Segment
from processors.playlist.text import MEDIA, date_time, seconds
from processors.playlist.window import Listing, Window
from streams.media.address import segment as segment_address

VERSION = 3
"""Decimal EXTINF (RFC 8216 section 7); nothing else here needs more."""
TARGET_DURATION = 4
"""Seconds, at least every EXTINF: classic players wait this long between reloads, so 2 s segments come two at a time."""

PACKET, PAYLOAD = 188, 184
"""Bytes (ISO/IEC 13818-1 section 2.4.3)."""
TABLE_PACKETS = 20
"""Packets a second of PAT and PMT, each every 100 ms (ISO/IEC 13818-1 annex C)."""
AUDIO_PES_BYTES = 2930
"""Bytes that FFmpeg's muxer puts into one PES packet of audio."""


def classic_master(window: Window) -> str:
    """Every video rendition that is alive, with the audio in its segments."""
    listings = window.playable(parts=False)
    audio = next((listing for listing in listings if listing.declared.kind == "audio"), None)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}"]
    for listing in listings:
        declared = listing.declared
        if declared.kind != "video":
            continue
        rate = _packed(media_rate(listing) + (media_rate(audio) if audio is not None else Rate(0, 0)), declared.frame_rate)
        codecs = ",".join([declared.codecs, *([audio.declared.codecs] if audio is not None else [])])
        lines.append(f'#EXT-X-STREAM-INF:BANDWIDTH={rate},CODECS="{codecs}",RESOLUTION={declared.width}x{declared.height}')
        lines.append(f"{listing.rendition}/ts.m3u8")
    return "\n".join(lines) + "\n"


def _packed(rate: Rate, frame_rate: float) -> int:
    """Bits a second at most as MPEG-TS: packet headers, a packet filled up per picture and per audio PES packet, tables."""
    filled = frame_rate + TABLE_PACKETS + rate.peak / 8 / AUDIO_PES_BYTES
    return round(rate.peak * PACKET / PAYLOAD + filled * PACKET * 8)


def classic_playlist(window: Window, listing: Listing, *, over: bool) -> str:
    """Whole segments of a video rendition for which the audio is whole too, since the newest gap."""
    audio = window.edge("audio").last if window.alive("audio") else None
    run: list[Segment] = []
    for entry in listing.entries:
        if entry.segment is None:
            run.clear()
        elif audio is None or entry.media_sequence <= audio:
            run.append(entry.segment)
    first = run[0].media_sequence if run else 0
    target = max(TARGET_DURATION, target_duration(listing))
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", f"#EXT-X-TARGETDURATION:{target}", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    for index, segment in enumerate(run):
        if index and segment.discontinuity != run[index - 1].discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{date_time(segment.began_us)}")
        lines.append(f"#EXTINF:{seconds(segment.seconds)},")
        place = segment_address(window.channel_id, listing.declared.session_id, listing.rendition, segment.media_sequence)
        lines.append(f"{MEDIA}{place.removesuffix('.m4s')}.ts")
    return "\n".join([*lines, "#EXT-X-ENDLIST"] if over else lines) + "\n"
