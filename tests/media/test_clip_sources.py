"""Clips of whatever an encoder sends, and over its reconnect: the pictures that were asked for, and their sound beside them."""

import asyncio
import json
import subprocess
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from looking import probed
from numpy.typing import NDArray
from sources import encode, stretch
from studio import Studio

from schemas.events import FinishClip, StreamInterrupted
from streams.clock import now_us
from streams.media.aac import FRAME_SAMPLES
from tests.ingest_stage import KEY, profile
from tests.rtmp_client import RtmpClient, metadata

pytestmark = [pytest.mark.media, pytest.mark.row("K2", "K4")]
SECONDS = 12
PAUSE_US = 5_000_000
"""That a publisher is away."""
PICTURE = "-f lavfi -i testsrc2=size=320x180:rate={}"
SOUND = "-f lavfi -i aevalsrc='0.5*sin(2*PI*(300*t+100*t*t))':s={}"
"""Rises, so that no two frames of it are the same."""
KINDS = {
    "variable rate": (
        f"{PICTURE.format(60)} {SOUND.format(48_000)}",
        "-vf \"select='not(mod(n,1+mod(floor(n/30),4)))*not(between(n,300,389))'\" -fps_mode vfr -bf 0 -g 60 -ac 2",
    ),
    "open gop": (f"{PICTURE.format(30)} {SOUND.format(48_000)}", "-bf 2 -g 45 -x264-params open-gop=1 -ac 2"),
    "long gop": (f"{PICTURE.format(30)} {SOUND.format(48_000)}", "-bf 2 -g 250 -sc_threshold 0 -ac 2"),
    "50 fps, mono 44.1 kHz": (f"{PICTURE.format(50)} {SOUND.format(44_100)}", "-bf 0 -g 100 -ac 1"),
    "reconnect": (f"{PICTURE.format(30)} {SOUND.format(48_000)}", "-bf 2 -g 60 -ac 2"),
    "reconnect, mono 44.1 kHz": (f"{PICTURE.format(30)} {SOUND.format(44_100)}", "-bf 2 -g 60 -ac 1"),
}
CUTS = ((0.4, 5.9), (5.7, 11.2), (2.0, 7.0))
"""Seconds of the stream, pauses left out. The first ends, and the second begins, within the frozen picture of the variable rate."""
ROUNDING = 0.002
"""Seconds: timestamps of FLV are milliseconds, and two are compared."""
BREAKS = 6
"""Where the publisher who comes back breaks off, seconds."""


class Clip(NamedTuple):
    """A clip, and what it should be of."""

    source: Path
    told: FinishClip
    file: Path
    begin: float
    end: float


class Clock:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return now_us() + self.ahead


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Clip]:
    folder = tmp_path_factory.mktemp("clip-sources")
    return {
        (name, number): clip for name in KINDS for number, clip in enumerate(asyncio.run(clipped(folder / name.replace(" ", "-"), name)))
    }


async def clipped(folder: Path, name: str) -> list[Clip]:
    """Sends a source as fast as it is taken, and cuts clips from it."""
    folder.mkdir()
    source, clock = encode(folder, name, KINDS[name], SECONDS), Clock()
    studio = Studio(folder)
    studio.clock = clock
    studio.publisher.publish(profile())
    stretches = [(0, BREAKS), (BREAKS, SECONDS)] if name.startswith("reconnect") else [(0, SECONDS)]
    found = []
    async with studio.ingest() as edge:
        for number, (begin, end) in enumerate(stretches):
            client = await RtmpClient.open(edge.port)
            assert await client.publish(KEY) == "NetStream.Publish.Start"
            await client.send(metadata(audiocodecid=10.0))
            for message in stretch(source, begin, end):
                await client.send(message)
            await client.drop()
            await studio.wait(lambda number=number: len(studio.events(StreamInterrupted)) == number + 1)
            clock.ahead += (end - begin) * 1_000_000 + PAUSE_US
    worker = studio.worker(clock=clock)
    await worker.start()
    first = studio.sources()[0].programme_date_time
    back = next((event.programme_date_time for event in studio.sources() if event.discontinuity_sequence), first + BREAKS * 1_000_000)
    for begin, end in CUTS:
        paused = back - first - BREAKS * 1_000_000 if end > BREAKS else 0
        answer = await studio.ask(ends_at=first + round(end * 1e6) + paused, duration_ms=round((end - begin) * 1_000))
        assert isinstance(answer, FinishClip), answer
        found.append(Clip(source, answer, studio.folder / answer.address, begin, end))
    await worker.close()
    return found


class Picture(NamedTuple):
    """A picture of a file."""

    time: float
    """When it is shown, seconds."""
    grey: NDArray[np.int16]


def pictures(path: Path) -> list[Picture]:
    """In the order in which they are shown."""
    with av.open(str(path)) as container:
        first = min(float(packet["dts_time"]) for packet in probed(path, "v")) if path.suffix == ".flv" else 0.0
        return [Picture(frame.time - first, frame.to_ndarray(format="gray").astype(np.int16)) for frame in container.decode(video=0)]


def number_of(picture: Picture, of: list[Picture], about: int) -> int:
    """Number of the source's picture that it is nearest to, of half a second's."""
    near = range(max(0, about - 30), min(len(of), about + 31))
    return min(near, key=lambda number: float(np.abs(picture.grey - of[number].grey).mean()))


EACH = pytest.mark.parametrize("cut", range(len(CUTS)))
ALL = pytest.mark.parametrize("name", KINDS)


@ALL
@EACH
def test_its_pictures_are_those_that_were_asked_for_each_at_its_time(clips: dict[tuple[str, int], Clip], name: str, cut: int) -> None:
    clip = clips[name, cut]
    source, shown = pictures(clip.source), pictures(clip.file)
    times = [picture.time for picture in source]
    first, past = bisect_left(times, clip.begin), bisect_left(times, clip.end)
    numbers = [number_of(picture, source, first + place) for place, picture in enumerate(shown)]
    assert numbers == list(range(numbers[0], numbers[0] + len(shown)))
    assert (abs(numbers[0] - first) <= 1, abs(numbers[-1] + 1 - past) <= 1) == (True, True), (numbers[0], first, numbers[-1] + 1, past)
    assert clip.told.frames == len(shown)
    usual = min(after - before for before, after in pairwise(times))
    late = [picture.time - max(0.0, times[number] - clip.begin) for picture, number in zip(shown, numbers, strict=True)]
    assert max(map(abs, late)) <= usual + ROUNDING, late
    [lasts] = [float(each["duration"]) for each in described(clip.file) if each["codec_type"] == "video"]
    for seconds in (clip.told.duration_ms / 1_000, lasts):
        assert seconds == pytest.approx(clip.end - clip.begin, abs=usual + ROUNDING)


@ALL
@EACH
def test_its_sound_is_the_sources_unbroken_and_beside_the_pictures(clips: dict[tuple[str, int], Clip], name: str, cut: int) -> None:
    clip = clips[name, cut]
    rate = 44_100 if "44.1" in name else 48_000
    sent = {packet["data_hash"]: float(packet["pts_time"]) for packet in probed(clip.source, "a")}
    begun = min(float(packet["dts_time"]) for packet in probed(clip.source, "v"))
    heard = [(float(packet["pts_time"]), packet["data_hash"]) for packet in probed(clip.file, "a")]
    frame = FRAME_SAMPLES / rate
    assert all(after - before == pytest.approx(frame, abs=ROUNDING) for (before, _), (after, _) in pairwise(heard))
    assert heard[0][0] < frame
    assert heard[-1][0] + 2 * frame > clip.told.duration_ms / 1_000 - ROUNDING
    unknown = [time for time, digest in heard if digest not in sent]
    assert len(unknown) <= (1 if name.startswith("reconnect") else 0), unknown
    late = [time - (sent[digest] - begun - clip.begin) for time, digest in heard if digest in sent]
    assert max(map(abs, late)) < 2 * frame, (min(late), max(late))


@ALL
@EACH
def test_it_plays_without_a_complaint(clips: dict[tuple[str, int], Clip], name: str, cut: int) -> None:
    file = clips[name, cut].file
    shown = subprocess.run(
        ["ffmpeg", "-v", "warning", "-xerror", "-i", str(file), "-f", "null", "-"], check=True, capture_output=True, text=True
    )
    assert shown.stderr == ""
    described_streams = described(file)
    assert {stream["codec_type"] for stream in described_streams} == {"audio", "video"}
    assert [abs(float(stream["start_time"])) < 0.03 for stream in described_streams] == [True, True]


def described(path: Path) -> list[dict[str, Any]]:
    """The file's tracks."""
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    found: list[dict[str, Any]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["streams"]
    return found
