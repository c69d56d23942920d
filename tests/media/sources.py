"""Sources as encoders send them: short FLV files of real x264 and AAC, and ffmpeg that pushes one as it is."""

import asyncio
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from streams.edges.ingest.rtmp.chunks import Message
from tests.rtmp_client import AUDIO, VIDEO, tags

SECONDS = 4
KINDS = {
    "b-frames": ("-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=r=48000", "-bf 2 -g 60 -ac 2"),
    "50 fps, mono 44.1 kHz": ("-f lavfi -i testsrc2=size=320x180:rate=50 -f lavfi -i sine=r=44100", "-bf 0 -g 100 -ac 1"),
    "29.97 fps": ("-f lavfi -i testsrc2=size=320x180:rate=30000/1001 -f lavfi -i sine=r=48000", "-bf 0 -g 60 -ac 2"),
    "variable rate": (
        "-f lavfi -i testsrc2=size=320x180:rate=60 -f lavfi -i sine=r=48000",
        "-vf \"select='not(mod(n,1+mod(floor(n/30),4)))'\" -fps_mode vfr -bf 0 -g 60 -ac 2",
    ),
    "open gop": ("-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=r=48000", "-bf 2 -g 45 -x264-params open-gop=1 -ac 2"),
    "no audio": ("-f lavfi -i testsrc2=size=320x180:rate=30", "-bf 0 -g 60"),
}


def encode(folder: Path, name: str, kind: tuple[str, str], seconds: int = SECONDS) -> Path:
    """A file, by ffmpeg's inputs and options."""
    path = folder / f"{name.replace(' ', '-').replace(',', '')}.flv"
    inputs, options = kind
    coder = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -b:a 128k"
    subprocess.run(shlex.split(f"ffmpeg -v error -y {inputs} -t {seconds} {coder} {options} {path}"), check=True)
    return path


async def push(path: Path, url: str, *options: str) -> asyncio.subprocess.Process:
    """Sends a file at the pace at which it plays, without coding it again."""
    return await asyncio.create_subprocess_exec("ffmpeg", "-v", "error", "-re", "-i", str(path), "-c", "copy", *options, "-f", "flv", url)


def stretch(path: Path, begin: int, end: int) -> Iterator[Message]:
    """What an encoder sends that has a stretch of a file, seconds: configurations, and the media from 0 on."""
    for tag in tags(path):
        if tag.kind in {AUDIO, VIDEO} and tag.payload[1] == 0:
            yield tag._replace(timestamp=0)
        elif tag.kind in {AUDIO, VIDEO} and 1_000 * begin <= tag.timestamp < 1_000 * end:
            yield tag._replace(timestamp=tag.timestamp - 1_000 * begin)
