"""What the encoders really make of sources of all kinds, measured on the decoded result."""

from collections import defaultdict
from itertools import pairwise

import pytest
from recorded import TICKS, decoded, record

from processors.transcode.ladder import Source, ladder
from sinks.ffmpeg_run import FfmpegError
from sinks.transcoder import segment_job
from sinks.transcoder.pipeline import Pipeline, UnusablePartError
from sinks.transcoder.protocol import Declared, Made
from streams.media import fmp4_reader

pytestmark = pytest.mark.media
ALL = ("720p60", "480p30", "360p30", "160p30")


class Result:
    """What came of a source."""

    def __init__(self, messages):
        self.declared, self.parts = {}, defaultdict(list)
        for message in messages:
            if isinstance(message, Declared):
                self.declared[message.rendition] = message
            else:
                self.parts[message.rendition].append(message)

    def pictures(self, rendition):
        return decoded(self.declared[rendition].init, [part.data for part in self.parts[rendition]])

    def segment_bits(self, rendition):
        bits = defaultdict(int)
        for part in self.parts[rendition]:
            bits[part.media_sequence] += len(part.data) * 8
        return list(bits.values())


def transcode(recording, names):
    pipeline = Pipeline(recording.init, recording.frame_rate, names, "x264")
    messages = [message for part in recording.parts for message in pipeline.feed(part)]
    messages += pipeline.flush()
    pipeline.close()
    return Result(messages)


def numbered(parts):
    return [(part.media_sequence, part.part, part.decode_time, part.duration) for part in parts]


def shown_times(recording):
    """Presentation times of the source's pictures that are in its timeline, in order."""
    return sorted(s.decode_time + s.composition_offset for part in recording.parts for s in fmp4_reader.samples(part.data))


def key_times(pictures):
    return [picture.pts for picture in pictures if picture.key_frame]


def segment_times(recording):
    return [
        first.decode_time + first.composition_offset
        for part in recording.parts
        if part.part == 0
        for first in fmp4_reader.samples(part.data)[:1]
    ]


@pytest.mark.row("T1", "T4", "I8")
def test_full_hd_at_60_gives_the_whole_ladder(tmp_path):
    recording = record(tmp_path, "1920x1080", "60", 4, options=("-preset", "ultrafast"))
    made = transcode(recording, ALL)
    for rendition in ladder("partner", Source(1920, 1080, 60)):
        pictures = made.pictures(rendition.name)
        assert {(picture.width, picture.height) for picture in pictures} == {(rendition.width, rendition.height)}
        assert len(pictures) == 4 * rendition.frame_rate
        assert key_times(pictures) == segment_times(recording)
        assert numbered(made.parts[rendition.name]) == numbered(recording.parts)
        assert made.declared[rendition.name].frame_rate == rendition.frame_rate
        gaps = {after.pts - before.pts for before, after in pairwise(pictures)}
        assert gaps == {TICKS / rendition.frame_rate}


@pytest.mark.row("T1")
def test_mean_is_within_a_tenth_and_peak_within_half_on_noise(tmp_path):
    recording = record(tmp_path, "1280x720", "30", 10, noise=25, options=("-b:v", "8M", "-preset", "ultrafast"))
    made = transcode(recording, ALL[1:])
    for rendition in ladder("partner", Source(1280, 720, 30)):
        bits = made.segment_bits(rendition.name)
        assert sum(bits) / recording.seconds == pytest.approx(rendition.bit_rate, rel=0.1)
        assert max(bits) / 2 <= rendition.bit_rate * 1.5


@pytest.mark.row("I8")
@pytest.mark.parametrize(
    ("rate", "options", "frames"),
    [
        ("50", (), 100),
        ("30000/1001", (), 120),
        ("24", (), 96),
        ("30", ("-bf", "2"), 120),
        ("30", ("-bf", "2", "-x264-params", "open-gop=1:keyint=60"), 120),
        ("30", ("-x264-params", "slices=4"), 120),
        ("30", ("-x264-params", "interlaced=1"), 120),
    ],
    ids=["50 fps", "29.97 fps", "24 fps", "B-frames", "open GOP", "slices", "interlaced"],
)
def test_odd_sources_keep_their_timeline(tmp_path, rate, options, frames):
    recording = record(tmp_path, "640x360", rate, 4, options=options)
    made = transcode(recording, ["160p30"])
    assert numbered(made.parts["160p30"]) == numbered(recording.parts)
    pictures = made.pictures("160p30")
    assert abs(len(pictures) - frames) <= 1
    assert key_times(pictures) == segment_times(recording)
    source = shown_times(recording)
    assert {picture.pts for picture in pictures} <= set(source)
    assert (pictures[0].pts, pictures[-1].pts) == (source[0], pytest.approx(source[-1], abs=TICKS // 25))


@pytest.mark.row("I8")
def test_variable_rate_keeps_each_pictures_time(tmp_path):
    """Two of three frames in the first half, one of five in the second."""
    dropped = "select='if(lt(t,2),lt(mod(n,3),2),not(mod(n,5)))'"
    recording = record(tmp_path, "640x360", "30", 4, select=dropped)
    made = transcode(recording, ["160p30"])
    assert numbered(made.parts["160p30"]) == numbered(recording.parts)
    times = [picture.pts for picture in made.pictures("160p30")]
    assert times == shown_times(recording)


def test_portrait_and_odd_pixels_are_made_even(tmp_path):
    recording = record(tmp_path, "406x720", "30", 2)
    made = transcode(recording, ["360p30", "160p30"])
    assert {(p.width, p.height) for p in made.pictures("360p30")} == {(360, 638)}


def test_same_source_gives_the_same_parts_and_initialisation(tmp_path):
    recording = record(tmp_path, "640x360", "30", 2)
    first, again = (transcode(recording, ["160p30"]) for _ in range(2))
    assert first.declared == again.declared
    assert first.parts == again.parts


def test_pipeline_begins_only_with_a_key_frame(tmp_path):
    recording = record(tmp_path, "640x360", "30", 2)
    pipeline = Pipeline(recording.init, 30.0, ["160p30"], "x264")
    with pytest.raises(UnusablePartError, match="key frame"):
        list(pipeline.feed(recording.parts[1]))
    pipeline.close()


def test_renditions_change_at_a_segment_only(tmp_path):
    recording = record(tmp_path, "854x480", "30", 4)
    pipeline = Pipeline(recording.init, 30.0, ["160p30"], "x264")
    messages = []
    for part in recording.parts:
        if part.part == 3 and part.media_sequence == recording.parts[0].media_sequence:
            pipeline.select(["360p30"])
        messages += pipeline.feed(part)
    pipeline.close()
    first, second = {part.media_sequence for part in recording.parts}
    assert {(made.rendition, made.media_sequence) for made in messages if isinstance(made, Made)} == {("160p30", first), ("360p30", second)}


@pytest.mark.row("T5", "I8")
@pytest.mark.parametrize(("size", "rate", "options"), [("1280x720", "60", ()), ("1280x720", "30", ("-bf", "2"))])
async def test_segment_job_makes_the_parts_of_the_live_path(tmp_path, size, rate, options):
    """And what it makes is decoded by the live path's initialisation segment, so that a rendition may change between the two."""
    recording = record(tmp_path, size, rate, 4, options=options, start=1000 * TICKS)
    live = transcode(recording, ["480p30", "160p30"])
    second = [part for part in recording.parts if part.media_sequence == recording.parts[-1].media_sequence]
    job = Result(await segment_job.transcode(recording.init, second, recording.frame_rate, ["480p30", "160p30"], "x264"))
    for rendition in ("480p30", "160p30"):
        beside = [part for part in live.parts[rendition] if part.media_sequence == second[0].media_sequence]
        assert numbered(job.parts[rendition]) == numbered(beside)
        theirs, ours = job.pictures(rendition), decoded(live.declared[rendition].init, [part.data for part in job.parts[rendition]])
        assert [picture.pts for picture in theirs] == [
            picture.pts for picture in decoded(live.declared[rendition].init, [p.data for p in beside])
        ]
        assert [picture.key_frame for picture in theirs] == [True] + [False] * (len(theirs) - 1)
        assert all((a.to_ndarray() == b.to_ndarray()).all() for a, b in zip(theirs[::20], ours[::20], strict=True))


async def test_segment_job_says_what_ffmpeg_said(tmp_path):
    recording = record(tmp_path, "640x360", "30", 2)
    without_key_frame = recording.parts[1:2]
    with pytest.raises((FfmpegError, segment_job.SegmentJobError), match=r"ffmpeg ended with|no picture"):
        await segment_job.transcode(recording.init, without_key_frame, 30.0, ["160p30"], "x264")
