"""Puts a clip's tracks into one MP4 whose index comes first, so that it plays while it loads."""

import asyncio
import tempfile
from pathlib import Path

import ffmpeg

from sinks.clips.cutting import Cut
from sinks.ffmpeg_run import run_ffmpeg

LIMIT_S = 30.0
"""A minute of 6 Mb/s takes 0.2 s; whatever takes this long hangs."""


async def muxed(cut: Cut) -> bytes:
    """The MP4 of a clip: both tracks copied, their first picture at 0.

    Raises:
        FfmpegError: ffmpeg failed or hung.
    """
    with tempfile.TemporaryDirectory(prefix="clip-") as name:
        folder = Path(name)
        tracks = {"video.mp4": cut.video, "audio.mp4": cut.audio}
        for file, data in tracks.items():
            if data:
                await asyncio.to_thread((folder / file).write_bytes, data)
        await run_ffmpeg(command(folder, cut), LIMIT_S)
        return await asyncio.to_thread((folder / "clip.mp4").read_bytes)


def command(folder: Path, cut: Cut) -> list[str]:
    """The command line. `-copyts`: ffmpeg would begin each input at 0, and sound would slip by up to a frame."""
    streams = [ffmpeg.input(str(folder / "video.mp4")).video]
    if cut.audio:
        streams.append(ffmpeg.input(str(folder / "audio.mp4")).audio)
    options = {"c": "copy", "movflags": "+faststart", "output_ts_offset": f"{-float(cut.delay):.6f}", "avoid_negative_ts": "disabled"}
    made = ffmpeg.output(*streams, str(folder / "clip.mp4"), **options)
    found: list[str] = made.global_args("-nostdin", "-hide_banner", "-loglevel", "error", "-copyts").compile(overwrite_output=True)
    return found
