"""Whole segments by ffmpeg: one stateless process a segment, for sources that the long-lived encoder cannot keep up with or not survive.

Costs a third more than the live path and a segment of latency, and needs nothing from the segment before.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av

from processors.transcode.ladder import Rendition, Source, below
from sinks.ffmpeg_run import run_ffmpeg
from sinks.transcoder import parts, windows
from sinks.transcoder.encoder import TIMESCALE, Encoder, SegmentInput, segment_command
from sinks.transcoder.protocol import Declared, Made, SourcePart
from sinks.transcoder.windows import Picture, Window
from streams.media import fmp4_reader
from streams.media.track import VideoTrack

LIMIT_S = 30.0
"""A segment of 2 s takes 0.3-0.5 s; whatever takes this long hangs."""


class SegmentJobError(RuntimeError):
    """A segment cannot be transcoded. Operator action: read why in the message; the source is damaged."""


async def transcode(
    init: bytes, segment: Sequence[SourcePart], frame_rate: float, names: Sequence[str], encoder: Encoder
) -> list[Declared | Made]:
    """Every rendition of one source segment, cut into the same parts.

    Args:
        init: the source's initialisation segment.
        segment: all parts of a segment that begins with a key frame.
        frame_rate: frames a second of the source, 0 if unknown.
        names: renditions to make; those not below the source are left out.
        encoder: x264 or nvenc.

    Raises:
        FfmpegError: ffmpeg failed or hung.
        SegmentJobError: the source declares no video, or ffmpeg gave no picture for a part.
        MalformedFragmentError: the source is no CMAF.
    """
    track = fmp4_reader.track(init)
    if not isinstance(track, VideoTrack):
        raise SegmentJobError("the source's initialisation segment declares no video")
    wanted = [rendition for rendition in below(Source(track.width, track.height, frame_rate)) if rendition.name in names]
    if not wanted:
        return []
    spans = _windows(segment)
    with tempfile.TemporaryDirectory(prefix="segment-job-") as name:
        folder = Path(name)
        source = folder / "source.mp4"
        await asyncio.to_thread(source.write_bytes, init + b"".join(part.data for part in segment))
        begins = tuple(span.begin / TIMESCALE for span in spans)
        outputs = {folder / f"{rendition.name}.mp4": rendition for rendition in wanted}
        await run_ffmpeg(segment_command(encoder, SegmentInput(source, frame_rate, begins[0], begins), outputs), LIMIT_S)
        return await asyncio.to_thread(_read, outputs, spans, windows.tolerance(frame_rate))


def _windows(segment: Sequence[SourcePart]) -> list[Window]:
    firsts = [fmp4_reader.samples(part.data)[0] for part in segment]
    return [windows.window(part, first, firsts[0].composition_offset) for part, first in zip(segment, firsts, strict=True)]


def _read(outputs: dict[Path, Rendition], spans: list[Window], early: int) -> list[Declared | Made]:
    """What ffmpeg made, in parts: each picture in the part whose time it falls in."""
    found: list[Declared | Made] = []
    for path, rendition in outputs.items():
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            avcc = bytes(stream.codec_context.extradata or b"")
            pictures = [Picture(packet.pts or 0, packet.is_keyframe, bytes(packet)) for packet in container.demux(stream) if packet.size]
        found.append(parts.declared(rendition, VideoTrack(rendition.width, rendition.height, rendition.frame_rate, avcc, TIMESCALE)))
        for index, span in enumerate(spans):
            past = spans[index + 1].begin - early if index + 1 < len(spans) else None
            inside = [picture for picture in pictures if span.begin - early <= picture.time and (past is None or picture.time < past)]
            if not inside:
                raise SegmentJobError(f"no picture of {rendition.name} in part {span.part} of segment {span.media_sequence}")
            found.append(parts.made(span, rendition.name, inside))
    return found
