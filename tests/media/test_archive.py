"""A real stream, pushed by ffmpeg, that ends: its VOD is whole, plays, and holds every frame once."""

import asyncio
import io
import json
import shlex
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import av
import msgspec
import pytest
from live_origin import LiveOrigin, origin_of

from processors.vod.documents import read_table
from schemas.events import (
    DeleteVod,
    JobAssigned,
    MakeRendition,
    MoveVod,
    StreamEnded,
    StreamStarted,
    ThumbnailProduced,
    Tick,
    VodArchived,
    VodDeleted,
    VodTierMoved,
)
from sinks.archive.archivist import SHELF, Archivist
from sinks.archive.lineage import Lineage, UnknownError, revisions
from sinks.archive.making import Maker, revised
from sinks.archive.scrub import Scrub
from sinks.archive.vods import TOPIC, Vod, Vods
from sinks.transcoder.worker import MediaWorker, WorkerConfig
from streams.log_memory import MemoryLog
from streams.objects import StoredObjects
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher
from tests.ingest_stage import KEY, Stage, profile
from tests.partial_log import topics_of

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
        worker = MediaWorker(
            self.log, self.codec, self.objects, Publisher(self.log, self.codec, "w1"), WorkerConfig("w1", "test", 100.0, 10)
        )
        await worker.start()
        async with self.ingest() as edge:
            process = await asyncio.create_subprocess_exec(*pushed(f"rtmp://127.0.0.1:{edge.port}/app/{KEY}"))
            [started] = await self.wait(lambda: self.events(StreamStarted), 60)
            self.publisher.publish(job(started))
            assert await process.wait() == 0
            await self.wait(lambda: self.events(StreamEnded))
            [vod] = await self.wait(lambda: self.events(VodArchived, "library.vod.events.v1"), 60)
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
            *(f"180p30/{name}" for name in ("iframes.m3u8", "index.m3u8", "init-0.mp4", *segments)),
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
            kept = stage.folder / vod.channel_id / vod.vod_id / track.get("named", track["rendition"]) / f"{number:05d}.m4s"
            assert kept.samefile(stage.folder / piece["address"])
            assert piece["sha256"] == produced[piece["address"]].sha256
    assert len(stage.events(ThumbnailProduced, "library.thumbnail.events.v1")) == 2


@pytest.mark.row("V1", "V8")
def test_every_frame_is_there_once_in_order_and_the_sound_has_no_hole(recorded: tuple[Recorded, VodArchived]) -> None:
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
            assert times == sorted(set(times))
            assert len(times) == FRAMES
        else:
            assert {after - before for before, after in pairwise(times)} == {1_024}
    assert shown.stderr == b""


@pytest.mark.row("V1", "V7", "V8", "V9")
async def test_the_origin_serves_it_with_key_frames_by_range_and_the_right_tile(recorded: tuple[Recorded, VodArchived]) -> None:
    stage, vod = recorded
    async with origin_of(stage) as origin:
        assert await origin.text(f"/vod/{vod.vod_id}/master.m3u8") == await origin.text(f"/vod/{vod.vod_id}/manifest.m3u8")
        iframes = await origin.text(f"/vod/{vod.vod_id}/180p30/iframes.m3u8")
        init = await body(origin, f"/vod/{vod.vod_id}/180p30/init-0.mp4")
        for line, name in zip(iframes.split("#EXT-X-BYTERANGE:")[1:], range(1, SECONDS // 2 + 1), strict=True):
            length = int(line.partition("@")[0])
            data = await body(origin, f"/vod/{vod.vod_id}/180p30/{name:05d}.m4s", Range=f"bytes=0-{length - 1}")
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
    async with origin_of(stage) as origin:
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
    [twin] = await again.wait(lambda: again.events(VodArchived, "library.vod.events.v1"), 60)
    await archivist.close()
    assert (twin.event_id, twin.documents) == (vod.event_id, vod.documents)
    assert contents(stage, vod) == files


def forgetful(log: MemoryLog) -> MemoryLog:
    """The media topics of a log, without what the archive said."""
    return topics_of(log, "media.stream.events.v1", "media.segment.events.v1", "media.transcode.events.v1")


def contents(stage: Recorded, vod: VodArchived) -> dict[str, bytes]:
    return {name: (stage.folder / vod.channel_id / vod.vod_id / name).read_bytes() for name in listing(stage, vod)}


def pictures(data: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(data), format="mp4") as container:
        return list(container.decode(video=0))


async def body(origin: LiveOrigin, path: str, **headers: str) -> bytes:
    async with origin.client.get(path, headers=headers) as answer:
        assert answer.status in {200, 206}
        return await answer.read()


def hot(stage: Stage) -> TieredObjects:
    """A stage's objects, and no other store."""
    return TieredObjects({"hot": stage.objects})


def vod_of(stage: Stage, vod_id: str) -> Vod:
    vods = Vods()
    for event in stage.all(TOPIC):
        vods.apply(event)
    found = vods.get(vod_id)
    assert found is not None
    return found


@pytest.fixture
def copied(recorded: tuple[Recorded, VodArchived], tmp_path: Path) -> tuple[Stage, Vod, Path]:
    """A copy of the archive, whose live names have gone, and of all logs; to be damaged."""
    stage, vod = recorded
    shutil.copytree(stage.folder / vod.channel_id / vod.vod_id, tmp_path / "objects" / vod.channel_id / vod.vod_id)
    twin = Stage(StoredObjects.at(f"file://{tmp_path}/objects"), forgetful(stage.log))
    twin.codec = stage.codec
    Publisher(twin.log, twin.codec, "test").publish(vod)
    return twin, vod_of(twin, vod.vod_id), tmp_path / "objects" / vod.channel_id / vod.vod_id


@pytest.mark.row("E14")
async def test_what_can_be_made_again_is_and_the_rest_is_named(copied: tuple[Stage, Vod, Path]) -> None:
    stage, vod, folder = copied
    for name in ("manifest.m3u8", "180p30/index.m3u8", "thumbnails/00002.jpg", "thumbnails/sprites-1.jpg", "160p30/00003.m4s"):
        (folder / name).unlink()
    (folder / "metadata.json").write_bytes(b"rotten")
    (folder / "160p30" / "00005.m4s").write_bytes(b"rotten too")
    (folder / "180p30" / "00002.m4s").unlink()
    (folder / "audio" / "00004.m4s").write_bytes(b"nothing")

    looked = await Scrub(stage.log, stage.codec, hot(stage), mend=False).look(vod)
    assert len(looked.lost) == 9
    report = await Scrub(stage.log, stage.codec, hot(stage)).look(vod)
    assert {(finding.address.partition("/")[2].partition("/")[2], finding.problem) for finding in report.lost} == {
        ("180p30/00002.m4s", "missing"),
        ("audio/00004.m4s", "rotten"),
    }
    assert len(report.findings) == 9
    assert report.event is not None
    assert report.event.revision == 2
    assert len(pictures((folder / "160p30" / "init-0.mp4").read_bytes() + (folder / "160p30" / "00003.m4s").read_bytes())) == 60

    Publisher(stage.log, stage.codec, "test").publish(report.event)
    again = await Scrub(stage.log, stage.codec, hot(stage)).look(vod_of(stage, vod.vod_id))
    assert {finding.address for finding in again.findings} == {finding.address for finding in report.lost}
    assert again.event is None


@pytest.mark.row("E14", "V6")
async def test_what_lies_in_a_vod_and_is_none_of_its_objects_is_named(copied: tuple[Stage, Vod, Path]) -> None:
    stage, vod, folder = copied
    (folder / "180p30" / "00099.m4s").write_bytes(b"whose?")
    (folder / "audio" / "00004.m4s").write_bytes(b"rotten")
    for mend in (False, True):
        report = await Scrub(stage.log, stage.codec, hot(stage), mend=mend).look(vod)
        found = {finding.address.partition("/")[2].partition("/")[2]: finding.problem for finding in report.findings}
        assert found == {"180p30/00099.m4s": "orphan", "audio/00004.m4s": "rotten"}
        assert [finding.problem for finding in report.lost] == ["rotten"]


@pytest.mark.row("E14")
async def test_a_table_that_is_gone_comes_back_from_the_log_byte_for_byte(copied: tuple[Stage, Vod, Path]) -> None:
    stage, vod, folder = copied
    before = (folder / "segments.json").read_bytes()
    (folder / "segments.json").unlink()
    report = await Scrub(stage.log, stage.codec, hot(stage)).look(vod)
    assert (folder / "segments.json").read_bytes() == before
    assert not report.lost
    assert report.event is None


@pytest.mark.row("E9")
async def test_lineage_leads_from_a_rendition_to_the_session_and_sees_a_changed_byte(copied: tuple[Stage, Vod, Path]) -> None:
    stage, vod, folder = copied
    lineage = Lineage(stage.log, stage.codec, stage.objects, list(revisions(stage.log, stage.codec)))
    hops = await lineage.of(vod.address("160p30/00003.m4s"))
    assert [hop.what for hop in hops] == [
        "archived segment", "table of segments", "archived", "produced", "assigned", "made from", "source segment", "ingested", "ended",
    ]  # fmt: skip
    assert all(hop.holds for hop in hops), hops
    whole = await lineage.of(vod.vod_id)
    assert all(hop.holds for hop in whole), whole
    with pytest.raises(UnknownError):
        await lineage.of("nothing")

    segment = folder / "180p30" / "00003.m4s"
    data = bytearray(segment.read_bytes())
    data[1_000] ^= 1
    segment.write_bytes(data)
    assert [hop.what for hop in await lineage.of(vod.address("160p30/00003.m4s")) if not hop.holds] == ["source segment"]
    assert [hop.name for hop in await lineage.of(vod.vod_id) if not hop.holds] == [vod.address("180p30")]


@pytest.mark.row("V4", "V6")
async def test_a_vod_that_moves_can_be_read_throughout_and_one_that_goes_leaves_nothing(
    copied: tuple[Stage, Vod, Path], tmp_path: Path
) -> None:
    stage, vod, folder = copied
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    tiers = {tier: StoredObjects.at(f"file://{tmp_path}/{name}") for tier, name in (("hot", "objects"), ("warm", "w"), ("cold", "c"))}
    objects = TieredObjects(tiers)
    archivist = Archivist(stage.log, stage.codec, objects, Publisher(stage.log, stage.codec, "archivist"), rest_s=0.02)
    await archivist.start()
    publisher = Publisher(stage.log, stage.codec, "shelf.v1")
    watching = asyncio.create_task(watch(objects, vod.address("180p30/00001.m4s")))
    for tier, elsewhere in (("warm", ("objects", "c")), ("cold", ("objects", "w"))):
        publisher.publish(MoveVod(channel_id=vod.archived.channel_id, vod_id=vod.vod_id, storage=tier))  # type: ignore[arg-type]
        [moved] = await stage.wait(lambda tier=tier: [e for e in stage.events(VodTierMoved, TOPIC) if e.storage == tier])
        assert moved.objects == len(names)
        assert not [path for other in elsewhere for path in (tmp_path / other).rglob("*") if path.is_file()]
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    publisher.publish(DeleteVod(channel_id=vod.archived.channel_id, vod_id=vod.vod_id, reason="retention"))
    [deleted] = await stage.wait(lambda: stage.events(VodDeleted, TOPIC))
    await archivist.close()
    assert deleted.objects == len(names)
    assert await objects.list("") == []


@pytest.mark.row("V4", "V6", "E14")
async def test_what_is_added_to_a_cold_vod_is_cold_and_nothing_is_left_when_it_goes(
    copied: tuple[Stage, Vod, Path], tmp_path: Path
) -> None:
    stage, vod, folder = copied
    without_ladder(stage, vod, folder)
    tiers = {tier: StoredObjects.at(f"file://{tmp_path}/{name}") for tier, name in (("hot", "objects"), ("warm", "w"), ("cold", "c"))}
    objects, publisher, named = TieredObjects(tiers), stage.publisher, {"channel_id": vod.archived.channel_id, "vod_id": vod.vod_id}
    archivist = Archivist(stage.log, stage.codec, objects, Publisher(stage.log, stage.codec, "archivist"), rest_s=0.02)
    await archivist.start()
    publisher.publish(MoveVod(**named, storage="cold"))
    publisher.publish(MakeRendition(**named, job_id="j", rendition="160p30"))
    await stage.wait(lambda: [event for event in stage.events(VodArchived, TOPIC) if "160p30" in event.renditions], 60)
    assert [await tiers[tier].list("") for tier in ("hot", "warm")] == [[], []]

    cold = tmp_path / "c" / vod.archived.channel_id / vod.vod_id
    (cold / "160p30" / "00003.m4s").unlink()
    (cold / "metadata.json").write_bytes(b"rotten")
    report = await Scrub(stage.log, stage.codec, objects).look(vod_of(stage, vod.vod_id))
    assert (len(report.findings), report.lost) == (2, [])
    assert [await tiers[tier].list("") for tier in ("hot", "warm")] == [[], []]

    publisher.publish(DeleteVod(**named, reason="retention"))
    await stage.wait(lambda: stage.events(VodDeleted, TOPIC))
    await archivist.close()
    assert await objects.list("") == []


async def watch(objects: TieredObjects, address: str) -> None:
    """Reads an object all the time; fails where it is not there."""
    while True:
        assert await objects.get(address)
        await asyncio.sleep(0)


async def test_live_names_go_two_hours_after_the_end(recorded: tuple[Recorded, VodArchived], tmp_path: Path) -> None:
    stage, vod = recorded
    shutil.copytree(stage.folder, tmp_path / "objects")
    log = forgetful(stage.log)
    Publisher(log, stage.codec, "test").publish(vod)
    objects = TieredObjects({"hot": StoredObjects.at(f"file://{tmp_path}/objects")})
    live = f"{vod.channel_id}/{vod.session_id}"
    wrong = vod.ended_at + 8_000 * 1_000_000  # a machine's clock, which has no say
    for age_s, there in ((7_100, True), (7_300, False)):
        now = vod.ended_at + age_s * 1_000_000
        Publisher(log, stage.codec, "ticker", clock=lambda now=now: now).tick(Tick(), SHELF, 0)
        archivist = Archivist(log, stage.codec, objects, Publisher(log, stage.codec, "a"), clock=lambda: wrong, rest_s=0.02)
        await archivist.start()
        if there:
            await asyncio.sleep(0.2)
            assert await objects.list(live)
        async with asyncio.timeout(60):
            while not there and await objects.list(live):
                await asyncio.sleep(0.05)
        await archivist.close()
    assert set(await objects.list("")) == set(await objects.list(f"{vod.channel_id}/{vod.vod_id}"))


@pytest.mark.row("T20")
async def test_a_rendition_is_made_on_demand_once_and_the_job_is_the_same_whoever_asks(copied: tuple[Stage, Vod, Path]) -> None:
    stage, vod, folder = copied
    without_ladder(stage, vod, folder)
    archivist = Archivist(stage.log, stage.codec, hot(stage), Publisher(stage.log, stage.codec, "a"), rest_s=0.02)
    await archivist.start()
    jobs = []
    for _ in range(2):  # the second origin knows nothing of what the first was asked
        async with origin_of(stage) as origin:
            path = f"/api/vods/{vod.vod_id}/renditions/160p30"
            async with origin.client.post(path) as answer:
                jobs.append((await answer.json())["job_id"])
            await stage.wait(lambda: [e for e in stage.events(VodArchived, TOPIC) if "160p30" in e.renditions], 60)
            await origin.applied()
            assert json.loads(await origin.text(path))["ready"]
            assert '"unknown_rendition"' in await posted(origin, f"/api/vods/{vod.vod_id}/renditions/1080p60")
            manifest = await origin.text(f"/vod/{vod.vod_id}/master.m3u8")
            assert "160p30/index.m3u8" in manifest
    await archivist.close()
    assert jobs[0] == jobs[1]
    assert [event.revision for event in stage.events(VodArchived, TOPIC)] == [2, 3]
    made = [folder / "160p30" / f"{number:05d}.m4s" for number in range(1, SECONDS // 2 + 1)]
    data = b"".join(path.read_bytes() for path in (folder / "160p30" / "init-0.mp4", *made))
    assert len(pictures(data)) == FRAMES


def without_ladder(stage: Stage, vod: Vod, folder: Path) -> None:
    """Makes the copy one of a channel that had the source alone: revision 2."""
    shutil.rmtree(folder / "160p30")
    table = read_table((folder / "segments.json").read_bytes())
    tracks = tuple(track for track in table.recording.tracks if track.rendition != "160p30")
    made = msgspec.structs.replace(table, recording=msgspec.structs.replace(table.recording, tracks=tracks))
    (folder / "segments.json").write_bytes(msgspec.json.encode(made))
    fresh = msgspec.structs.replace(vod.archived, revision=2, renditions=("source", "audio"))
    stage.log = forgetful(stage.log)
    stage.publisher = Publisher(stage.log, stage.codec, "test")
    stage.publisher.publish(fresh)


async def posted(origin: LiveOrigin, path: str) -> str:
    async with origin.client.post(path) as answer:
        return await answer.text()


@pytest.mark.row("E14")
async def test_what_an_encoder_missed_is_made_by_a_scrub(copied: tuple[Stage, Vod, Path]) -> None:
    stage, vod, folder = copied
    table = read_table((folder / "segments.json").read_bytes())
    late = [
        msgspec.structs.replace(track, pieces=track.pieces[2:]) if track.rendition == "160p30" else track
        for track in table.recording.tracks
    ]
    for name in ("00001.m4s", "00002.m4s"):
        (folder / "160p30" / name).unlink()
    made = await Maker(stage.objects).documents(
        msgspec.structs.replace(table, recording=msgspec.structs.replace(table.recording, tracks=tuple(late))), vod.about, vod.vod_id, 2
    )
    assert (folder / "160p30" / "index.m3u8").read_text().count("#EXT-X-GAP") == 2
    Publisher(stage.log, stage.codec, "test").publish(revised(made, vod.archived, vod.about))
    report = await Scrub(stage.log, stage.codec, hot(stage)).look(vod_of(stage, vod.vod_id))
    assert not report.lost
    assert len(report.findings) == 2
    assert "#EXT-X-GAP" not in (folder / "160p30" / "index.m3u8").read_text()


@pytest.mark.broker
@pytest.mark.row("V1", "V2", "V4", "V6")
async def test_on_s3_the_archive_is_the_same(recorded: tuple[Recorded, VodArchived], s3_bucket: str) -> None:
    stage, vod = recorded
    objects = TieredObjects({"hot": StoredObjects.at(f"{s3_bucket}/hot"), "warm": StoredObjects.at(f"{s3_bucket}/warm")})
    live = f"{vod.channel_id}/{vod.session_id}"
    for path in sorted((stage.folder / live).rglob("*.m*")):
        await objects.put(str(path.relative_to(stage.folder)), path.read_bytes())
    found = vod_of(stage, vod.vod_id)
    recording = read_table((stage.folder / vod.channel_id / vod.vod_id / "segments.json").read_bytes()).recording
    made = await Maker(objects).make(recording, found.about, vod.vod_id, 1)
    assert made is not None
    assert made.documents == vod.documents
    await objects.delete(list(await objects.list(live)))
    names = await objects.list(found.address())
    assert [name.removeprefix(f"{found.address()}/") for name in names] == listing(stage, vod)
    moved, _ = await objects.move(names, "warm")
    assert moved == len(names)
    assert (await Scrub(stage.log, stage.codec, objects).look(found)).findings == ()
    await objects.delete(list(names))
    assert await objects.list("") == []


class Faulty(TieredObjects):
    """A store that fails once, at some request."""

    def __init__(self, store: StoredObjects, at: int) -> None:
        super().__init__({"hot": store})
        self.left = at

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError("the store is away")

    async def put(self, address: str, data: bytes) -> None:
        self._count()
        await super().put(address, data)

    async def link(self, address: str, second: str) -> None:
        self._count()
        await super().link(address, second)


@pytest.mark.row("V1")
@pytest.mark.parametrize("at", [1, 20, 23, 28, 33])
async def test_a_store_that_fails_amid_archiving_leaves_nothing_half_done(
    recorded: tuple[Recorded, VodArchived], tmp_path: Path, at: int
) -> None:
    stage, vod = recorded
    shutil.copytree(stage.folder / vod.channel_id / vod.session_id, tmp_path / "objects" / vod.channel_id / vod.session_id)
    objects, found = Faulty(StoredObjects.at(f"file://{tmp_path}/objects"), at), vod_of(stage, vod.vod_id)
    recording = read_table((stage.folder / vod.channel_id / vod.vod_id / "segments.json").read_bytes()).recording
    with pytest.raises(OSError, match="away"):
        await Maker(objects).make(recording, found.about, vod.vod_id, 1)
    assert found.address("manifest.m3u8") not in await objects.list(found.address()), "it leads to what is not there yet"
    made = await Maker(objects).make(recording, found.about, vod.vod_id, 1)
    assert made is not None
    assert made.documents == vod.documents
