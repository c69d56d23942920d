"""An independent reader: ffmpeg's own HLS and DASH demuxers over HTTP."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator

import pytest
from live_channel import GOP, Channel, encoded, sound
from live_origin import LiveOrigin, World, profile

pytestmark = pytest.mark.media
SEGMENTS = 6


@pytest.fixture
async def origin() -> AsyncIterator[LiveOrigin]:
    """A stream that has ended, after a reconnect."""
    world, channel = World(), Channel([encoded(), encoded("160p30", 160, 90), sound()])
    world.publisher.publish(profile())
    world.publisher.publish(channel.started())
    await world.produce(channel.segments(SEGMENTS))
    world.publisher.publish(channel.ended())
    async with LiveOrigin(world) as running:
        yield running


async def probed(url: str, *options: str) -> dict[str, list[dict[str, str]]]:
    """What ffprobe reads, and it must have no complaint."""
    command = ["ffprobe", "-v", "warning", *options, "-show_streams", "-show_packets", "-of", "json", url]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await process.communicate()
    assert process.returncode == 0, err
    assert err == b""
    found: dict[str, list[dict[str, str]]] = json.loads(out)
    return found


@pytest.mark.row("P1", "P2")
@pytest.mark.parametrize("path", ["master.m3u8", "master.m3u8?latency=normal", "classic.m3u8", "source.m3u8", "source/ts.m3u8"])
async def test_ffmpeg_reads_every_frame_of_every_rendition(origin: LiveOrigin, path: str) -> None:
    found = await probed(f"{origin.url}/live/ana/{path}", "-max_reload", "1")
    kinds = [(stream["index"], stream["codec_type"]) for stream in found["streams"]]
    assert "video" in {kind for _, kind in kinds}
    for index, kind in kinds:
        times = [float(packet["pts_time"]) for packet in found["packets"] if packet["stream_index"] == index]
        if kind == "video":
            assert len(times) == SEGMENTS * GOP
            steps = [round(b - a, 3) for a, b in itertools.pairwise(times)]
            assert set(steps) <= {0.033, 0.034}
        else:
            assert abs(len(times) - SEGMENTS * 2 * 48_000 / 1024) <= 1
