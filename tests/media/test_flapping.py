"""A publisher whose connection breaks twenty times within a minute: one session, one VOD, and what was acknowledged is in it."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest
from hls_checker import Result, check
from live_origin import origin_of
from looking import CHECKS, digests, pictures, probed, runs_of
from sources import KINDS, encode, stretch

from processors.vod.documents import METADATA, SEGMENTS, read_table
from processors.vod.recording import Recording
from schemas.events import PartProduced, SegmentProduced, StreamEnded, StreamInterrupted, StreamResumed, StreamStarted, VodArchived
from sinks.archive.archivist import Archivist
from sinks.archive.config import ArchiveConfig
from sinks.chat.replay import Timeline, Turn
from streams.media import fmp4_reader
from streams.media.aac import FRAME_SAMPLES
from streams.objects import StoredObjects
from streams.objects_tiered import TieredObjects
from tests.ingest_stage import KEY, Stage, profile
from tests.rtmp_client import RtmpClient, metadata

pytestmark = pytest.mark.media
TIMES = 20
ENDS = ("closed", "unpublished", "torn", "taken over", "reset")
"""How connections end, in turn."""
LOSSY = {"taken over", "reset"}
"""Of these, which may lose what the server has not read yet."""
EACH = TIMES // len(ENDS)
EMPTY = EACH + 1
"""Further connections, which show nothing."""
GROUP = 30
"""Frames of a connection, a second."""
PERIOD_US = 3_000_000
"""From one beginning to the next, where nobody takes over: all within a minute."""
LIVE_CHECKS = (*CHECKS, "part-target", "server-control", "parts-join-to-segment", "skip-merge", "rendition-report", "block-reload-past")
E = TypeVar("E", PartProduced, SegmentProduced)


class Clock:
    """Time that passes while nobody publishes."""

    def __init__(self) -> None:
        self.now = 1_767_225_600_000_000

    def __call__(self) -> int:
        return self.now


class FlappingStage(Stage):
    """What was told of a rendition, and of a connection."""

    def shown(self, number: int) -> bool:
        return any(part.discontinuity_sequence == number for part in self.of(PartProduced, "source"))

    def of(self, kind: type[E], rendition: str) -> list[E]:
        return [event for event in self.events(kind) if event.rendition == rendition]


class Flapped(NamedTuple):
    """A source, and what became of it."""

    stage: FlappingStage
    source: Path
    began: list[int]
    """When each connection began."""
    live: list[Result]
    """What a strict client found while it was live."""
    vod: VodArchived
    folder: Path

    @property
    def recording(self) -> Recording:
        return read_table((self.folder / SEGMENTS).read_bytes()).recording

    def folder_of(self, rendition: str) -> str:
        track = self.recording.track(rendition)
        assert track is not None
        return track.folder

    def segments(self, rendition: str) -> list[bytes]:
        folder = self.folder / self.folder_of(rendition)
        return [path.read_bytes() for path in sorted(folder.glob("*.m4s"))]


@pytest.fixture(scope="module")
def flapped(tmp_path_factory: pytest.TempPathFactory) -> Flapped:
    folder = tmp_path_factory.mktemp("flapping")
    source = encode(folder, "source", (KINDS["b-frames"][0], f"-bf 2 -g {GROUP} -ac 2"), TIMES)
    return asyncio.run(flap(folder, source))


async def begin(port: int) -> RtmpClient:
    client = await RtmpClient.open(port)
    assert await client.publish(KEY) == "NetStream.Publish.Start"
    await client.send(metadata(framerate=30.0, audiocodecid=10.0))
    return client


async def flap(folder: Path, source: Path) -> Flapped:
    clock = Clock()
    stage = FlappingStage(StoredObjects.at(f"file://{folder}/objects"), clock=clock)
    stage.publisher.publish(profile())
    objects, config = TieredObjects({"hot": stage.objects}), ArchiveConfig(late_us=0)
    archivist = Archivist(stage.log, stage.codec, objects, stage.publisher, config, clock=clock, rest_s=0.05)
    await archivist.start()
    began, connections = [], 0
    async with stage.ingest(unpublish_grace_s=5.0) as edge:
        for number in range(TIMES):
            end = ENDS[number % len(ENDS)]
            client = await begin(edge.port)
            began.append(clock.now)
            connections += 1
            for message in stretch(source, number, number + 1):
                await client.send(message)
            await stage.wait(lambda number=number: stage.shown(number))
            if end == "taken over":
                continue
            await end_as(end, client)
            await interruptions(stage, connections)
            if end == "torn":  # one that shows nothing follows
                connections += 1
                await (await begin(edge.port)).drop()
                await interruptions(stage, connections)
            clock.now += PERIOD_US
        async with origin_of(stage) as origin:
            live = await check(f"{origin.url}/live/channel7/master.m3u8", only=LIVE_CHECKS)
        client = await begin(edge.port)
        await client.leave()
        [vod] = await stage.wait(lambda: stage.events(VodArchived, "library.vod.events.v1"))
    await archivist.close()
    return Flapped(stage, source, began, live, vod, folder / "objects" / vod.channel_id / vod.vod_id)


async def interruptions(stage: Stage, count: int) -> None:
    await stage.wait(lambda: len(stage.events(StreamInterrupted)) == count)


async def end_as(end: str, client: RtmpClient) -> None:
    match end:
        case "closed":
            await client.drop()
        case "unpublished":
            await client.leave()
        case "torn":
            await client.raw(b"\x04\x00\x00\x00\x00\x10\x00\x09\x01\x00\x00\x00half of a frame")
            await client.drop()
        case "reset":
            await client.reset()


@pytest.mark.row("I4")
def test_it_is_one_session_that_resumes_and_its_line_has_no_hole(flapped: Flapped) -> None:
    stage = flapped.stage
    assert [len(stage.events(kind)) for kind in (StreamStarted, StreamResumed, StreamEnded)] == [1, TIMES - 1, 1]
    reasons = [event.reason for event in stage.events(StreamInterrupted)]
    assert len(reasons) == TIMES + EMPTY
    assert (reasons.count("takeover"), reasons.count("reset")) == (EACH, EACH)
    first = flapped.began[0] // 1_000_000
    for rendition in ("source", "audio"):
        line = [(event.media_sequence, event.discontinuity_sequence) for event in stage.of(SegmentProduced, rendition)]
        assert line == [(first + number, number) for number in range(TIMES)]
    [ended] = stage.events(StreamEnded)
    assert (ended.reason, ended.media_sequence, ended.frames_dropped) == ("unpublished", first + TIMES - 1, 0)


@pytest.mark.row("V1")
def test_what_was_acknowledged_is_in_the_store_and_in_the_vod(flapped: Flapped) -> None:
    stage, recording = flapped.stage, flapped.recording
    kept = {piece.event_id: piece for track in recording.tracks for piece in track.pieces}
    for rendition in ("source", "audio"):
        parts, segments = stage.of(PartProduced, rendition), stage.of(SegmentProduced, rendition)
        for segment in segments:
            data = (flapped.folder / flapped.folder_of(rendition) / f"{recording.number(kept[segment.event_id]):05d}.m4s").read_bytes()
            assert sha256(data).hexdigest() == segment.sha256
            inside = [part for part in parts if part.media_sequence == segment.media_sequence]
            assert data == b"".join((flapped.folder.parents[1] / part.address).read_bytes() for part in inside)
            parts = [part for part in parts if part not in inside]
        assert parts == []


@pytest.mark.row("V1", "I8")
def test_every_frame_that_came_is_in_the_vod_once_and_in_order_and_plays(flapped: Flapped) -> None:
    manifest = flapped.folder / "manifest.m3u8"
    sent, kept = probed(flapped.source, "v"), digests(probed(manifest, "v"))
    counts = [sum(1 for _ in fmp4_reader.samples(data)) for data in flapped.segments("source")]
    came = [packet for number, count in enumerate(counts) for packet in sent[number * GROUP : number * GROUP + count]]
    assert kept == digests(came)
    assert [count == GROUP or ENDS[number % len(ENDS)] in LOSSY for number, count in enumerate(counts)] == [True] * TIMES
    [ended] = flapped.stage.events(StreamEnded)
    assert ended.frames_in == ended.frames_out == len(came)
    times = {packet["pts"] for packet in came}
    shown = zip(sorted(packet["pts"] for packet in sent), pictures(flapped.source), strict=True)
    assert pictures(manifest) == [picture for time, picture in shown if time in times]


@pytest.mark.row("V1", "I8")
def test_the_sound_of_each_connection_is_whole_and_as_long_as_its_picture(flapped: Flapped) -> None:
    runs = {track.kind: runs_of(flapped.recording, track.rendition) for track in flapped.recording.tracks}
    assert len(runs["video"]) == len(runs["audio"]) == TIMES
    for picture, sound in zip(runs["video"], runs["audio"], strict=True):
        assert [abs(a - b) < FRAME_SAMPLES / 48_000 for a, b in zip(picture, sound, strict=True)] == [True, True], (picture, sound)
    grid = [round(begin * 48_000) + at for begin, end in runs["audio"] for at in range(0, round((end - begin) * 48_000), FRAME_SAMPLES)]
    assert [packet["pts"] for packet in probed(flapped.folder / "manifest.m3u8", "a")] == grid


@pytest.mark.row("P1", "V1", "V8")
async def test_a_strict_client_has_no_complaint_of_the_stream_or_the_vod(flapped: Flapped) -> None:
    async with origin_of(flapped.stage) as origin:
        results = await check(f"{origin.url}/vod/{flapped.vod.vod_id}/master.m3u8", only=CHECKS)
    for found in (results, flapped.live):
        assert {result.outcome for result in found} == {"ok"}, found
    for name in ("180p30", "audio"):
        assert (flapped.folder / name / "index.m3u8").read_text().count("#EXT-X-DISCONTINUITY\n") == TIMES - 1


@pytest.mark.row("E6")
def test_the_chat_of_each_connection_is_at_its_pictures(flapped: Flapped) -> None:
    turns = json.loads((flapped.folder / METADATA).read_bytes())["timeline"]
    timeline = Timeline([Turn(**turn) for turn in turns])
    assert [turn["wall_us"] for turn in turns] == [piece.began_us for piece in flapped.recording.lead]
    at = 0.0
    for number, piece in enumerate(flapped.recording.lead):
        assert abs(turns[number]["at_ms"] - at) <= 1
        if ENDS[number % len(ENDS) - 1] != "taken over":
            assert piece.began_us == flapped.began[number]
        middle_us = round(piece.seconds * 500_000)
        assert abs(timeline.at(piece.began_us + middle_us) - (at + middle_us / 1_000)) <= 2
        assert abs(timeline.wall(round(at + middle_us / 1_000)) - (piece.began_us + middle_us)) <= 2_000
        at += piece.seconds * 1_000
