"""Our CMAF in the hands of FFmpeg."""

import io
import json
import subprocess
from pathlib import Path

import av
import pytest

from streams.media import fmp4, fmp4_reader, h264
from streams.media.aac import FRAME_SAMPLES, parse_config
from streams.media.track import AudioTrack, Sample, VideoTrack

pytestmark = pytest.mark.media


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fmp4") / "source.flv"
    inputs = "-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=r=44100 -t 3"
    codecs = "-c:v libx264 -preset ultrafast -bf 2 -g 30 -pix_fmt yuv420p -c:a aac -ac 1"
    subprocess.run(["ffmpeg", "-v", "error", *inputs.split(), *codecs.split(), str(path)], check=True)
    return path


def packets(path: Path, kind: str) -> list[av.Packet]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(**{kind: 0}) if packet.size]


def test_video_with_b_frames_keeps_its_timestamps_and_decodes(source: Path) -> None:
    coded = packets(source, "video")
    avcc = coded[0].stream.codec_context.extradata
    size = h264.picture_format(avcc)
    track = VideoTrack(size.width, size.height, size.frame_rate, avcc)
    ends = [packet.dts for packet in coded[1:]] + [coded[-1].dts + 33]
    samples = [
        Sample(90 * (p.dts - coded[0].dts), 90 * (end - p.dts), 90 * (p.pts - p.dts), p.is_keyframe, bytes(p))
        for p, end in zip(coded, ends, strict=True)
    ]
    parts = [fmp4.fragment(n, samples[n : n + 6]) for n in range(0, len(samples), 6)]
    data = fmp4.init_segment(track) + b"".join(parts)
    assert fmp4_reader.track(data) == track
    assert fmp4_reader.samples(data) == samples
    with av.open(io.BytesIO(data)) as container:
        read = [(p.dts, p.pts, p.is_keyframe) for p in container.demux() if p.size]
    assert read == [(s.decode_time, s.decode_time + s.composition_offset, s.key) for s in samples]
    with av.open(io.BytesIO(data)) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(samples) == 90
    key_frame = fmp4.init_segment(track) + parts[0][: fmp4.key_frame_bytes(parts[0], samples)]
    with av.open(io.BytesIO(key_frame)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 1


def test_audio_is_probed_as_declared(source: Path, tmp_path: Path) -> None:
    coded = packets(source, "audio")
    config = coded[0].stream.codec_context.extradata
    track = AudioTrack(parse_config(config).sample_rate, parse_config(config).channels, config)
    samples = [Sample(n * FRAME_SAMPLES, FRAME_SAMPLES, 0, True, bytes(p)) for n, p in enumerate(coded)]
    file = tmp_path / "audio.mp4"
    file.write_bytes(fmp4.init_segment(track) + b"".join(fmp4.fragment(n, samples[n : n + 9]) for n in range(0, len(samples), 9)))
    probe = subprocess.run(
        ["ffprobe", "-v", "warning", "-of", "json", "-show_streams", str(file)], check=True, capture_output=True, text=True
    )
    assert not probe.stderr
    stream = json.loads(probe.stdout)["streams"][0]
    assert (stream["codec_name"], stream["sample_rate"], stream["channels"], stream["start_pts"]) == ("aac", "44100", 1, 0)
    assert float(stream["duration"]) == pytest.approx(len(samples) * FRAME_SAMPLES / 44_100, abs=1e-3)
