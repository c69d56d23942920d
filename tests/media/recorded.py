"""Recorded sources: real x264 streams, cut into parts and segments as the ingest cuts them."""

import io
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av

from sinks.transcoder.protocol import SourcePart
from streams.media import fmp4
from streams.media.track import Sample, VideoTrack

TICKS = 90_000


class Recording(NamedTuple):
    """A source: its initialisation segment and its parts in order."""

    init: bytes
    frame_rate: float
    parts: list[SourcePart]

    @property
    def seconds(self) -> float:
        """Its length."""
        return sum(part.duration for part in self.parts) / TICKS


def record(
    folder: Path, size="1280x720", rate="30", seconds=6, *, options=(), noise=0, first_sequence=1000, start=0, select=""
) -> Recording:
    """Encodes a moving picture (with noise of a strength where asked) with 2 s closed GOPs unless `options` say otherwise."""
    path = folder / "source.mp4"
    gop = round(float(Fraction(rate)) * 2)
    filters = [f"noise=alls={noise}:allf=t"] if noise else []
    filters += [select] if select else []
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}"]
    command += ["-vf", ",".join(filters)] if filters else []
    command += ["-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "veryfast", "-b:v", "4M", "-g", str(gop), "-keyint_min", str(gop)]
    command += ["-sc_threshold", "0", "-bf", "0", *options, "-pix_fmt", "yuv420p", "-video_track_timescale", str(TICKS), str(path)]
    subprocess.run(command, check=True)
    return cut(path, float(Fraction(rate)), first_sequence, start)


def cut(path: Path, frame_rate: float, first_sequence: int, start: int = 0) -> Recording:
    """Parts of a file's video: a key frame ends a segment, parts hold 0.2 s of frames."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        track = VideoTrack(stream.width, stream.height, frame_rate, bytes(stream.codec_context.extradata))
        packets = [packet for packet in container.demux(stream) if packet.size]
        offset = start - packets[0].dts
        samples = [
            Sample(p.dts + offset, (after.dts if after else p.dts + p.duration) - p.dts, p.pts - p.dts, p.is_keyframe, bytes(p))
            for p, after in zip(packets, [*packets[1:], None], strict=True)
        ]
    return Recording(fmp4.init_segment(track), frame_rate, list(_parts(samples, round(0.2 * frame_rate), first_sequence)))


def _parts(samples: list[Sample], frames: int, sequence: int) -> Iterator[SourcePart]:
    part, pending = 0, list[Sample]()

    def made() -> SourcePart:
        begin, last = pending[0].decode_time, pending[-1]
        return SourcePart(sequence, part, begin, last.decode_time + last.duration - begin, fmp4.fragment(sequence << 8 | part, pending))

    for sample in samples:
        if pending and (sample.key or len(pending) == frames):
            yield made()
            part, sequence = (0, sequence + 1) if sample.key else (part + 1, sequence)
            pending = []
        pending.append(sample)
    yield made()


def decoded(init: bytes, parts: list[bytes]) -> list[av.VideoFrame]:
    """The pictures of a rendition, as a player would show them."""
    with av.open(io.BytesIO(init + b"".join(parts)), format="mp4") as container:
        return list(container.decode(video=0))
