"""Clips of a real stream, pushed by ffmpeg: cut to the frame from what is live and from its VOD, whole, and outliving the VOD."""

import io
import json
import shlex
import subprocess
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock
from uuid import uuid4

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from studio import RATE, SECONDS, Studio

from schemas.event import ENVELOPE
from schemas.events import ClipReady, FailClip, FinishClip, VodArchived
from sinks.archive.lineage import Hop, Lineage, UnknownError, revisions
from sinks.archive.pictures import NoPictureError
from sinks.clips.clips import TOPIC, Clips
from sinks.clips.lineage import ClipLineage
from sinks.clips.scrub import ClipScrub
from streams.media import fmp4_reader
from streams.objects import Objects

pytestmark = pytest.mark.media
Frames = list[NDArray[np.int16]]


@pytest.fixture(scope="module")
def reference(filmed: tuple[Studio, VodArchived]) -> Frames:
    """Every picture of the source, in the order in which they are shown."""
    studio, vod = filmed
    folder = studio.folder / vod.channel_id / vod.vod_id / "180p30"
    data = (folder / "init-0.mp4").read_bytes() + b"".join(path.read_bytes() for path in sorted(folder.glob("*.m4s")))
    found = pictures(data)
    assert len(found) == SECONDS * RATE
    return found


def pictures(data: bytes) -> Frames:
    with av.open(io.BytesIO(data), "r", format="mp4") as container:
        return [frame.to_ndarray(format="gray").astype(np.int16) for frame in container.decode(video=0)]


def shown_at(studio: Studio) -> list[float]:
    """When each of the source's pictures is shown, seconds since the session began: a player that decodes the first one at once is there
    then. B-frames are shown after what is decoded before them, and so the first picture is, too.
    """
    samples = [sample for event in studio.sources() for sample in fmp4_reader.samples((studio.folder / event.address).read_bytes())]
    return sorted((sample.decode_time + sample.composition_offset) / 90_000 for sample in samples)


def first_from(moment: float, times: list[float]) -> int:
    """Number of the first picture that is shown at a moment or after it."""
    return next(number for number, time in enumerate(times) if time >= moment)


def place(picture: NDArray[np.int16], reference: Frames) -> int:
    """Number of the source's picture that it is nearest to."""
    return int(np.argmin([np.abs(picture - other).mean() for other in reference]))


def probed(path: Path) -> dict[str, Any]:
    shown = subprocess.run(
        shlex.split(f"ffprobe -v error -show_format -show_streams -show_packets -of json {path}"), check=True, capture_output=True
    )
    assert shown.stderr == b""
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def whole(studio: Studio, clip: FinishClip, seconds: float) -> Path:
    """The clip's file, after what holds of each clip was looked at."""
    video = studio.folder / f"clips/{clip.clip_id}/video.mp4"
    thumb = studio.folder / f"clips/{clip.clip_id}/thumb.jpg"
    data = video.read_bytes()
    assert (clip.address, clip.sha256) == (f"clips/{clip.clip_id}/video.mp4", sha256(data).hexdigest())
    assert sha256(thumb.read_bytes()).hexdigest() == clip.thumbnail_sha256
    assert 0 < data.index(b"moov") < data.index(b"mdat")  # the index first
    found = probed(video)
    assert {stream["codec_type"] for stream in found["streams"]} == {"audio", "video"}
    assert abs(float(found["format"]["start_time"])) < 0.001
    assert abs(float(found["format"]["duration"]) - seconds) <= 1 / RATE
    assert abs(clip.duration_ms / 1_000 - seconds) <= 1 / RATE
    sound = [float(packet["pts_time"]) for packet in found["packets"] if packet["codec_type"] == "audio"]
    assert sound[0] <= 1_024 / 48_000
    assert all(abs(after - before - 1_024 / 48_000) < 0.001 for before, after in pairwise(sound))
    return video


@pytest.mark.row("K2", "K3", "K4")
def test_a_live_clip_ends_with_the_picture_that_was_seen_and_keeps_the_source_between_the_cuts(
    filmed: tuple[Studio, VodArchived], reference: Frames
) -> None:
    studio, _ = filmed
    clip = studio.live_clip
    assert clip is not None
    shown = pictures(whole(studio, clip, 5.5).read_bytes())
    places = [place(picture, reference) for picture in shown]
    assert places == list(range(places[0], places[0] + len(shown)))  # each picture once, in order
    first = studio.sources()[0]
    ends = first_from((studio.live_moment - first.programme_date_time) / 1e6, shown_at(studio))
    assert abs(places[-1] + 1 - ends) <= 1
    assert abs(places[0] - (ends - 5.5 * RATE)) <= 1
    assert len(shown) == clip.frames
    assert clip.copied == 120  # the two groups in the middle
    middle = shown[len(shown) // 2]
    assert np.abs(middle - reference[places[len(shown) // 2]]).max() == 0  # the very bytes


@pytest.mark.row("K2", "K4")
async def test_a_clip_of_a_vod_has_the_asked_pictures_and_outlives_it(filmed: tuple[Studio, VodArchived], reference: Frames) -> None:
    studio, vod = filmed
    worker = studio.worker()
    await worker.start()
    clip = await studio.ask(source="vod", vod_id=vod.vod_id, offset_ms=2_500, duration_ms=6_000)
    assert isinstance(clip, FinishClip), clip
    again = await studio.ask(source="vod", vod_id=vod.vod_id, offset_ms=2_500, duration_ms=6_000, clip_id=clip.clip_id, attempt=2)
    await worker.close()
    assert isinstance(again, FinishClip)
    assert (again.sha256, again.thumbnail_sha256) == (clip.sha256, clip.thumbnail_sha256)
    shown = pictures(whole(studio, clip, 6.0).read_bytes())
    places = [place(picture, reference) for picture in shown]
    assert places == list(range(places[0], places[0] + 180))
    assert abs(places[0] - first_from(2.5, shown_at(studio))) <= 1
    folder = studio.folder / vod.channel_id / vod.vod_id
    folder.rename(folder.with_suffix(".gone"))
    whole(studio, clip, 6.0)
    folder.with_suffix(".gone").rename(folder)


@pytest.mark.row("E14", "K4")
async def test_a_clip_that_is_damaged_is_cut_again_byte_for_byte_while_its_source_is_there(filmed: tuple[Studio, VodArchived]) -> None:
    studio, vod = filmed
    worker = studio.worker()
    await worker.start()
    of_vod = await studio.ask(source="vod", vod_id=vod.vod_id, offset_ms=1_000, duration_ms=5_000)
    assert isinstance(of_vod, FinishClip), of_vod
    await worker.close()
    clips = Clips()
    for event in studio.all(TOPIC):
        clips.apply(event)
    scrub, folder = ClipScrub(studio.log, studio.codec, studio.objects), studio.folder / vod.channel_id / vod.vod_id
    for clip in (of_vod, studio.live_clip):
        assert isinstance(clip, FinishClip)
        told = {name: getattr(clip, name) for name in clip.__struct_fields__ if name not in ENVELOPE}
        clips.apply(ClipReady(**told))
        made = clips.get(clip.clip_id)
        assert made is not None
        assert (await scrub.look(made)).findings == ()
        video, thumb = studio.folder / clip.address, studio.folder / clip.thumbnail_address
        before = video.read_bytes(), thumb.read_bytes()
        video.unlink()
        thumb.write_bytes(b"rotten")
        (video.parent / "left.mp4").write_bytes(b"")
        report = await scrub.look(made)
        (video.parent / "left.mp4").unlink()
        assert [(finding.problem, finding.mended) for finding in report.findings] == [
            ("orphan", ""), ("rotten", "from the clip"), ("missing", "from its source"),
        ]  # fmt: skip
        assert report.lost == []
        assert (video.read_bytes(), thumb.read_bytes()) == before

    made = clips.get(of_vod.clip_id)
    assert made is not None
    (studio.folder / of_vod.address).unlink()
    folder.rename(folder.with_suffix(".gone"))
    lost = (await scrub.look(made)).lost
    folder.with_suffix(".gone").rename(folder)
    assert [finding.address for finding in lost] == [f"clips/{of_vod.clip_id}/video.mp4"]
    looked = await ClipScrub(studio.log, studio.codec, studio.objects, mend=False).look(made)
    assert looked.lost == lost
    assert (await scrub.look(made)).lost == []


@pytest.mark.row("K7")
async def test_what_is_not_there_fails_with_its_step_and_leaves_no_object(filmed: tuple[Studio, VodArchived]) -> None:
    studio, vod = filmed
    worker = studio.worker()
    await worker.start()
    long = await studio.ask(source="vod", vod_id=vod.vod_id, offset_ms=8_000, duration_ms=10_000)
    gone = await studio.ask(source="vod", vod_id="none", offset_ms=0, duration_ms=5_000)
    await worker.close()
    assert isinstance(long, FailClip)
    assert (long.step, "not so much to cut" in long.cause) == ("collect", True)
    assert isinstance(gone, FailClip)
    assert gone.step == "collect"
    for one in (long, gone):
        assert not (studio.folder / "clips" / one.clip_id).exists()


@pytest.mark.row("E9")
async def test_lineage_leads_from_a_clip_to_its_segments_and_the_session_and_sees_a_changed_byte(
    filmed: tuple[Studio, VodArchived],
) -> None:
    studio, vod = filmed
    worker = studio.worker()
    await worker.start()
    clip = await studio.ask(source="vod", vod_id=vod.vod_id, offset_ms=3_000, duration_ms=5_000)
    await worker.close()
    assert isinstance(clip, FinishClip), clip
    with pytest.raises(UnknownError, match="processing"):
        await lineage_of(studio, clip.clip_id)
    told = {name: getattr(clip, name) for name in clip.__struct_fields__ if name not in ENVELOPE}
    studio.publisher.publish(ClipReady(**told, causation_id=clip.event_id))  # as the clips view does
    hops = await lineage_of(studio, clip.clip_id)
    assert hops is not None
    assert all(hop.holds for hop in hops), hops
    names = [hop.what for hop in hops]
    assert names[:5] == ["clip", "video", "picture", "made", "asked for"]
    assert names[-3:] == ["pictures", "ingested", "ended"]
    cut_from = [hop for hop in hops if hop.what == "cut from"]
    assert {hop.name.split("/")[2] for hop in cut_from} == {"source", "audio"}
    assert len(cut_from) >= 2 * 3
    assert all(hop.at.startswith("media.segment.events.v1/") for hop in cut_from)
    assert await lineage_of(studio, "nothing") is None

    for place, broken in ((clip.address, {"video", "pictures"}), (cut_from[1].name, {"cut from", "pictures"})):
        file = studio.folder / place
        whole_data, spoilt = file.read_bytes(), bytearray(file.read_bytes())
        spoilt[-1_000] ^= 1
        file.write_bytes(spoilt)
        hops = await lineage_of(studio, clip.clip_id)
        file.write_bytes(whole_data)
        assert {hop.what for hop in hops or [] if not hop.holds} <= broken
        [hop] = [hop for hop in hops or [] if not hop.holds and hop.what in {"video", "cut from"}]
        assert (studio.folder / hop.name).samefile(file)


async def lineage_of(studio: Studio, name: str) -> list[Hop] | None:
    archive = Lineage(studio.log, studio.codec, studio.objects, list(revisions(studio.log, studio.codec)))
    return await ClipLineage(studio.log, studio.codec, studio.objects, archive).of(name)


class Failing:
    """A store that refuses to write one kind of object, or gives other bytes."""

    def __init__(self, objects: Objects, *, refuses: str = "", spoils: str = "") -> None:
        self._objects = objects
        self._refuses = refuses
        self._spoils = spoils

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    async def put(self, address: str, data: bytes) -> None:
        if self._refuses and address.endswith(self._refuses):
            raise OSError(28, "No space left on device")
        await self._objects.put(address, data)

    async def get(self, address: str) -> bytes:
        data = await self._objects.get(address)
        return data[: len(data) // 2] if self._spoils and address.endswith(self._spoils) else data


@pytest.mark.row("K7")
@pytest.mark.parametrize(("fault", "step"), [({"refuses": "video.mp4"}, "store"), ({"spoils": ".m4s"}, "cut")])
async def test_a_step_that_fails_is_named_and_tried_again_with_success(
    filmed: tuple[Studio, VodArchived], fault: dict[str, str], step: str
) -> None:
    studio, vod = filmed
    worker = studio.worker(Failing(studio.objects, **fault))
    await worker.start()
    ask = {"source": "vod", "vod_id": vod.vod_id, "offset_ms": 1_000, "duration_ms": 5_000, "clip_id": str(uuid4())}
    failed = await studio.ask(**ask)
    await worker.close()
    assert isinstance(failed, FailClip)
    assert failed.step == step
    assert failed.cause
    assert not (studio.folder / "clips" / failed.clip_id / "video.mp4").exists()
    worker = studio.worker()
    await worker.start()
    done = await studio.ask(**ask, attempt=2)
    await worker.close()
    assert isinstance(done, FinishClip), done
    whole(studio, done, 5.0)


@pytest.mark.row("K7")
@pytest.mark.parametrize(
    ("tool", "mock", "cause", "step"),
    [("muxed", AsyncMock, av.FFmpegError(22, "killed"), "cut"), ("pictures.middle", Mock, NoPictureError("none decodes"), "thumbnail")],
)
async def test_a_tool_that_fails_fails_its_step_leaves_nothing_and_works_the_next_time(
    filmed: tuple[Studio, VodArchived], monkeypatch: pytest.MonkeyPatch, tool: str, mock: type[Mock], cause: Exception, step: str
) -> None:
    studio, vod = filmed
    worker = studio.worker()
    await worker.start()
    ask = {"source": "vod", "vod_id": vod.vod_id, "offset_ms": 1_000, "duration_ms": 5_000, "clip_id": str(uuid4())}
    with monkeypatch.context() as broken:
        broken.setattr(f"sinks.clips.worker.{tool}", mock(side_effect=cause))
        failed = await studio.ask(**ask)
    assert isinstance(failed, FailClip)
    assert (failed.step, failed.cause) == (step, f"{cause}")
    assert not (studio.folder / "clips" / failed.clip_id).exists()
    done = await studio.ask(**ask, attempt=2)
    await worker.close()
    assert isinstance(done, FinishClip), done
    whole(studio, done, 5.0)
