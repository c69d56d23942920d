"""One ffmpeg that makes a ladder from a live stream: what our transcoder's CPU is held against."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from processors.transcode.ladder import Rendition
from sinks.transcoder.encoder import codec_options


@contextlib.asynccontextmanager
async def one_ffmpeg(url: str, renditions: list[Rendition]) -> AsyncIterator[int]:
    """Its process id, for the block: reads the stream, encodes every rendition with our encoder options, writes nowhere."""
    count = len(renditions)
    split = f"[0:v]split={count}" + "".join(f"[in{i}]" for i in range(count))
    scaled = [f"[in{i}]scale={one.width}:{one.height}:flags=bicubic[out{i}]" for i, one in enumerate(renditions)]
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", url, "-filter_complex", ";".join((split, *scaled))]
    for i, one in enumerate(renditions):
        options = codec_options("x264", one, one.key_frame_interval)
        command += ["-map", f"[out{i}]", "-map", "0:a", "-c:a", "copy", "-c:v", "libx264", "-threads", "1"]
        command += [word for name, value in options.items() for word in (f"-{name}:v" if name in {"b", "profile"} else f"-{name}", value)]
        command += ["-f", "null", "-"]
    process = await asyncio.create_subprocess_exec("setpriv", "--pdeathsig", "TERM", "--", *command)
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
