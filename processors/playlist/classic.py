"""HLS of protocol version 3 with MPEG-TS segments, for players that know no fragmented MP4 (RFC 8216)."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from processors.playlist.rates import Rate, media_rate
from processors.playlist.state import Segment
from processors.playlist.text import MEDIA, date_time, seconds
from processors.playlist.window import Listing, Window
from streams.media.address import transport_stream

VERSION = 3
"""Decimal EXTINF (RFC 8216 section 7); nothing else here needs more."""
TARGET_DURATION = 4
"""Seconds, of two segments of 2 s; more only where two did come out longer."""

PACKET, PAYLOAD = 188, 184
"""Bytes (ISO/IEC 13818-1 section 2.4.3)."""
TABLE_PACKETS = 20
"""Packets a second of PAT and PMT, each every 100 ms (ISO/IEC 13818-1 annex C)."""
AUDIO_PES_BYTES = 2930
"""Bytes that FFmpeg's muxer puts into one PES packet of audio."""


class Pair(NamedTuple):
    """A segment of the classic playlist: two of ours, or one of them."""

    number: int
    """Its media sequence number: half of ours, so that no state is needed to count pairs."""
    segments: Sequence[Segment]

    @property
    def seconds(self) -> float:
        """Its length."""
        return sum(segment.seconds for segment in self.segments)


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
    """Pairs of whole segments of a video rendition for which the audio is whole too, since the newest gap."""
    start, run = _run(window, listing)
    listed = pairs(run, over=over)
    first = listed[0].segments[0] if listed else run[0] if run else next(reversed(listing.segments), None)
    discontinuity = first.discontinuity if first is not None else 0
    target = max([TARGET_DURATION, *(round(pair.seconds) for pair in listed)])
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", f"#EXT-X-TARGETDURATION:{target}", f"#EXT-X-MEDIA-SEQUENCE:{(start + 1) // 2}"]
    lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuity}")
    for pair in listed:
        first, last = pair.segments[0], pair.segments[-1]
        lines += ["#EXT-X-DISCONTINUITY"] * (first.discontinuity - discontinuity)  # two where all between them was left out
        discontinuity = first.discontinuity
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{date_time(first.began_us)}")
        lines.append(f"#EXTINF:{seconds(pair.seconds)},")
        place = (window.channel_id, listing.declared.session_id, listing.rendition, first.media_sequence, last.media_sequence)
        lines.append(f"{MEDIA}{transport_stream(*place)}")
    return "\n".join([*lines, "#EXT-X-ENDLIST"] if over else lines) + "\n"


def listed_pairs(window: Window, listing: Listing, *, over: bool) -> list[Pair]:
    """What the playlist lists."""
    return pairs(_run(window, listing)[1], over=over)


def _run(window: Window, listing: Listing) -> tuple[int, list[Segment]]:
    """Consecutive whole segments with audio, up to the newest, and the number with which they begin or will."""
    audio = window.edge("audio").last if window.alive("audio") else None
    start = listing.entries[0].media_sequence if listing.entries else 0
    run: list[Segment] = []
    for entry in listing.entries:
        if entry.segment is None:
            start = entry.media_sequence + 1
            run.clear()
        elif audio is None or entry.media_sequence <= audio:
            run.append(entry.segment)
    return start, run


def pairs(run: Sequence[Segment], *, over: bool) -> list[Pair]:
    """Consecutive segments in pairs that begin with an even number, wherever the run begins; `over`: no more will come.

    A pair has one number, so where a discontinuity falls within it, the segment before is left out: the rest of what a publisher had
    sent when it went, at most one segment. So is a first segment whose even one has left the window.
    """
    found: list[Pair] = []
    for first, second in zip_longest(run, run[1:]):
        if first.media_sequence % 2:
            continue
        if second is None:
            if over:
                found.append(Pair(first.media_sequence // 2, (first,)))
        elif second.discontinuity != first.discontinuity:
            found.append(Pair(first.media_sequence // 2, (second,)))
        else:
            found.append(Pair(first.media_sequence // 2, (first, second)))
    return found
