"""Real x264 and AAC, sent by real ffmpeg over RTMP: what comes out is what went in."""

import asyncio
import contextlib
import io
import os
import ssl
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import av
import pytest
from sources import KINDS, SECONDS, encode, push

from schemas.events.media import (
    IngestRejected,
    PartProduced,
    RenditionDeclared,
    SegmentProduced,
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
)
from streams.media import fmp4_reader
from streams.media.aac import silent_frame
from streams.media.track import Sample
from streams.objects import StoredObjects
from tests.ingest_stage import KEY, Stage, profile
from tests.rtmp_client import AUDIO, VIDEO, RtmpClient, metadata, tags

pytestmark = pytest.mark.media

FULL_HD = (
    "-f lavfi -i testsrc2=size=1920x1080:rate=60 -f lavfi -i sine=r=48000",
    "-bf 0 -g 120 -ac 2 -b:v 6M -minrate 6M -maxrate 6M -bufsize 1M -x264-params nal-hrd=cbr",
)


class Pushed(NamedTuple):
    """A source and what the ingest made of it."""

    source: Path
    started: StreamStarted
    ended: StreamEnded
    declared: list[RenditionDeclared]
    parts: list[PartProduced]
    segments: list[SegmentProduced]
    objects: dict[str, bytes]

    def samples(self, rendition: str) -> list[Sample]:
        segments = [segment for segment in self.segments if segment.rendition == rendition]
        return [sample for segment in segments for sample in fmp4_reader.samples(self.objects[segment.address])]


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pushed]:
    """All kinds, sent at the same time to one ingest."""
    folder = tmp_path_factory.mktemp("ffmpeg")
    sources = {name: encode(folder, name, kind) for name, kind in {**KINDS, "full hd": FULL_HD}.items()}
    return asyncio.run(push_all(folder, sources))


async def push_all(folder: Path, sources: dict[str, Path]) -> dict[str, Pushed]:
    stage = Stage(StoredObjects.at(f"file://{folder}/objects"))
    for number, _ in enumerate(sources):
        stage.publisher.publish(profile(f"live_{number}", str(number)))
    async with stage.ingest() as edge:
        processes = [await push(path, f"rtmp://127.0.0.1:{edge.port}/app/live_{number}") for number, path in enumerate(sources.values())]
        assert {await process.wait() for process in processes} == {0}
        await stage.wait(lambda: len(stage.events(StreamEnded)) == len(sources))
    found = {}
    for number, (name, path) in enumerate(sources.items()):
        events = [event for event in stage.all() if getattr(event, "channel_id", "") == str(number)]
        kinds = [[event for event in events if isinstance(event, kind)] for kind in (RenditionDeclared, PartProduced, SegmentProduced)]
        objects = {event.address: await stage.objects.get(event.address) for kind in kinds for event in kind}
        [started] = [event for event in events if isinstance(event, StreamStarted)]
        [ended] = [event for event in events if isinstance(event, StreamEnded)]
        found[name] = Pushed(path, started, ended, *kinds, objects)
    return found


def packets(path: Path, kind: str) -> list[av.Packet]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(**{kind: 0}) if packet.size]


@pytest.mark.row("I4", "I8", "T3")
@pytest.mark.parametrize("name", [*KINDS, "full hd"])
def test_every_frame_comes_out_byte_for_byte_at_its_time(pushed: dict[str, Pushed], name: str) -> None:
    stream = pushed[name]
    coded, samples = packets(stream.source, "video"), stream.samples("source")
    assert [bytes(packet) for packet in coded] == [sample.data for sample in samples]
    assert (stream.ended.frames_in, stream.ended.frames_out, stream.ended.frames_dropped) == (len(coded), len(coded), 0)
    begin = coded[0].dts
    assert [(90 * (p.dts - begin), 90 * (p.pts - begin)) for p in coded] == [
        (s.decode_time, s.decode_time + s.composition_offset) for s in samples
    ]
    assert [packet.is_keyframe for packet in coded] == [sample.key for sample in samples]


@pytest.mark.row("I8")
@pytest.mark.parametrize("name", [name for name in KINDS if name != "no audio"])
def test_audio_is_the_sources_on_an_unbroken_grid(pushed: dict[str, Pushed], name: str) -> None:
    stream = pushed[name]
    samples = stream.samples("audio")
    heard = [sample for sample in samples if sample.data not in {silent_frame(1), silent_frame(2)}]
    coded = packets(stream.source, "audio")
    first = [bytes(packet) for packet in coded].index(heard[0].data)
    assert first <= 2  # before the first picture
    assert [sample.data for sample in heard] == [bytes(packet) for packet in coded][first : first + len(heard)]
    assert len(coded) - first - len(heard) <= 4  # after the last one
    begin, rate = packets(stream.source, "video")[0].dts, stream.declared[1].sample_rate
    for sample, packet in zip(heard, coded[first:], strict=False):
        assert abs(sample.decode_time / rate - (packet.pts - begin) / 1_000) < 0.003


@pytest.mark.parametrize("name", list(KINDS))
def test_renditions_are_cut_alike(pushed: dict[str, Pushed], name: str) -> None:
    stream = pushed[name]
    numbers = {
        declared.rendition: [(part.media_sequence, part.part) for part in stream.parts if part.rendition == declared.rendition]
        for declared in stream.declared
    }
    assert set(numbers) == ({"source"} if name == "no audio" else {"source", "audio"})
    assert all(line == numbers["source"] == sorted(set(line)) for line in numbers.values())
    targets = {declared.rendition: declared.part_target_us for declared in stream.declared}
    for part in stream.parts:
        assert part.duration * 1_000_000 <= targets[part.rendition] * part.timescale
    for segment in stream.segments:
        assert round(segment.duration / segment.timescale) <= 2
        begins = segment.rendition == "audio" or segment.key_frame_bytes > 0
        assert begins or segment.duration / segment.timescale < 1.5 or name == "variable rate"
        opened = name == "open gop" and segment.rendition == "source" and segment.media_sequence != numbers["source"][0][0]
        assert (segment.independent, segment.leans_back) == (begins, begins and opened)


@pytest.mark.parametrize("name", [*KINDS, "full hd"])
def test_ffmpeg_decodes_every_frame_of_the_segments(pushed: dict[str, Pushed], name: str) -> None:
    stream = pushed[name]
    source = next(declared for declared in stream.declared if declared.rendition == "source")
    segments = [stream.objects[segment.address] for segment in stream.segments if segment.rendition == "source"]
    with av.open(io.BytesIO(b"".join([stream.objects[source.address], *segments]))) as container:
        assert container.streams.video[0].codec_context.width == stream.started.width
        assert sum(1 for _ in container.decode(video=0)) == stream.ended.frames_out


@pytest.mark.parametrize(("name", "rate"), [("50 fps, mono 44.1 kHz", 50), ("29.97 fps", 29.97), ("full hd", 60), ("b-frames", 30)])
def test_frame_rates_are_told(pushed: dict[str, Pushed], name: str, rate: float) -> None:
    assert pushed[name].started.frame_rate == pytest.approx(rate, abs=0.01)


@pytest.mark.row("I4")
def test_full_hd_at_60_frames_and_6_megabits_keeps_its_bit_rate(pushed: dict[str, Pushed]) -> None:
    stream = pushed["full hd"]
    segments = [segment for segment in stream.segments if segment.rendition == "source"]
    measured = 8 * sum(segment.size for segment in segments) / sum(segment.duration / segment.timescale for segment in segments)
    assert measured == pytest.approx(8 * sum(packet.size for packet in packets(stream.source, "video")) / SECONDS, rel=0.05)
    assert measured == pytest.approx(6_000_000, rel=0.05)
    assert (stream.started.width, stream.started.height) == (1920, 1080)


@pytest.mark.row("I1")
async def test_the_first_part_is_on_the_log_within_a_second(pushed: dict[str, Pushed]) -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        begin = time.monotonic()
        client = await RtmpClient.open(edge.port)
        await client.publish(KEY)
        sending = asyncio.create_task(send_paced(client, pushed["b-frames"].source))
        await stage.wait(lambda: {part.rendition for part in stage.events(PartProduced)} == {"source", "audio"})
        took = time.monotonic() - begin
        sending.cancel()
        await asyncio.wait((sending,))
    assert took <= 1.0


async def send_paced(client: RtmpClient, path: Path) -> None:
    begin = time.monotonic()
    await client.send(metadata(framerate=30.0, audiocodecid=10.0))
    for tag in tags(path):
        await asyncio.sleep(max(0.0, tag.timestamp / 1_000 - (time.monotonic() - begin)))
        if tag.kind in {AUDIO, VIDEO}:
            await client.send(tag)


@pytest.mark.row("I3")
async def test_ffmpeg_with_a_wrong_key_is_turned_away_and_nothing_is_stored(pushed: dict[str, Pushed], tmp_path: Path) -> None:
    stage = Stage(StoredObjects.at(f"file://{tmp_path}/objects"))
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        process = await push(pushed["no audio"].source, f"rtmp://127.0.0.1:{edge.port}/app/live_wrong")
        assert await asyncio.wait_for(process.wait(), 5) != 0
    assert stage.events(IngestRejected)[0].reason == "unknown_key"
    assert not [file for _, _, files in os.walk(tmp_path) for file in files]


async def test_ffmpeg_killed_and_started_again_goes_on_with_the_line(pushed: dict[str, Pushed]) -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        url = f"rtmp://127.0.0.1:{edge.port}/app/{KEY}"
        process = await push(pushed["b-frames"].source, url)
        await stage.wait(stage.line)
        process.kill()
        await process.wait()
        await stage.wait(lambda: stage.events(StreamInterrupted))
        await asyncio.sleep(0.5)
        process = await push(pushed["b-frames"].source, url)
        await stage.wait(lambda: stage.events(StreamResumed))
        assert await process.wait() == 0
    line = stage.line()
    assert line == list(range(line[0], line[0] + len(line)))
    assert len(line) >= 3
    assert stage.events(StreamResumed)[0].gap_ms >= 500


async def test_garbage_beside_a_good_stream_harms_nothing(pushed: dict[str, Pushed]) -> None:
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest() as edge:
        process = await push(pushed["b-frames"].source, f"rtmp://127.0.0.1:{edge.port}/app/{KEY}")
        for number in range(60):
            _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            with contextlib.suppress(ConnectionError):
                writer.write(os.urandom(50) if number % 3 else b"\x03" + os.urandom(60_000))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
            await asyncio.sleep(0.02)
        assert await process.wait() == 0
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
    assert (ended.frames_out, ended.frames_dropped) == (30 * SECONDS, 0)


async def test_rtmps_carries_the_same(pushed: dict[str, Pushed], tmp_path: Path) -> None:
    certificate = tmp_path / "pem"
    request = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout {certificate}.key -out {certificate}"
    subprocess.run(request.split(), check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, f"{certificate}.key")
    stage = Stage()
    stage.publisher.publish(profile())
    async with stage.ingest(tls=tls, tls_port=0) as edge:
        process = await push(pushed["b-frames"].source, f"rtmps://127.0.0.1:{edge.tls_port}/app/{KEY}", "-t", "1")
        assert await process.wait() == 0
        ended = (await stage.wait(lambda: stage.events(StreamEnded)))[0]
    assert ended.frames_out == ended.frames_in >= 29
