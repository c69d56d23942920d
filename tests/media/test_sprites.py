"""A minute with a pause in it: a picture is taken of each ten seconds while it is live, and the tile of a moment shows that moment."""

import asyncio
import re
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from sources import encode, stretch

from processors.vod.documents import INDEX
from processors.vod.pictures import INTERVAL_S, TILE
from schemas.events import StreamEnded, StreamInterrupted, ThumbnailProduced, VodArchived
from sinks.archive.archivist import Archivist
from sinks.archive.config import ArchiveConfig
from streams.objects import StoredObjects
from streams.objects_tiered import TieredObjects
from tests.ingest_stage import KEY, Stage, profile
from tests.rtmp_client import RtmpClient, metadata

pytestmark = pytest.mark.media
RATE = 10
SECONDS = 64
LEAVES_S, AWAY_S = 34, 7
"""After how many seconds of media the publisher goes, and for how long."""
SEGMENT_S = 2
DUE = (SECONDS + AWAY_S - SEGMENT_S) // INTERVAL_S + 1
"""Tens of seconds in which a segment begins."""
CUE = re.compile(r"(\d+):(\d+):([\d.]+) --> (\d+):(\d+):([\d.]+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)")
Pixels = NDArray[np.uint8]


class Cue(NamedTuple):
    """A span of the VOD's time, seconds, and where its tile is."""

    begin: float
    end: float
    sheet: str
    x: int
    y: int

    @classmethod
    def of(cls, match: re.Match[str]) -> "Cue":
        hours, minutes, seconds, *end = match.groups()[:6]
        begin, until = (int(h) * 3_600 + int(m) * 60 + float(s) for h, m, s in ((hours, minutes, seconds), end))
        assert (int(match[10]), int(match[11])) == TILE
        return cls(begin, until, match[7], int(match[8]), int(match[9]))


class Filmed(NamedTuple):
    """A stream that was live, and its VOD."""

    stage: Stage
    live: list[ThumbnailProduced]
    """Told of before it ended."""
    folder: Path


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Filmed:
    folder = tmp_path_factory.mktemp("sprites")
    source = encode(folder, "source", (f"-f lavfi -i testsrc2=size=320x180:rate={RATE}", f"-bf 0 -g {SEGMENT_S * RATE}"), SECONDS)
    return asyncio.run(film(folder, source))


async def film(folder: Path, source: Path) -> Filmed:
    now = 1_767_225_600_000_000
    stage = Stage(StoredObjects.at(f"file://{folder}/objects"), clock=lambda: now)
    stage.publisher.publish(profile())
    objects, config = TieredObjects({"hot": stage.objects}), ArchiveConfig(late_us=0)
    archivist = Archivist(stage.log, stage.codec, objects, stage.publisher, config, clock=lambda: now, rest_s=0.05)
    await archivist.start()
    async with stage.ingest() as edge:
        for begin, end in ((0, LEAVES_S), (LEAVES_S, SECONDS)):
            client = await RtmpClient.open(edge.port)
            assert await client.publish(KEY) == "NetStream.Publish.Start"
            await client.send(metadata(framerate=float(RATE)))
            for message in stretch(source, begin, end):
                await client.send(message)
            if end == LEAVES_S:
                await client.drop()
                await stage.wait(lambda: stage.events(StreamInterrupted))
                now += (LEAVES_S + AWAY_S) * 1_000_000
        live = await stage.wait(lambda: thumbnails(stage)[DUE - 1 :] and thumbnails(stage))
        assert stage.events(StreamEnded) == []
        await client.leave()
        [vod] = await stage.wait(lambda: stage.events(VodArchived, "library.vod.events.v1"))
    await archivist.close()
    return Filmed(stage, live, folder / "objects" / vod.channel_id / vod.vod_id)


def thumbnails(stage: Stage) -> list[ThumbnailProduced]:
    return stage.events(ThumbnailProduced, "library.thumbnail.events.v1")


def shown(folder: Path) -> Pixels:
    """All pictures of the VOD as ffmpeg decodes them, in the size of a tile."""
    command = f"ffmpeg -v error -allowed_extensions ALL -i {folder}/manifest.m3u8 -fps_mode passthrough -s {TILE.width}x{TILE.height}"
    raw = subprocess.run([*command.split(), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, TILE.height, TILE.width, 3)


def jpeg(path: Path) -> Pixels:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def nearest(picture: Pixels, frames: Pixels) -> int:
    """The frame that is most like a picture, in the mean of all pixels."""
    return int(np.argmin([np.abs(picture.astype(np.int16) - frame).mean() for frame in frames]))


@pytest.mark.row("V12")
def test_a_picture_of_each_ten_seconds_is_there_while_the_stream_is_live(filmed: Filmed) -> None:
    assert [event.index for event in filmed.live] == list(range(DUE))
    assert thumbnails(filmed.stage) == filmed.live, "the archive made none again"
    for event in filmed.live:
        assert sha256((filmed.folder.parents[1] / event.address).read_bytes()).hexdigest() == event.sha256


@pytest.mark.row("V9")
def test_the_tile_of_a_moment_shows_that_moment(filmed: Filmed) -> None:
    frames, index = shown(filmed.folder), (filmed.folder / INDEX).read_text()
    assert len(frames) == SECONDS * RATE
    cues = [Cue.of(match) for match in CUE.finditer(index)]
    assert len(cues) == DUE
    assert [cue.begin for cue in cues] == [0.0, *(cue.end for cue in cues[:-1])]
    assert cues[-1].end == SECONDS
    for cue in cues:
        sheet = jpeg(filmed.folder / "thumbnails" / cue.sheet)
        tile = sheet[cue.y : cue.y + TILE.height, cue.x : cue.x + TILE.width]
        assert nearest(tile, frames) == round(cue.begin * RATE), cue
        assert cue.end - cue.begin <= INTERVAL_S + SEGMENT_S
