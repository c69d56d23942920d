"""Encoder options, built in one place for x264 and NVENC: as codec options of the live path and as an ffmpeg command of a segment job."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import ffmpeg

from processors.transcode.ladder import AUDIO_BIT_RATE, Rendition

Encoder = Literal["x264", "nvenc"]

CODEC: dict[Encoder, str] = {"x264": "libx264", "nvenc": "h264_nvenc"}
"""Names by which libavcodec knows them."""
ENDLESS = 1 << 30
"""Key frame interval of the live path: none but the forced ones. x264's own value for infinite (X264_KEYINT_MAX_INFINITE)."""
GRID_TOLERANCE = 0.25
"""Part of an output frame's time by which a frame may come early: RTMP rounds to milliseconds, 3% of a frame at 30 a second, and
half a frame is where the next one lies."""
TIMESCALE = 90_000
"""Ticks a second of all video."""


class SegmentInput(NamedTuple):
    """What a segment job reads."""

    path: Path
    """Initialisation segment and segment in one file."""
    frame_rate: float
    """Frames a second of the source."""
    begin: float
    """Presentation time of the first frame, seconds."""
    parts: tuple[float, ...]
    """Presentation times at which its parts begin, seconds."""
    audio: Literal["none", "aac", "other"] = "none"
    """Whether it carries audio, and whether that can be copied."""


def codec_options(encoder: Encoder, rendition: Rendition, key_frame_interval: int) -> dict[str, str]:
    """Private and generic options of the codec, by libavcodec's names.

    No B-frames and no lookahead: a frame is out before the next is in. Key frames only where the interval or the caller says.
    """
    common = {
        "b": str(rendition.bit_rate),
        "maxrate": str(rendition.max_rate),
        "bufsize": str(rendition.buffer_size),
        "g": str(key_frame_interval),
        "sc_threshold": "0",
        "bf": "0",
        "forced-idr": "1",
        "profile": rendition.profile,
        "level": rendition.level,
    }
    if encoder == "nvenc":
        return {**common, "preset": "p4", "tune": "ull", "rc": "vbr", "no-scenecut": "1", "zerolatency": "1"}
    return {**common, "preset": "veryfast", "tune": "zerolatency"}


def live_options(encoder: Encoder, rendition: Rendition) -> dict[str, str]:
    """Codec options of the live path, where the source's segments say where key frames are.

    One thread an encoder: sliced threads cost bits, and the renditions of a job run beside each other.
    """
    return {**codec_options(encoder, rendition, ENDLESS), "threads": "1"}


def segment_command(encoder: Encoder, source: SegmentInput, outputs: Mapping[Path, Rendition]) -> list[str]:
    """A whole-segment job: one decode, every rendition, timestamps as in the source.

    `-copyts` keeps the timeline, `-muxdelay 0` keeps the muxer from shifting it, and a passthrough frame sync with a 90 kHz encoder time
    base keeps each frame's time to the tick. Audio is copied where it is AAC: each start of an encoder would add its priming samples.
    """
    accelerated = {"hwaccel": "cuda"} if encoder == "nvenc" else {}
    stream = ffmpeg.input(str(source.path), **accelerated)
    made = []
    for picture, (path, rendition) in zip(_split(stream.video, len(outputs)), outputs.items(), strict=True):
        scaled = _reduced(picture, source, rendition).filter("scale", rendition.width, rendition.height).filter("setsar", 1)
        tracks = [scaled] if source.audio == "none" else [scaled, stream.audio]
        made.append(ffmpeg.output(*tracks, str(path), **_video(encoder, rendition), **_audio(source), **_MUXER))
    command: list[str] = (
        ffmpeg.merge_outputs(*made).global_args("-nostdin", "-hide_banner", "-loglevel", "error", "-copyts").compile(overwrite_output=True)
    )
    return command


def _split(video: Any, count: int) -> list[Any]:
    """As many pads of the decoded pictures as there are renditions."""
    if count == 1:
        return [video]
    pads = video.filter_multi_output("split", count)
    return [pads.stream(index) for index in range(count)]


def _reduced(picture: Any, source: SegmentInput, rendition: Rendition) -> Any:
    """Drops frames on the rendition's time grid, as the live path does; each part keeps its first."""
    if not reduces(source.frame_rate, rendition):
        return picture
    slot = f"floor((%s-{source.begin:.6f})*{rendition.frame_rate:.6f}+{GRID_TOLERANCE})"
    conditions = ["isnan(prev_t)", f"gt({slot % 't'},{slot % 'prev_t'})"]
    early = GRID_TOLERANCE / rendition.frame_rate
    conditions += [f"gte(t,{begin - early:.6f})*lt(prev_t,{begin - early:.6f})" for begin in source.parts]
    return picture.filter("select", "+".join(conditions))


def reduces(frame_rate: float, rendition: Rendition) -> bool:
    """Whether frames must be dropped; a source whose rate is unknown is taken as it comes."""
    return frame_rate > rendition.frame_rate * 1.01


def _video(encoder: Encoder, rendition: Rendition) -> dict[str, Any]:
    """The rendition's codec options as arguments of the command line."""
    named = codec_options(encoder, rendition, rendition.key_frame_interval)
    typed = {f"{name}:v" if name in ("b", "profile", "level") else name: value for name, value in named.items()}
    return {"c:v": CODEC[encoder], **typed, "pix_fmt": "yuv420p", "fps_mode": "passthrough", "enc_time_base": f"1:{TIMESCALE}"}


def _audio(source: SegmentInput) -> dict[str, Any]:
    if source.audio == "other":
        return {"c:a": "aac", "b:a": f"{AUDIO_BIT_RATE // 1000}k"}
    return {"c:a": "copy"} if source.audio == "aac" else {}


_MUXER: dict[str, Any] = {
    "f": "mp4",
    "movflags": "+frag_keyframe+empty_moov+default_base_moof+frag_discont+cmaf",
    "video_track_timescale": TIMESCALE,
    "muxdelay": 0,
    "muxpreload": 0,
}
