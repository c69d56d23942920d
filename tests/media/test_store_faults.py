"""An S3 that refuses, loses answers, tears bodies and hangs: no half object, what failed is said, and a repeat makes the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from studio import Studio, media_of

from processors.vod.about import About
from processors.vod.documents import MANIFEST, SEGMENTS, read_table
from processors.vod.recording import Recording
from schemas.events import DeleteVod, FailClip, FinishClip, MoveVod, VodArchived, VodDeleted, VodTierMoved
from sinks.archive import keeper, working
from sinks.archive.archivist import Archivist
from sinks.archive.config import ArchiveConfig
from sinks.archive.making import Maker
from sinks.archive.vods import TOPIC, Vod, Vods
from sinks.clips.worker import ClipWorker
from streams.objects import MULTIPART, StoredObjects, StoreUnavailableError
from streams.objects_tiered import TieredObjects
from streams.publisher import Publisher
from tests.ingest_stage import Stage
from tests.s3_faults import Fault, FaultyNetwork, Kind, faulty, impatient
from tests.s3_server import S3Server

pytestmark = [pytest.mark.media, pytest.mark.broker]


class Bucket(NamedTuple):
    """A bucket with a stream's objects, reached past the faults and through them."""

    network: FaultyNetwork
    endpoint: str
    url: str
    sound: StoredObjects
    through: StoredObjects

    async def names(self, folder: str) -> list[str]:
        """Once the server is through with what was under way beside a request that failed: it lists what it is still writing."""
        found, before = list(await self.sound.list(folder)), None
        while found != before:
            await asyncio.sleep(0.2)
            found, before = list(await self.sound.list(folder)), found
        return found


@asynccontextmanager
async def bucket_of(server: S3Server, url: str, studio: Studio, folder: str) -> AsyncIterator[Bucket]:
    """The objects of a folder of the studio in a bucket."""
    sound = StoredObjects.at(url)
    for path in sorted((studio.folder / folder).rglob("*.*")):
        await sound.put(str(path.relative_to(studio.folder)), path.read_bytes())
    async with faulty(server) as (network, endpoint):
        yield Bucket(network, endpoint, url, sound, impatient(url, endpoint))


def recorded(studio: Studio, vod: VodArchived) -> tuple[Recording, About]:
    table = (studio.folder / vod.channel_id / vod.vod_id / SEGMENTS).read_bytes()
    return read_table(table).recording, Vod(vod).about


@pytest.mark.row("V1", "K7")
@pytest.mark.parametrize("kind", ["refuse", "lose", "tear"])
async def test_an_archive_that_fails_at_any_write_has_no_half_object_and_a_repeat_makes_the_same(
    kind: Kind, filmed: tuple[Studio, VodArchived], s3: S3Server, s3_bucket: str
) -> None:
    studio, vod = filmed
    recording, about = recorded(studio, vod)
    async with bucket_of(s3, s3_bucket, studio, f"{vod.channel_id}/{vod.session_id}") as bucket:
        maker = Maker(bucket.through)
        whole = await maker.make(recording, about, vod.vod_id, 1)
        assert whole is not None
        assert whole.documents == vod.documents
        folder = f"{vod.channel_id}/{vod.vod_id}"
        right = {name: await bucket.sound.get(name) for name in await bucket.names(folder)}
        writes = [(method, path) for method, path in bucket.network.asked if method in {"PUT", "COPY"}]
        copies = sum(method == "COPY" for method, _ in writes)
        for nth in sorted({1, copies, copies + 1, (copies + len(writes)) // 2, len(writes)}):
            await bucket.sound.delete(list(right))
            bucket.network.fault = Fault(kind, "WRITE", nth=nth)
            with pytest.raises(StoreUnavailableError):
                await maker.make(recording, about, vod.vod_id, 1)
            there = await bucket.names(folder)
            assert f"{folder}/{MANIFEST}" not in there or (kind, nth) == ("lose", len(writes)), "the manifest leads to what is not there"
            assert all([await bucket.sound.get(name) == right[name] for name in there])
            bucket.network.fault = None
            assert await maker.make(recording, about, vod.vod_id, 1) == whole
            assert {name: await bucket.sound.get(name) for name in await bucket.names(folder)} == right


@pytest.mark.row("V1")
async def test_an_archivist_outlasts_a_store_that_fails_and_tells_of_one_vod(
    filmed: tuple[Studio, VodArchived], s3: S3Server, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, vod = filmed
    monkeypatch.setattr(working, "RETRY_S", 0.1)
    async with bucket_of(s3, s3_bucket, studio, f"{vod.channel_id}/{vod.session_id}") as bucket:
        again = Stage(bucket.through, media_of(studio.log))
        again.codec = studio.codec
        bucket.network.fault = Fault("refuse", "WRITE", nth=3, times=40)
        objects = TieredObjects({"hot": bucket.through})
        archivist = Archivist(again.log, studio.codec, objects, Publisher(again.log, studio.codec, "again"), rest_s=0.05)
        await archivist.start()
        [made] = await again.wait(lambda: again.events(VodArchived, TOPIC), 60)
        assert bucket.network.fault.met > 40
        assert (made.event_id, made.documents) == (vod.event_id, vod.documents)
        assert archivist.lacks() == ""
        await archivist.close()


FAULTS = {
    "table refused": (Fault("refuse", "GET", SEGMENTS), "collect"),
    "segment torn": (Fault("tear", "GET", ".m4s", nth=2), "cut"),
    "picture refused": (Fault("refuse", "PUT", "thumb.jpg"), "store"),
    "video refused": (Fault("refuse", "PUT", "video.mp4"), "store"),
    "video torn": (Fault("tear", "PUT", "video.mp4"), "store"),
    "video's answer lost": (Fault("lose", "PUT", "video.mp4"), "store"),
    "video hangs": (Fault("hang", "PUT", "video.mp4"), "store"),
}


@pytest.mark.row("K7")
async def test_whichever_request_of_a_clip_fails_its_step_is_named_nothing_is_half_and_the_next_attempt_is_whole(
    filmed: tuple[Studio, VodArchived], s3: S3Server, s3_bucket: str
) -> None:
    studio, vod = filmed
    async with bucket_of(s3, s3_bucket, studio, f"{vod.channel_id}/{vod.vod_id}") as bucket:
        studio = studio.twin()
        worker = ClipWorker(studio.log, studio.codec, bucket.through, studio.publisher)
        await worker.start()
        ask: dict[str, Any] = {"source": "vod", "vod_id": vod.vod_id, "offset_ms": 500, "duration_ms": 5_000}
        right = await studio.ask(**ask)
        assert isinstance(right, FinishClip), right
        for name, (fault, step) in FAULTS.items():
            clip_id = str(uuid4())
            bucket.network.fault = fault
            failed = await studio.ask(**ask, clip_id=clip_id)
            assert isinstance(failed, FailClip), name
            assert (failed.step, bool(failed.cause)) == (step, True), (name, failed)
            assert "\n" not in failed.cause
            for place in await bucket.names(f"clips/{clip_id}"):
                digest = right.sha256 if place.endswith("video.mp4") else right.thumbnail_sha256
                assert sha256(await bucket.sound.get(place)).hexdigest() == digest, (name, place)
            bucket.network.fault = None
            done = await studio.ask(**ask, clip_id=clip_id, attempt=2)
            assert isinstance(done, FinishClip), (name, done)
            assert (done.sha256, done.thumbnail_sha256) == (right.sha256, right.thumbnail_sha256)
            assert await bucket.names(f"clips/{clip_id}") == [f"clips/{clip_id}/thumb.jpg", f"clips/{clip_id}/video.mp4"]
        assert worker.lacks() == ""
        await worker.close()


@pytest.mark.row("K7")
async def test_a_hiccup_of_the_store_is_passed_over(filmed: tuple[Studio, VodArchived], s3: S3Server, s3_bucket: str) -> None:
    studio, vod = filmed
    async with bucket_of(s3, s3_bucket, studio, f"{vod.channel_id}/{vod.vod_id}") as bucket:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
            objects = StoredObjects.at(bucket.url)
        bucket.network.fault = Fault("refuse", "PUT", "video.mp4", times=2)
        studio = studio.twin()
        worker = ClipWorker(studio.log, studio.codec, objects, studio.publisher)
        await worker.start()
        clip = await studio.ask(source="vod", vod_id=vod.vod_id, offset_ms=500, duration_ms=5_000)
        await worker.close()
        assert isinstance(clip, FinishClip), clip
        assert bucket.network.fault.met == 3


@pytest.mark.row("K7")
async def test_a_store_that_never_answers_makes_the_step_fail_after_its_time(
    filmed: tuple[Studio, VodArchived], s3: S3Server, s3_bucket: str
) -> None:
    studio, vod = filmed
    async with bucket_of(s3, s3_bucket, studio, f"{vod.channel_id}/{vod.vod_id}") as bucket:
        studio = studio.twin()
        worker = ClipWorker(studio.log, studio.codec, bucket.through, studio.publisher, limit_s=1.0)
        bucket.network.fault = Fault("hang", "GET", SEGMENTS)
        await worker.start()
        clip = await studio.ask(source="vod", vod_id=vod.vod_id, offset_ms=500, duration_ms=5_000)
        await worker.close()
        assert isinstance(clip, FailClip), clip
        assert (clip.step, clip.cause) == ("collect", "it took longer than 1 s: see whether the object store answers")


@pytest.mark.row("V4", "V6")
@pytest.mark.parametrize("kind", ["refuse", "lose", "tear"])
@pytest.mark.parametrize("method", ["LIST", "DELETE"])
async def test_a_vod_moves_and_goes_whole_though_lists_and_deletions_fail(
    kind: Kind, method: str, filmed: tuple[Studio, VodArchived], s3: S3Server, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, vod = filmed
    monkeypatch.setattr(keeper, "LOOK_S", 0.05)
    folder = f"{vod.channel_id}/{vod.vod_id}"
    async with bucket_of(s3, f"{s3_bucket}/hot", studio, folder) as bucket:
        warm = StoredObjects.at(f"{s3_bucket}/warm")
        right = {name: await bucket.sound.get(name) for name in await bucket.names(folder)}
        stage, vods = Stage(bucket.sound), Vods()
        stage.codec = studio.codec
        vods.apply(vod)
        objects = TieredObjects({"hot": bucket.through, "warm": impatient(f"{s3_bucket}/warm", bucket.endpoint)})
        obeying = keeper.Keeper(objects, Publisher(stage.log, stage.codec, "keeper"), vods, ArchiveConfig())
        running = asyncio.create_task(obeying.run())
        names = {"channel_id": vod.channel_id, "vod_id": vod.vod_id}

        async def obeyed(order: MoveVod | DeleteVod, told: type[VodTierMoved | VodDeleted]) -> None:
            """Once it has failed for a while; meanwhile the log hears of nothing."""
            fault = bucket.network.fault = Fault(kind, method)
            obeying.ordered(order)
            async with asyncio.timeout(60):
                while fault.met < 3:
                    await asyncio.sleep(0.02)
            assert stage.events(told, TOPIC) == []
            bucket.network.fault = None
            assert len(await stage.wait(lambda: stage.events(told, TOPIC))) == 1

        await obeyed(MoveVod(**names, storage="warm"), VodTierMoved)
        assert await bucket.names(folder) == []
        assert {name: await warm.get(name) for name in await warm.list(folder)} == right
        await obeyed(DeleteVod(**names, reason="retention"), VodDeleted)
        assert [list(await store.list("")) for store in (bucket.sound, warm)] == [[], []]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.row("V1")
@pytest.mark.parametrize("kind", ["refuse", "lose", "tear"])
async def test_a_list_is_whole_or_fails(kind: Kind, s3: S3Server, s3_bucket: str) -> None:
    names = [f"many/{number:04}" for number in range(1_100)]  # S3 answers a thousand at a time
    sound = StoredObjects.at(s3_bucket)
    await asyncio.gather(*(sound.put(name, b"") for name in names))
    async with faulty(s3) as (network, endpoint):
        through = impatient(s3_bucket, endpoint)
        for nth in (1, 2):
            network.fault = Fault(kind, "LIST", nth=nth)
            with pytest.raises(StoreUnavailableError):
                await through.list("many")
            assert network.fault.met == nth
        network.fault = None
        assert await through.list("many") == names


@pytest.mark.row("V1", "K7")
@pytest.mark.parametrize("kind", ["refuse", "lose", "tear"])
async def test_a_large_object_whose_upload_breaks_off_is_as_it_was_or_whole(kind: Kind, s3: S3Server, s3_bucket: str) -> None:
    sound, old, new = StoredObjects.at(s3_bucket), b"old", b"new " * (MULTIPART * 5 // 16)
    async with faulty(s3) as (network, endpoint):
        through = impatient(s3_bucket, endpoint)
        await through.put("a/large", new)
        requests = [method for method, _ in network.asked]
        assert requests == ["POST", "PUT", "PUT", "PUT", "POST"], "its beginning, three parts, its end"
        for nth in range(1, len(requests) + 1):
            await sound.put("a/large", old)
            network.fault = Fault(kind, path="a/large", nth=nth, times=1)
            with pytest.raises(StoreUnavailableError):
                await through.put("a/large", new)
            ended = kind in {"lose", "tear"} and nth == len(requests)  # the server did all, and could not say so
            assert await sound.get("a/large") == (new if ended else old), nth
            assert await sound.list("a") == ["a/large"]
            await through.put("a/large", new)
            assert await sound.get("a/large") == new
