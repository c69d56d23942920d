"""The object store's disk is full for a while: that is said, all goes on once there is room, and what was acknowledged is in the VOD."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import hls_playlist as hls
import pytest
from looking import digests, probed
from sources import KINDS, encode, push
from structlog.testing import capture_logs

from processors.vod.documents import SEGMENTS, read_table
from schemas.events import (
    EncoderReported,
    IngestRejected,
    JobAssigned,
    JobReleased,
    PartProduced,
    SegmentProduced,
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
    VodArchived,
)
from sinks.archive import working
from sinks.archive.archivist import Archivist
from sinks.archive.config import ArchiveConfig
from sinks.transcoder.worker import MediaWorker, WorkerConfig
from streams.objects import StoredObjects
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher
from tests.ingest_stage import KEY, Stage, profile
from tests.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.media
SECONDS = 6
VODS = "library.vod.events.v1"
FULL = "No space left on device"


class DiskStage(Stage):
    """A stage whose objects lie on a small disk."""

    def __init__(self, disk: SmallDisk) -> None:
        super().__init__(StoredObjects.at(f"file://{disk.folder}/objects"))
        self.folder = disk.folder / "objects"
        self.publisher.publish(profile())

    def archivist(self, late_us: int = 0) -> Archivist:
        objects, config = TieredObjects({"hot": self.objects}), ArchiveConfig(late_us=late_us)
        return Archivist(self.log, self.codec, objects, self.publisher, config, rest_s=0.05)

    def worker(self) -> MediaWorker:
        config = WorkerConfig("w1", "test", capacity=100.0, outputs=10)
        return MediaWorker(self.log, self.codec, self.objects, Publisher(self.log, self.codec, "w1"), config)

    def command(self, kind: type[JobAssigned | JobReleased], **values: Any) -> None:
        [started] = self.events(StreamStarted)
        names = {"channel_id": started.channel_id, "session_id": started.session_id, "job_id": started.session_id, "worker_id": "w1"}
        self.publisher.publish(kind(**names, **values))

    def segments(self, rendition: str = "source") -> list[SegmentProduced]:
        return [event for event in self.events(SegmentProduced) if event.rendition == rendition]

    async def archived(self) -> VodArchived:
        [vod] = await self.wait(lambda: self.events(VodArchived, VODS))
        return vod

    def check(self, vod: VodArchived) -> None:
        """All that the log tells of is there, whole, and in the VOD; nothing is left of writes that failed."""
        folder = self.folder / vod.channel_id / vod.vod_id
        recording = read_table((folder / SEGMENTS).read_bytes()).recording
        kept = {piece.event_id: (track, piece) for track in recording.tracks for piece in track.pieces}
        for event in self.events(SegmentProduced):
            assert event.event_id in kept, event
            track, piece = kept[event.event_id]
            data = (folder / track.folder / f"{recording.number(piece):05d}.m4s").read_bytes()
            assert sha256(data).hexdigest() == event.sha256
        for part in self.events(PartProduced):
            assert sha256((self.folder / part.address).read_bytes()).hexdigest() == part.sha256
        for track in recording.tracks:
            listed = hls.media((folder / track.folder / "index.m3u8").read_text(), "")
            assert abs(listed.end - vod.duration_ms / 1_000) < 0.1, "players and the VOD's table have one time"
        assert not any(self.begun(rendition) for rendition in vod.renditions)
        assert [path for path in self.folder.rglob("*") if "#" in path.name] == []


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[tuple[DiskStage, SmallDisk]]:
    with small_disk(tmp_path / "disk") as disk:
        yield DiskStage(disk), disk


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("source"), "source", KINDS["b-frames"], SECONDS)


@pytest.mark.row("I4", "V1")
async def test_a_disk_that_is_full_for_seconds_costs_no_frame(stage: tuple[DiskStage, SmallDisk], source: Path) -> None:
    one, disk = stage
    archivist = one.archivist()
    await archivist.start()
    with capture_logs() as logs:
        async with one.ingest() as edge:
            process = await push(source, f"rtmp://127.0.0.1:{edge.port}/app/{KEY}")
            await one.wait(one.segments)
            disk.fill()
            refused = await one.wait(lambda: [line for line in logs if line["event"] == "object not stored, trying again"][20:])
            before = len(one.events(PartProduced))
            disk.empty()
            await one.wait(lambda: len(one.events(PartProduced)) > before)
            assert await process.wait() == 0
            vod = await one.archived()
    await archivist.close()
    assert FULL in refused[0]["cause"]
    assert one.events(IngestRejected) == []
    [ended] = one.events(StreamEnded)
    assert (ended.frames_in, ended.frames_out, ended.frames_dropped) == (30 * SECONDS, 30 * SECONDS, 0)
    one.check(vod)
    assert digests(probed(one.folder / vod.channel_id / vod.vod_id / "manifest.m3u8", "v")) == digests(probed(source, "v"))


@pytest.mark.row("T19", "V1")
async def test_a_worker_whose_renditions_find_no_room_keeps_its_job_and_makes_them_later(
    stage: tuple[DiskStage, SmallDisk], source: Path
) -> None:
    one, disk = stage
    archivist, worker = one.archivist(ArchiveConfig().late_us), one.worker()
    await archivist.start()
    await worker.start()
    async with one.ingest() as edge:
        process = await push(source, f"rtmp://127.0.0.1:{edge.port}/app/{KEY}")
        await one.wait(lambda: one.segments()[1:])
        disk.fill()
        with capture_logs() as logs:
            one.command(JobAssigned, renditions=("160p30",), attempt=1, reason="started")
            refused = await one.wait(lambda: [line for line in logs if line["event"] == "the store failed, trying again"][3:])
        disk.empty()
        await one.wait(lambda: [event for event in one.events(PartProduced) if event.rendition == "160p30"])
        assert await process.wait() == 0
        await one.wait(lambda: one.events(StreamEnded))
        one.command(JobReleased, reason="ended")
        vod = await one.archived()
    await worker.close()
    await archivist.close()
    assert FULL in refused[0]["cause"]
    assert one.events(EncoderReported, "media.capacity.commands.v1") == []
    assert "160p30" in vod.renditions
    one.check(vod)


@pytest.mark.row("I4", "V1")
async def test_a_disk_that_stays_full_ends_the_connection_with_a_reason_and_the_next_one_goes_on(
    stage: tuple[DiskStage, SmallDisk], source: Path
) -> None:
    one, disk = stage
    archivist = one.archivist()
    await archivist.start()
    async with one.ingest(backlog_s=3.0) as edge:
        url = f"rtmp://127.0.0.1:{edge.port}/app/{KEY}"
        process = await push(source, url)
        await one.wait(lambda: one.line() and one.begun())
        disk.fill()
        assert await process.wait() != 0
        [rejected] = await one.wait(lambda: one.events(IngestRejected))
        disk.empty()
        [interrupted] = await one.wait(lambda: one.events(StreamInterrupted))
        process = await push(source, url)
        assert await process.wait() == 0
        vod = await one.archived()
    await archivist.close()
    assert (rejected.reason, rejected.channel_id, interrupted.reason) == ("at_capacity", "7", "at_capacity")
    assert "object store" in rejected.detail
    assert len(one.events(StreamResumed)) == 1
    [ended] = one.events(StreamEnded)
    assert ended.frames_in == ended.frames_out + ended.frames_dropped > 30 * SECONDS
    one.check(vod)


@pytest.mark.row("V1")
async def test_an_archivist_waits_for_room_and_makes_one_vod(
    stage: tuple[DiskStage, SmallDisk], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, disk = stage
    monkeypatch.setattr(working, "RETRY_S", 0.1)
    async with one.ingest() as edge:
        process = await push(source, f"rtmp://127.0.0.1:{edge.port}/app/{KEY}", "-t", "3")
        assert await process.wait() == 0
        await one.wait(lambda: one.events(StreamEnded))
    disk.fill()
    archivist = one.archivist()
    with capture_logs() as logs:
        await archivist.start()
        tried = await one.wait(lambda: [line for line in logs if line["event"] == "tried again"][2:])
        assert one.events(VodArchived, VODS) == []
        assert archivist.lacks() == ""
        disk.empty()
        vod = await one.archived()
    await archivist.close()
    assert tried[0]["of"] == vod.session_id
    one.check(vod)
