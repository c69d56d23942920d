"""The media worker with real encoders: what it makes, and what it does when something dies."""

import asyncio
import os
import shutil
import signal
from hashlib import sha256

import msgspec
import pytest
from folding import folded
from recorded import TICKS, decoded, record
from stage import CHANNEL, SESSION, Stage

from processors.playlist import PLAYLIST
from processors.playlist.window import Window
from schemas.events import (
    EncoderFailed,
    EncoderReported,
    JobAssigned,
    JobHandedOver,
    JobPreempted,
    JobReleased,
    JobUpgraded,
    PartProduced,
    RenditionDeclared,
    SegmentProduced,
    WorkerHeartbeat,
    WorkerStopped,
)
from sinks.transcoder.output import REPEAT_SEGMENTS
from streams.objects import StoredObjects

pytestmark = pytest.mark.media
LADDER = ("480p30", "360p30", "160p30")


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """Six seconds of 720p30."""
    return record(tmp_path_factory.mktemp("source"), seconds=6)


@pytest.fixture(scope="session")
def longer(tmp_path_factory):
    """Twelve seconds of a small picture, which costs little to encode."""
    return record(tmp_path_factory.mktemp("longer"), size="640x360", seconds=12)


@pytest.fixture
async def stage(tmp_path):
    stage = await Stage(tmp_path).open()
    yield stage
    await stage.close()


def numbered(parts):
    return [(p.media_sequence, p.part, p.decode_time, p.duration) for p in parts]


def segments(stage, rendition):
    return [event.media_sequence for event in stage.of(SegmentProduced, rendition)]


@pytest.mark.row("T1", "T4")
async def test_ladder_follows_the_source_part_by_part(stage, source):
    async with stage.worker() as worker:
        stage.assign()
        await stage.play(source)
        await stage.until(lambda: all(len(segments(stage, name)) == 3 for name in LADDER))
        assert set(worker.jobs) == {SESSION}

    by_id = {event.event_id: event for event in stage.of(PartProduced, "source")}
    for name, size in zip(LADDER, [(852, 480), (640, 360), (284, 160)], strict=True):
        parts, [declared] = stage.of(PartProduced, name), stage.of(RenditionDeclared, name)[:1]
        assert numbered(parts) == numbered(source.parts)
        assert (declared.width, declared.height, declared.frame_rate) == (*size, 30.0)
        assert stage.events.index(declared) < stage.events.index(parts[0])
        for part in parts:
            origin = by_id[part.causation_id]
            assert (part.programme_date_time, part.discontinuity_sequence) == (origin.programme_date_time, origin.discontinuity_sequence)
            assert part.correlation_id == SESSION
            assert part.independent == (part.part == 0)
            assert part.received_at <= part.stored_at
        init, media = await stage.objects.get(declared.address), [await stage.objects.get(part.address) for part in parts]
        assert [sha256(data).hexdigest() for data in media] == [part.sha256 for part in parts]
        pictures = decoded(init, media)
        assert len(pictures) == 180
        assert {(picture.width, picture.height) for picture in pictures} == {size}
        assert [picture.pts for picture in pictures if picture.key_frame] == [0, 2 * TICKS, 4 * TICKS]
        for segment in stage.of(SegmentProduced, name):
            whole = b"".join(data for data, part in zip(media, parts, strict=True) if part.media_sequence == segment.media_sequence)
            assert await stage.objects.get(segment.address) == whole
            assert 0 < segment.key_frame_bytes < segment.size


@pytest.mark.row("T3")
async def test_without_a_job_there_is_no_encoder(stage, longer):
    async with stage.worker() as worker:
        await stage.play(longer, speed=20)
        assert worker.jobs == {}
        assert await children() == []
    assert {event.rendition for event in stage.of(PartProduced)} == {"source"}


async def children():
    """Encoder processes of this one."""
    listed = await asyncio.create_subprocess_exec("ps", "--ppid", str(os.getpid()), "-o", "args=", stdout=asyncio.subprocess.PIPE)
    out, _ = await listed.communicate()
    return [line for line in out.decode().splitlines() if "sinks.transcoder.encode" in line]


@pytest.mark.row("T19")
async def test_killed_encoder_is_back_within_two_segments_and_says_why(stage, longer):
    async with stage.worker() as worker:
        stage.assign(renditions=("160p30",))
        playing = asyncio.create_task(stage.play(longer))
        await stage.until(lambda: len(stage.of(PartProduced, "160p30")) > 14)
        os.kill(worker.jobs[SESSION].encoder_pid, signal.SIGKILL)
        killed_in = longer.parts[0].media_sequence + 1
        await playing
        await stage.until(lambda: segments(stage, "160p30")[-1:] == [longer.parts[-1].media_sequence])

    [failed] = stage.of(EncoderFailed)
    assert failed.cause == "killed by signal 9 (SIGKILL)"
    assert failed.restarted
    assert failed.media_sequence == killed_in
    everything = sorted({part.media_sequence for part in longer.parts})
    assert segments(stage, "160p30") == [number for number in everything if number != killed_in]
    assert len({part.event_id for part in stage.of(PartProduced, "160p30")}) == len(stage.of(PartProduced, "160p30"))


@pytest.mark.row("T19")
async def test_other_worker_takes_over_within_two_segments(stage, longer):
    """The first worker falls silent in the middle of a segment: no good-bye, no more heartbeats."""
    await stage.schedule()
    async with stage.worker("w1") as lost:
        await stage.until(lambda: stage.of(JobAssigned))
        async with stage.worker("w2"):
            playing = asyncio.create_task(stage.play(longer))
            await stage.until(lambda: len(stage.of(PartProduced, "160p30")) > 14)
            await vanish(lost)
            await playing
            await stage.until(lambda: segments(stage, "160p30")[-1:] == [longer.parts[-1].media_sequence])

    assert [(job.worker_id, job.reason, job.attempt) for job in stage.of(JobAssigned)] == [("w1", "started", 1), ("w2", "worker_lost", 2)]
    missing = {part.media_sequence for part in longer.parts} - set(segments(stage, "160p30"))
    assert longer.parts[0].media_sequence + 1 in missing
    assert len(missing) <= 2


async def vanish(worker):
    """Takes a worker away as SIGKILL does: nothing it holds comes out, its encoders lose their pipes."""
    await worker._follower.close()
    worker._beats.cancel()
    for running in worker._running.values():
        running.task.cancel()
    worker._running.clear()


@pytest.mark.row("T8")
async def test_worker_whose_memory_holds_two_outputs_gets_no_third(stage):
    await stage.schedule(1280, 720)
    async with stage.worker(outputs=2):
        [assigned] = await stage.until(lambda: stage.of(JobAssigned))
    assert assigned.renditions == LADDER[1:]


@pytest.mark.row("T18", "T19")
async def test_worker_that_ends_hands_its_job_over_and_nothing_is_missing(stage, longer):
    """It is told to in the middle of a segment."""
    await stage.schedule()
    async with stage.worker("w1"):
        await stage.until(lambda: stage.of(JobAssigned))
        playing = asyncio.create_task(stage.play(longer))
        await stage.until(lambda: len(stage.of(PartProduced, "160p30")) > 14)
        second = stage.worker("w2")
        await second.__aenter__()
    await playing
    await the_whole_is_made_once(stage, longer)
    await second.__aexit__(None, None, None)
    beats = [beat for beat in stage.of(WorkerHeartbeat) if beat.worker_id == "w1"]
    assert [beat.draining for beat in beats] == sorted(beat.draining for beat in beats)
    [stopped] = [event for event in stage.of(WorkerStopped) if event.worker_id == "w1"]
    last = [part for part in stage.of(PartProduced, "160p30") if part.producer == "w1"][-1]
    assert stage.events.index(last) < stage.events.index(stopped), "it stays until its segment is whole"
    assert beats[-1].draining


@pytest.mark.row("T18")
async def test_rented_worker_gives_its_job_back_to_an_own_one_and_nothing_is_missing(stage, longer):
    await stage.schedule()
    async with stage.worker("w1", overflow=True):
        await stage.until(lambda: stage.of(JobAssigned))
        playing = asyncio.create_task(stage.play(longer))
        await stage.until(lambda: len(stage.of(PartProduced, "160p30")) > 14)
        async with stage.worker("w2"):
            await playing
            await the_whole_is_made_once(stage, longer)


async def the_whole_is_made_once(stage, longer):
    """By two workers, the second from the segment on that follows the one in which the first was told."""
    first = longer.parts[0].media_sequence
    await stage.until(lambda: segments(stage, "160p30")[-1:] == [longer.parts[-1].media_sequence])
    jobs = [(job.worker_id, job.reason, job.attempt) for job in stage.of(JobAssigned)]
    assert jobs == [("w1", "started", 1), ("w2", "handed_over", 2)]
    [handed] = stage.of(JobHandedOver)
    assert (handed.worker_id, handed.media_sequence) == ("w1", first + 1)
    parts = stage.of(PartProduced, "160p30")
    assert numbered(parts) == numbered(longer.parts)
    assert {part.media_sequence: part.producer for part in parts} == {
        number: "w1" if number <= first + 1 else "w2" for number in {part.media_sequence for part in longer.parts}
    }
    assert segments(stage, "160p30") == sorted({part.media_sequence for part in longer.parts})
    declared = stage.of(RenditionDeclared, "160p30")[0]
    pictures = decoded(await stage.objects.get(declared.address), [await stage.objects.get(part.address) for part in parts])
    assert len(pictures) == 12 * 30


async def test_changed_picture_after_a_discontinuity_is_made_anew(stage, source, longer, tmp_path):
    back = record(tmp_path, size="854x480", seconds=2, first_sequence=2000, start=20 * TICKS)
    async with stage.worker():
        stage.assign(renditions=("480p30", "160p30"))
        await stage.play(longer._replace(parts=longer.parts[:20]), speed=2)
        await stage.play(back, discontinuity=1, speed=2)
        await stage.until(lambda: segments(stage, "160p30")[-1:] == [2000])
    assert [(d.rendition, d.discontinuity_sequence) for d in stage.of(RenditionDeclared) if d.rendition != "source"] == [
        ("160p30", 0),
        ("160p30", 1),
    ]
    again = [part for part in stage.of(PartProduced, "160p30") if part.discontinuity_sequence == 1]
    assert numbered(again) == numbered(back.parts)
    declared = stage.of(RenditionDeclared, "160p30")[-1]
    assert len(decoded(await stage.objects.get(declared.address), [await stage.objects.get(part.address) for part in again])) == 60


async def test_missing_object_costs_its_segment_only(stage, longer):
    first = longer.parts[0].media_sequence
    async with stage.worker():
        stage.assign(renditions=("160p30",))
        await stage.play(longer._replace(parts=longer.parts[:40]), lose={(first + 1, 3)}, speed=2)
        await stage.until(lambda: segments(stage, "160p30")[-1:] == [first + 3])
    assert segments(stage, "160p30") == [first, first + 2, first + 3]
    [failed] = stage.of(EncoderFailed)
    assert "missing from the store" in failed.cause
    assert failed.media_sequence == first + 1


async def test_broken_media_costs_its_segment_only(stage, longer):
    parts = list(longer.parts[:40])
    parts[12] = msgspec.structs.replace(parts[12], data=longer.parts[12].data[:-40])
    first = parts[0].media_sequence
    async with stage.worker():
        stage.assign(renditions=("160p30",))
        await stage.play(longer._replace(parts=parts), speed=2)
        await stage.until(lambda: segments(stage, "160p30")[-1:] == [first + 3])
    assert segments(stage, "160p30") == [first, first + 2, first + 3]
    assert "MalformedFragmentError" in stage.of(EncoderFailed)[0].cause


@pytest.mark.row("T19")
async def test_encoder_that_never_lives_is_replaced_by_segment_jobs(stage, longer, monkeypatch):
    first = longer.parts[0].media_sequence
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    async with stage.worker():
        stage.assign(renditions=("160p30",))
        await stage.play(longer._replace(parts=longer.parts[:40]), speed=2)
        await stage.until(lambda: segments(stage, "160p30")[-1:] == [first + 3])
    assert [failed.cause for failed in stage.of(EncoderFailed)] == ["ended with exit code 1"] * 3
    made = segments(stage, "160p30")
    assert made == list(range(made[0], first + 4))
    sourced = {(part.media_sequence, part.part): part for part in stage.of(PartProduced, "source")}
    for part in stage.of(PartProduced, "160p30"):
        origin = sourced[part.media_sequence, part.part]
        assert (part.decode_time, part.duration, part.causation_id) == (origin.decode_time, origin.duration, origin.event_id)


@pytest.mark.row("T19")
async def test_worker_that_can_do_neither_gives_the_job_back(stage, longer, monkeypatch):
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    monkeypatch.setenv("PATH", "/nowhere")
    async with stage.worker() as worker:
        stage.assign(renditions=("160p30",))
        await stage.play(longer._replace(parts=longer.parts[:30]), speed=2)
        [reported] = await stage.until(lambda: stage.of(EncoderReported))
        assert not worker.jobs
    assert (reported.region, reported.session_id, reported.worker_id) == ("local", SESSION, "w1")
    assert "ffmpeg" in reported.cause


@pytest.mark.row("T7")
async def test_encoder_that_falls_behind_skips_to_the_newest_segment(stage, longer):
    """An encoder that stands still for most of ten seconds does not lag for ever."""
    last = longer.parts[-1].media_sequence
    async with stage.worker() as worker:
        stage.assign(renditions=("160p30",))
        playing = asyncio.create_task(stage.play(longer, speed=2))
        await stage.until(lambda: stage.of(PartProduced, "160p30"))
        pid = worker.jobs[SESSION].encoder_pid
        os.kill(pid, signal.SIGSTOP)
        await stage.until(lambda: [part for part in stage.of(PartProduced, "source") if part.media_sequence == last - 1])
        os.kill(pid, signal.SIGCONT)
        await playing
        await stage.until(lambda: segments(stage, "160p30")[-1:] == [last])
    [failed] = stage.of(EncoderFailed)
    assert "skipped to the newest segment" in failed.cause
    assert len(segments(stage, "160p30")) < 6


async def test_released_job_ends_its_encoder(stage, longer):
    async with stage.worker() as worker:
        stage.assign(renditions=("160p30",))
        await stage.play(longer._replace(parts=longer.parts[:10]), speed=2)
        await stage.until(lambda: segments(stage, "160p30"))
        assert len(await children()) == 1
        stage.ingest.publish(JobReleased(channel_id=CHANNEL, session_id=SESSION, job_id=SESSION, worker_id="w1", reason="ended"))
        async with asyncio.timeout(5):
            while worker.jobs or await children():
                await asyncio.sleep(0.05)


async def test_upgrade_and_preemption_take_effect_at_the_next_segment(stage, source):
    first = source.parts[0].media_sequence
    job = {"channel_id": CHANNEL, "session_id": SESSION, "job_id": SESSION, "worker_id": "w1"}
    async with stage.worker() as worker:
        stage.assign(renditions=("160p30",))
        playing = asyncio.create_task(stage.play(source))
        await stage.until(lambda: stage.of(PartProduced, "160p30"))
        pid = worker.jobs[SESSION].encoder_pid
        stage.ingest.publish(JobUpgraded(**job, renditions=("360p30", "160p30")))
        stage.ingest.publish(JobPreempted(**job, renditions=("360p30",), grace_seconds=2))
        await playing
        assert worker.jobs[SESSION].encoder_pid == pid
        await stage.until(lambda: len(segments(stage, "360p30")) == 2)
    assert segments(stage, "160p30") == [first, first + 1]
    assert segments(stage, "360p30") == [first + 1, first + 2]


@pytest.mark.row("T14")
async def test_preempted_rendition_leaves_the_master_at_once_and_goes_on_for_its_time(stage, longer):
    """The second segment after the preemption is one at which declarations are repeated."""
    repeats = REPEAT_SEGMENTS * (longer.parts[0].media_sequence // REPEAT_SEGMENTS + 1)
    moved = repeats - 2 - longer.parts[0].media_sequence
    shifted = longer._replace(parts=[msgspec.structs.replace(part, media_sequence=part.media_sequence + moved) for part in longer.parts])
    job = {"channel_id": CHANNEL, "session_id": SESSION, "job_id": SESSION, "worker_id": "w1"}

    def declared():
        return [event.leaving for event in stage.of(RenditionDeclared, "160p30")]

    async with stage.worker():
        stage.assign(renditions=("160p30",))
        playing = asyncio.create_task(stage.play(shifted))
        await stage.until(lambda: len(stage.of(PartProduced, "160p30")) > 2)
        assert listed(stage) == {"source", "160p30"}

        stage.ingest.publish(JobPreempted(**job, renditions=(), grace_seconds=30))
        await stage.until(lambda: declared() == [False, True])
        assert listed(stage) == {"source"}
        first, left = stage.of(RenditionDeclared, "160p30")
        same = {"event_id": "", "occurred_at": 0, "leaving": False}
        assert msgspec.structs.replace(left, **same) == msgspec.structs.replace(first, **same)
        assert stage.of(PartProduced, "160p30")[-1].media_sequence == repeats - 2, "not before the next segment alone"

        await stage.until(lambda: segments(stage, "160p30") == [repeats - 2, repeats - 1])
        await stage.until(lambda: declared() == [False, True, True])
        assert listed(stage) == {"source"}

        stage.ingest.publish(JobUpgraded(**job, renditions=("160p30",)))
        await stage.until(lambda: declared() == [False, True, True, False])
        assert listed(stage) == {"source", "160p30"}

        stage.ingest.publish(JobPreempted(**job, renditions=(), grace_seconds=1))
        await playing
        await stage.until(lambda: segments(stage, "160p30") == [repeats - 2, repeats - 1, repeats])
    assert declared()[4:] == [True]
    assert len(stage.of(PartProduced, "160p30")) == 30


def listed(stage):
    """Renditions in the master that an origin makes of the log so far."""
    events = [event for event in stage.events if isinstance(event, RenditionDeclared | PartProduced | SegmentProduced)]
    return {one.rendition for one in Window(folded(PLAYLIST, events), CHANNEL).playable(parts=True)}


async def test_source_that_reorders_pictures_keeps_its_timeline(stage, tmp_path):
    reordering = record(tmp_path, size="640x360", seconds=4, options=("-bf", "2"))
    async with stage.worker():
        stage.assign(renditions=("160p30",))
        await stage.play(reordering, speed=2)
        await stage.until(lambda: len(stage.of(PartProduced, "160p30")) >= 19)
        stage.ingest.publish(JobReleased(channel_id=CHANNEL, session_id=SESSION, job_id=SESSION, worker_id="w1", reason="ended"))
        await stage.until(lambda: len(segments(stage, "160p30")) == 2)
    assert numbered(stage.of(PartProduced, "160p30")) == numbered(reordering.parts)


class Failing(StoredObjects):
    """A store that fails whoever makes renditions while it is away; the ingest has its source."""

    away = False
    refused = 0

    async def put(self, address, data):
        self._refuse("/source/" not in address)
        await super().put(address, data)

    async def get(self, address):
        self._refuse(True)
        return await super().get(address)

    def _refuse(self, mine):
        if self.away and mine:
            self.refused += 1
            raise OSError(28, "No space left on device")


async def test_store_that_is_away_for_two_seconds_costs_neither_a_part_nor_the_encoder(stage, source):
    stage.objects = store = Failing(stage.objects._store)
    async with stage.worker() as worker:
        stage.assign(renditions=("160p30",))
        playing = asyncio.create_task(stage.play(source))
        await stage.until(lambda: stage.of(PartProduced, "160p30"))
        pid = worker.jobs[SESSION].encoder_pid
        store.away = True
        await asyncio.sleep(2)
        before = len(stage.of(PartProduced, "160p30"))
        assert store.refused > 3
        store.away = False
        await playing
        await stage.until(lambda: len(stage.of(PartProduced, "160p30")) >= 29)
        assert before < 29
        assert worker.jobs[SESSION].encoder_pid == pid
    parts = stage.of(PartProduced, "160p30")
    assert numbered(parts) == numbered(source.parts)
    assert not stage.of(EncoderReported)
