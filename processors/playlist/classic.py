"""HLS of protocol version 3 with MPEG-TS segments, for players that know no fragmented MP4 (RFC 8216)."""

from collections.abc import Sequence
from itertools import groupby, takewhile
from typing import NamedTuple

from processors.playlist.master import folder_of
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
    """A segment of the classic playlist: two of ours, or one of them at a discontinuity."""

    number: int
    """Its media sequence number, as `pair_number` tells it of each of them."""
    segments: Sequence[Segment]

    @property
    def seconds(self) -> float:
        """Its length."""
        return sum(segment.seconds for segment in self.segments)


def pair_number(segment: Segment) -> int:
    """The number of the pair that a segment belongs to, so that no state is needed to count pairs.

    From a segment to the next it grows by one in two; over a discontinuity both terms grow by one, so that the next pair begins there
    in any case, and no number is left out.
    """
    return (segment.media_sequence + segment.discontinuity) // 2


def _second(segment: Segment) -> bool:
    """Whether a segment is the second half of its pair."""
    return (segment.media_sequence + segment.discontinuity) % 2 == 1


def classic_master(window: Window, session: str = "") -> str:
    """Every video rendition that is alive and stays, with the audio in its segments; a viewer's session goes into their addresses."""
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
        lines.append(f"{folder_of(session)}{listing.rendition}/ts.m3u8")
    return "\n".join(lines) + "\n"


def _packed(rate: Rate, frame_rate: float) -> int:
    """Bits a second at most as MPEG-TS: packet headers, a packet filled up per picture and per audio PES packet, tables."""
    filled = frame_rate + TABLE_PACKETS + rate.peak / 8 / AUDIO_PES_BYTES
    return round(rate.peak * PACKET / PAYLOAD + filled * PACKET * 8)


def classic_playlist(window: Window, listing: Listing, *, over: bool) -> str:
    """Pairs of whole segments of a video rendition for which the audio is whole too, since the newest gap."""
    run = _run(window, listing)
    listed = pairs(run, over=over)
    first = run[0] if run else next(reversed(listing.segments), None)
    discontinuity = first.discontinuity if first is not None else 0
    begins = pair_number(run[0]) if run else _next_number(listing, discontinuity)
    target = max([TARGET_DURATION, *(round(pair.seconds) for pair in listed)])
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", f"#EXT-X-TARGETDURATION:{target}", f"#EXT-X-MEDIA-SEQUENCE:{begins}"]
    lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuity}")
    for pair in listed:
        first, last = pair.segments[0], pair.segments[-1]
        if first.discontinuity != discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        discontinuity = first.discontinuity
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{date_time(first.began_us)}")
        lines.append(f"#EXTINF:{seconds(pair.seconds)},")
        place = (window.channel_id, listing.declared.session_id, listing.rendition, first.media_sequence, last.media_sequence)
        lines.append(f"{MEDIA}{transport_stream(*place)}")
    return "\n".join([*lines, "#EXT-X-ENDLIST"] if over else lines) + "\n"


def _next_number(listing: Listing, discontinuity: int) -> int:
    """The number of the pair that comes next, at the beginning or after a gap: of the oldest segment since then, which waits for audio."""
    waiting = [entry.segment for entry in takewhile(lambda entry: entry.segment is not None, reversed(listing.entries))]
    if waiting and waiting[-1] is not None:
        return pair_number(waiting[-1])
    return (listing.entries[-1].media_sequence + 1 + discontinuity) // 2 if listing.entries else 0


def listed_pairs(window: Window, listing: Listing, *, over: bool) -> list[Pair]:
    """What the playlist lists."""
    return pairs(_run(window, listing), over=over)


def _run(window: Window, listing: Listing) -> list[Segment]:
    """Consecutive whole segments with audio, up to the newest, from the beginning of a pair on."""
    audio = window.edge("audio").last if window.alive("audio") else None
    run: list[Segment] = []
    for entry in listing.entries:
        if entry.segment is None:
            run.clear()
        elif audio is None or entry.media_sequence <= audio:
            if run and entry.segment.discontinuity > run[-1].discontinuity + 1:
                run.clear()  # all between two discontinuities is missing: a gap, and a number may be
            run.append(entry.segment)
    # The first half of the oldest may have left the window; where the window is not full yet, there was none.
    slid = bool(run) and run[0] is listing.entries[0].segment and window.full(listing)
    return run[1:] if slid and _second(run[0]) else run


def pairs(run: Sequence[Segment], *, over: bool) -> list[Pair]:
    """Consecutive segments in pairs, every one in one of them; the last waits for its second half unless it is `over`."""
    found = [Pair(number, tuple(segments)) for number, segments in groupby(run, pair_number)]
    waits = found and not over and not _second(found[-1].segments[-1])
    return found[:-1] if waits else found
