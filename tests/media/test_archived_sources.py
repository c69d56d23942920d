"""Whatever an encoder sends: its VOD has every frame that was pushed, once and in order, and its sound has no hole."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hls_checker import check
from live_origin import origin_of
from looking import CHECKS, digests, pictures, probed, runs_of
from sources import KINDS, encode, push

from processors.vod.documents import SEGMENTS, read_table
from processors.vod.recording import Recording
from schemas.events import StreamEnded, VodArchived
from sinks.archive.archivist import Archivist
from sinks.archive.config import ArchiveConfig
from streams.edges.ingest.segmenter import FREEZE_MS
from streams.media.aac import FRAME_SAMPLES, silent_frame
from streams.objects import StoredObjects
from streams.objects_tiered import TieredObjects
from tests.ingest_stage import Stage, profile
from tests.rtmp_client import AUDIO, VIDEO, RtmpClient, metadata, tags

pytestmark = pytest.mark.media
GROUP = 30
SILENT = max(len(silent_frame(channels)) for channels in (1, 2))
"""Bytes of a frame that fills a hole; a sine's are longer."""
PLAIN = (KINDS["b-frames"][0], f"-bf 2 -g {GROUP} -ac 2")
EDGE_S = 0.1
"""Sound that comes so shortly before the first picture, after the last one, or where timestamps jump, may belong to no picture."""


class Jump(NamedTuple):
    """Timestamps that go elsewhere from a frame on, by ffmpeg where they go on; it sends none that go back."""

    frame: int
    by_ms: int

    @property
    def breaks(self) -> bool:
        """Whether a discontinuity follows: a picture that lasts a little longer is none."""
        return not 0 < self.by_ms < FREEZE_MS

    @property
    def lost(self) -> range:
        """Frames that nobody can decode: those from a discontinuity up to the next key frame."""
        return range(self.frame, -(-self.frame // GROUP) * GROUP if self.breaks else self.frame)


JUMPS = {
    "hesitation": Jump(2 * GROUP + 10, 1_000),
    "jump at a key frame": Jump(2 * GROUP, 20_000),
    "jump amid a group": Jump(2 * GROUP + 10, 20_000),
    "jump back": Jump(2 * GROUP, -1_500),
    "jump back to the beginning": Jump(2 * GROUP, -2_000),
}
NAMES = [*KINDS, *JUMPS]


class Archived(NamedTuple):
    """A source, what its stream was, and its VOD."""

    source: Path
    ended: StreamEnded
    vod: VodArchived
    folder: Path

    @property
    def recording(self) -> Recording:
        return read_table((self.folder / SEGMENTS).read_bytes()).recording


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stage, dict[str, Archived]]:
    """All of them, sent at the same time."""
    folder = tmp_path_factory.mktemp("sources")
    sources = {name: encode(folder, name, KINDS.get(name, PLAIN)) for name in NAMES}
    stage = Stage(StoredObjects.at(f"file://{folder}/objects"))
    return stage, asyncio.run(archive(stage, folder / "objects", sources))


async def archive(stage: Stage, folder: Path, sources: dict[str, Path]) -> dict[str, Archived]:
    objects, config = TieredObjects({"hot": stage.objects}), ArchiveConfig(late_us=0)
    archivist = Archivist(stage.log, stage.codec, objects, stage.publisher, config, rest_s=0.05)
    await archivist.start()
    for number in range(len(sources)):
        stage.publisher.publish(profile(f"live_{number}", str(number)))
    async with stage.ingest() as edge:
        await asyncio.gather(*(send(edge.port, f"live_{number}", name, path) for number, (name, path) in enumerate(sources.items())))
        await stage.wait(lambda: len(stage.events(VodArchived, "library.vod.events.v1")) == len(sources))
    await archivist.close()
    found = {}
    for number, (name, path) in enumerate(sources.items()):
        [ended] = [event for event in stage.events(StreamEnded) if event.channel_id == str(number)]
        [vod] = [event for event in stage.events(VodArchived, "library.vod.events.v1") if event.channel_id == str(number)]
        found[name] = Archived(path, ended, vod, folder / vod.channel_id / vod.vod_id)
    return found


async def send(port: int, key: str, name: str, path: Path) -> None:
    jump = JUMPS.get(name)
    if jump is not None and jump.by_ms < 0:
        await send_back(port, key, path, jump)
        return
    options = []
    if jump is not None:
        for track, holds in (("v", f"gte(N,{jump.frame})"), ("a", f"gte(TS*TB,{jump.frame / 30})")):
            by = f"{holds}*{jump.by_ms / 1_000}/TB"
            options += [f"-bsf:{track}", f"setts=pts='PTS+{by}':dts='DTS+{by}'"]
    process = await push(path, f"rtmp://127.0.0.1:{port}/app/{key}", *options)
    assert await process.wait() == 0


async def send_back(port: int, key: str, path: Path, jump: Jump) -> None:
    client = await RtmpClient.open(port)
    assert await client.publish(key) == "NetStream.Publish.Start"
    await client.send(metadata(framerate=30.0, audiocodecid=10.0))
    for tag in tags(path):
        if tag.kind in {AUDIO, VIDEO}:
            await client.send(tag._replace(timestamp=tag.timestamp + jump.by_ms * (tag.timestamp >= jump.frame * 1_000 / 30)))
    await client.leave()


def kept_of(pushed: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Packets that can be decoded of those that were pushed."""
    lost = JUMPS[name].lost if name in JUMPS else ()
    return [packet for number, packet in enumerate(pushed) if number not in lost]


@pytest.mark.row("V1", "I8")
@pytest.mark.parametrize("name", NAMES)
def test_every_frame_that_was_pushed_is_in_the_vod_once_and_in_order(archived: tuple[Stage, dict[str, Archived]], name: str) -> None:
    one = archived[1][name]
    pushed, kept = probed(one.source, "v"), probed(one.folder / "manifest.m3u8", "v")
    assert len(set(digests(pushed))) == len(pushed)
    assert digests(kept) == digests(kept_of(pushed, name))
    assert (one.ended.frames_in, one.ended.frames_out, one.ended.frames_dropped) == (len(pushed), len(kept), len(pushed) - len(kept))
    jumps = {JUMPS[name].frame - 1} if name in JUMPS else set()
    for number, ((a, b), (c, d)) in enumerate(zip(pairwise(kept_of(pushed, name)), pairwise(kept), strict=True)):
        if number not in jumps:
            assert float(d["pts_time"]) - float(c["pts_time"]) == pytest.approx(float(b["pts_time"]) - float(a["pts_time"]), abs=0.0015)


@pytest.mark.row("V1")
@pytest.mark.parametrize("name", NAMES)
def test_ffmpeg_shows_the_pictures_of_the_source(archived: tuple[Stage, dict[str, Archived]], name: str) -> None:
    one = archived[1][name]
    pushed = probed(one.source, "v")
    times = {packet["pts"] for packet in kept_of(pushed, name)}
    shown = zip(sorted(packet["pts"] for packet in pushed), pictures(one.source), strict=True)
    assert pictures(one.folder / "manifest.m3u8") == [picture for time, picture in shown if time in times]


@pytest.mark.row("V1", "I8")
@pytest.mark.parametrize("name", [name for name in NAMES if name != "no audio"])
def test_sound_is_the_sources_and_ends_and_begins_with_the_picture_within_a_frame(
    archived: tuple[Stage, dict[str, Archived]], name: str
) -> None:
    one = archived[1][name]
    kept = probed(one.folder / "manifest.m3u8", "a")
    runs = {track.kind: runs_of(one.recording, track.rendition) for track in one.recording.tracks}
    assert len(runs["video"]) == len(runs["audio"]) == 1 + (name in JUMPS and JUMPS[name].breaks)
    [rate] = {piece.timescale for track in one.recording.tracks if track.kind == "audio" for piece in track.pieces}
    grid = [round(time * rate) for begin, end in runs["audio"] for time in steps(begin, end, FRAME_SAMPLES / rate)]
    assert [packet["pts"] for packet in kept] == grid
    for picture, sound in zip(runs["video"], runs["audio"], strict=True):
        assert [abs(a - b) * rate < FRAME_SAMPLES for a, b in zip(picture, sound, strict=True)] == [True, True], (picture, sound)

    sent = {packet["data_hash"]: float(packet["pts_time"]) for packet in probed(one.source, "a")}
    heard = [packet["data_hash"] for packet in kept if int(packet["size"]) > SILENT]
    assert heard == [digest for digest in sent if digest in set(heard)]
    frames = [float(packet["pts_time"]) for packet in kept_of(probed(one.source, "v"), name)]
    cut = JUMPS[name].frame if name in JUMPS else len(frames)
    for shown in filter(None, (frames[:cut], frames[cut:])):
        assert {digest for digest, time in sent.items() if min(shown) + EDGE_S < time < max(shown) - EDGE_S} <= set(heard)


def steps(begin: float, end: float, length: float) -> list[float]:
    return [begin + number * length for number in range(round((end - begin) / length))]


@pytest.mark.row("V1", "V8")
@pytest.mark.parametrize("name", NAMES)
async def test_a_strict_client_has_no_complaint_of_the_vod(archived: tuple[Stage, dict[str, Archived]], name: str) -> None:
    stage, found = archived
    async with origin_of(stage) as origin:
        results = await check(f"{origin.url}/vod/{found[name].vod.vod_id}/master.m3u8", only=CHECKS)
    alone = {"audio-group", "aligned-renditions"} if name == "no audio" else set()
    assert {result.check: result.outcome for result in results} == {each: "n/a" if each in alone else "ok" for each in CHECKS}, results
