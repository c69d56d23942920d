"""A real stream, pushed by ffmpeg, that ends: its VOD is whole, plays, and holds every frame once."""

import asyncio
import io
import json
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path

import av
import pytest
from live_origin import LiveOrigin

from schemas.events import JobAssigned, StreamEnded, StreamStarted, ThumbnailProduced, VodArchived
from sinks.archive.archivist import Archivist
from sinks.transcoder.worker import MediaWorker, WorkerConfig
from streams.log_memory import MemoryLog
from streams.objects import StoredObjects
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher
from tests.ingest_stage import KEY, Stage, profile

pytestmark = pytest.mark.media
SECONDS = 12
FRAMES = SECONDS * 30


def pushed(url: str) -> list[str]:
    source = f"-re -f lavfi -i testsrc2=size=320x180:rate=30 -re -f lavfi -i sine=r=48000 -t {SECONDS}"
    return shlex.split(f"ffmpeg -v error {source} -c:v libx264 -preset ultrafast -g 60 -bf 0 -pix_fmt yuv420p -c:a aac -f flv {url}")


class Recorded(Stage):
    """An ingest, an archivist and a stream that has ended."""

    def __init__(self, folder: Path) -> None:
        super().__init__(StoredObjects.at(f"file://{folder}/objects"))
        self.folder = folder / "objects"
        self.tiers = {"hot": self.objects, **{tier: StoredObjects.at(f"file://{folder}/{tier}") for tier in ("warm", "cold")}}

    def archivist(self) -> Archivist:
        return Archivist(self.log, self.codec, TieredObjects(self.tiers), self.publisher, rest_s=0.05)

    async def push(self) -> VodArchived:
        self.publisher.publish(profile())
        archivist = self.archivist()
        await archivist.start()
        worker = MediaWorker(self.log, self.codec, self.objects, self.publisher, WorkerConfig("w1", "test", 100.0))
        await worker.start()
        async with self.ingest() as edge:
            process = await asyncio.create_subprocess_exec(*pushed(f"rtmp://127.0.0.1:{edge.port}/app/{KEY}"))
            [started] = await self.wait(lambda: self.events(StreamStarted), 10)
            self.publisher.publish(job(started))
            assert await process.wait() == 0
            await self.wait(lambda: self.events(StreamEnded))
            [vod] = await self.wait(lambda: self.events(VodArchived, "library.vod.events.v1"), 20)
        await worker.close()
        await archivist.close()
        return vod


def job(started: StreamStarted) -> JobAssigned:
    names = {"channel_id": started.channel_id, "session_id": started.session_id, "job_id": started.session_id, "worker_id": "w1"}
    return JobAssigned(**names, renditions=("160p30",), attempt=1, reason="started")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recorded, VodArchived]:
    stage = Recorded(tmp_path_factory.mktemp("archive"))
    return stage, asyncio.run(stage.push())


def listing(stage: Recorded, vod: VodArchived) -> list[str]:
    folder = stage.folder / vod.channel_id / vod.vod_id
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.row("V1", "V2", "V12")
def test_the_archive_has_the_layout_and_no_second_copy(recorded: tuple[Recorded, VodArchived]) -> None:
    stage, vod = recorded
    segments = [f"{number:05d}.m4s" for number in range(1, SECONDS // 2 + 1)]
    assert listing(stage, vod) == sorted(
        [
            *(f"160p30/{name}" for name in ("iframes.m3u8", "index.m3u8", "init-0.mp4", *segments)),
            *(f"audio/{name}" for name in ("index.m3u8", "init-0.mp4", *segments)),
            *(f"source/{name}" for name in ("iframes.m3u8", "index.m3u8", "init-0.mp4", *segments)),
            *(f"thumbnails/{name}" for name in ("00001.jpg", "00002.jpg", "sprites-1.jpg", "sprites.vtt")),
            "manifest.m3u8",
            "metadata.json",
            "segments.json",
        ]
    )
    produced = {event.address: event for event in stage.all("media.segment.events.v1") if hasattr(event, "address")}
    table = json.loads((stage.folder / vod.channel_id / vod.vod_id / "segments.json").read_bytes())["recording"]
    for track in table["tracks"]:
        for number, piece in enumerate(track["pieces"], 1):
            kept = stage.folder / vod.channel_id / vod.vod_id / track["rendition"] / f"{number:05d}.m4s"
            assert kept.samefile(stage.folder / piece["address"])
            assert piece["sha256"] == produced[piece["address"]].sha256
    assert len(stage.events(ThumbnailProduced, "library.thumbnail.events.v1")) == 2


@pytest.mark.row("V1", "V8")
def test_every_frame_is_there_once_and_the_sound_has_no_hole(recorded: tuple[Recorded, VodArchived]) -> None:
    stage, vod = recorded
    manifest = stage.folder / vod.channel_id / vod.vod_id / "manifest.m3u8"
    shown = subprocess.run(
        shlex.split(f"ffprobe -v error -allowed_extensions ALL -show_entries packet=stream_index,codec_type,pts -of json {manifest}"),
        check=True,
        capture_output=True,
    )
    tracks: dict[tuple[str, int], list[int]] = {}
    for packet in json.loads(shown.stdout)["packets"]:
        tracks.setdefault((packet["codec_type"], packet["stream_index"]), []).append(packet["pts"])
    assert {kind for kind, _ in tracks} == {"audio", "video"}
    for (kind, _), times in tracks.items():
        if kind == "video":
            assert len(times) == len(set(times)) == FRAMES
        else:
            assert {after - before for before, after in pairwise(times)} == {1_024}
    assert shown.stderr == b""


@pytest.mark.row("V1", "V7", "V8", "V9")
async def test_the_origin_serves_it_with_key_frames_by_range_and_the_right_tile(recorded: tuple[Recorded, VodArchived]) -> None:
    stage, vod = recorded
    async with LiveOrigin(stage) as origin:
        assert await origin.text(f"/vod/{vod.vod_id}/master.m3u8") == await origin.text(f"/vod/{vod.vod_id}/manifest.m3u8")
        iframes = await origin.text(f"/vod/{vod.vod_id}/source/iframes.m3u8")
        init = await body(origin, f"/vod/{vod.vod_id}/source/init-0.mp4")
        for line, name in zip(iframes.split("#EXT-X-BYTERANGE:")[1:], range(1, SECONDS // 2 + 1), strict=True):
            length = int(line.partition("@")[0])
            data = await body(origin, f"/vod/{vod.vod_id}/source/{name:05d}.m4s", Range=f"bytes=0-{length - 1}")
            [picture] = pictures(init + data)
            assert picture.key_frame
        sprites = await origin.text(f"/vod/{vod.vod_id}/thumbnails/sprites.vtt")
        assert "00:00:10.000 --> 00:00:12.000\nsprites-1.jpg#xywh=160,0,160,90" in sprites
        [listed] = json.loads(await origin.text("/api/vods?channel=CHANNEL7"))["vods"]
        assert (listed["vod_id"], listed["duration_ms"]) == (vod.vod_id, SECONDS * 1_000)
        assert json.loads(await origin.text(listed["metadata"]))["thumbnails"]["count"] == 2
        assert '"fix"' in await origin.text(f"/vod/{vod.vod_id}/../../secret", 404)
        assert '"unknown_vod"' in await origin.text("/vod/nothing/master.m3u8", 404)


@pytest.mark.row("E8", "V11")
async def test_rewinding_plays_the_same_segments_from_the_beginning(recorded: tuple[Recorded, VodArchived]) -> None:
    stage, _ = recorded
    async with LiveOrigin(stage) as origin:
        assert "source/rewind.m3u8" in await origin.text("/live/channel7/rewind.m3u8")
        text = await origin.text("/live/channel7/source/rewind.m3u8")
        assert text.count("#EXTINF") == SECONDS // 2
        for line in text.splitlines():
            if line.startswith("/media/"):
                assert (stage.folder / line.removeprefix("/media/")).exists()


async def test_archiving_again_changes_nothing(recorded: tuple[Recorded, VodArchived]) -> None:
    stage, vod = recorded
    files = contents(stage, vod)
    again = Stage(stage.objects, forgetful(stage.log))
    archivist = Archivist(again.log, stage.codec, TieredObjects(stage.tiers), Publisher(again.log, stage.codec, "again"), rest_s=0.05)
    again.codec = stage.codec
    await archivist.start()
    [twin] = await again.wait(lambda: again.events(VodArchived, "library.vod.events.v1"), 20)
    await archivist.close()
    assert (twin.event_id, twin.documents) == (vod.event_id, vod.documents)
    assert contents(stage, vod) == files


def forgetful(log: MemoryLog) -> MemoryLog:
    """The media topics of a log, without what the archive said."""
    copy = MemoryLog()
    for topic in ("media.stream.events.v1", "media.segment.events.v1"):
        for partition, end in log.ends(topic).items():
            for records in log.read(topic, partition, 0, end):
                for record in records:
                    copy.append(topic, record.key, record.value, headers=record.headers, timestamp=record.timestamp, partition=partition)
    return copy


def contents(stage: Recorded, vod: VodArchived) -> dict[str, bytes]:
    return {name: (stage.folder / vod.channel_id / vod.vod_id / name).read_bytes() for name in listing(stage, vod)}


def pictures(data: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(data), format="mp4") as container:
        return list(container.decode(video=0))


async def body(origin: LiveOrigin, path: str, **headers: str) -> bytes:
    async with origin.client.get(path, headers=headers) as answer:
        assert answer.status in {200, 206}
        return await answer.read()
