"""Sixteen publishers of 6 Mb/s at once, and what a stream costs: `./chronicast bench ingest -- [--publishers N] [--seconds N]`.

The publishers are a process of their own; the ingest has its log in memory and its objects on disk, so it is measured and no broker.
Exits 1 where a frame is unaccounted for, or the bit rate of what came out is not within 5 % of what was sent.
"""

import argparse
import asyncio
import itertools
import json
import multiprocessing
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import structlog
import uvloop

from schemas.events.media import PartProduced, SegmentProduced, StreamEnded
from streams.edges.ingest.rtmp.chunks import Message
from streams.objects import StoredObjects
from tests.bench._machine import machine
from tests.ingest_stage import Stage, profile
from tests.rtmp_client import AUDIO, VIDEO, RtmpClient, metadata, tags

WARM_UP_S = 2.0
LOOP_MS = 10_000
"""Length of what publishers send again and again."""
TOLERANCE = 0.05
"""Of the bit rate (I4)."""
FRAME_RATE = 60
FLV_HEADER, FLV_PICTURE = 5, 1
"""Bytes before a video tag's pictures, and the packet type that says there are some (FLV 10.1, E.4.3)."""
STEP_S = 0.02
"""Publishers send what is due this often, as an encoder's socket does."""


def encode(path: Path) -> None:
    """Ten seconds of 1080p60 at 6 Mb/s."""
    source = "-f lavfi -i testsrc2=size=1920x1080:rate=60 -f lavfi -i sine=r=48000 -t 10"
    video = (
        "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -bf 0 -g 120 -b:v 6M -minrate 6M -maxrate 6M -bufsize 1M -x264-params nal-hrd=cbr"
    )
    subprocess.run(["ffmpeg", "-v", "error", "-y", *source.split(), *video.split(), "-c:a", "aac", "-b:a", "128k", str(path)], check=True)


def resident() -> int:
    """Resident bytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def serve(pipe: Connection, publishers: int, folder: str) -> None:
    """The ingest; answers each word on the pipe with its processor seconds and resident bytes."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    stage = Stage(StoredObjects.at(f"file://{folder}/objects"))
    for number in range(publishers):
        stage.publisher.publish(profile(f"live_{number}", str(number)))
    async with stage.ingest() as edge:
        pipe.send(edge.port)
        while await asyncio.to_thread(pipe.recv):
            pipe.send((time.process_time(), resident()))
        await stage.wait(lambda: len(stage.events(StreamEnded)) == publishers)
    ended = stage.events(StreamEnded)
    parts = [part for part in stage.events(PartProduced) if part.rendition == "source"]
    segments = [segment for segment in stage.events(SegmentProduced) if segment.rendition == "source"]
    late = sorted((part.stored_at - part.received_at) / 1_000 for part in parts)
    pipe.send(
        {
            "frames in": sum(event.frames_in for event in ended),
            "frames out": sum(event.frames_out for event in ended),
            "frames dropped": sum(event.frames_dropped for event in ended),
            "Mb/s out, each": 8e-6 * sum(one.size for one in segments) / sum(one.duration / one.timescale for one in segments),
            "part stored after its last frame, p50 ms": late[len(late) // 2],
            "part stored after its last frame, p99 ms": late[len(late) * 99 // 100],
        }
    )


def script(path: Path, seconds: float) -> Iterator[Message]:
    """The file's media over and over, with their times."""
    media = [tag for tag in tags(path) if tag.kind in {AUDIO, VIDEO}]
    for turn in itertools.count():
        for tag in media:
            at = turn * LOOP_MS + tag.timestamp
            if at > 1_000 * seconds:
                return
            yield tag._replace(timestamp=at)


def frames(path: Path, seconds: float) -> list[int]:
    """Bytes of each picture that a publisher sends."""
    return [len(tag.payload) - FLV_HEADER for tag in script(path, seconds) if tag.kind == VIDEO and tag.payload[1] == FLV_PICTURE]


async def publish(port: int, key: str, path: Path, seconds: float) -> None:
    """Sends the file over and over in real time."""
    client = await RtmpClient.open(port)
    assert await client.publish(key) == "NetStream.Publish.Start"
    await client.send(metadata(framerate=60.0, audiocodecid=10.0, videodatarate=6_000.0))
    begin = time.monotonic()
    for tag in script(path, seconds):
        while (time.monotonic() - begin) * 1_000 < tag.timestamp:
            await asyncio.sleep(STEP_S)
        await client.send(tag)
    await client.leave()


async def publish_all(port: int, publishers: int, path: Path, seconds: float) -> None:
    """All publishers."""
    await asyncio.gather(*(publish(port, f"live_{number}", path, seconds) for number in range(publishers)))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publishers", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    publishers, seconds = options.publishers, options.seconds
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "source.flv")
        encode(path)
        here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        server = context.Process(target=run_server, args=(there, publishers, folder))
        server.start()
        port = here.recv()
        here.send(True)
        _, empty = here.recv()
        clients = context.Process(target=run_publishers, args=(port, publishers, path, seconds))
        clients.start()
        time.sleep(WARM_UP_S)
        here.send(True)
        (before, _), begin = here.recv(), time.monotonic()
        time.sleep(seconds - 2 * WARM_UP_S)
        here.send(True)
        (after, full), took = here.recv(), time.monotonic() - begin
        clients.join()
        here.send(False)
        account = here.recv()
        server.join()
        sent = frames(path, seconds)
    rate = 8e-6 * sum(sent) / len(sent) * FRAME_RATE
    result = {
        "publishers": publishers,
        "Mb/s sent, each": rate,
        "frames sent": publishers * len(sent),
        "cores": round((after - before) / took, 3),
        "cores a stream": round((after - before) / took / publishers, 4),
        "MB a stream": round((full - empty) / publishers / 1e6, 1),
        **account,
        "on": machine(),
    }
    print(json.dumps(result, indent=1))
    whole = result["frames sent"] == account["frames in"] == account["frames out"] + account["frames dropped"]
    raise SystemExit(not whole or abs(account["Mb/s out, each"] / rate - 1) > TOLERANCE)


def run_server(pipe: Connection, publishers: int, folder: str) -> None:
    """Process of the ingest."""
    uvloop.run(serve(pipe, publishers, folder))


def run_publishers(port: int, publishers: int, path: Path, seconds: float) -> None:
    """Process of the publishers."""
    uvloop.run(publish_all(port, publishers, path, seconds))


if __name__ == "__main__":
    main()
