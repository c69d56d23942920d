"""How streams of known kinds are cut."""

import pytest

from streams.edges.ingest.cut import Output, Started
from streams.edges.ingest.facts import Facts
from streams.edges.ingest.segmenter import MOST_RUNS, Metadata, Place, UnstableStreamError
from streams.media import fmp4_reader
from streams.media.aac import FRAME_SAMPLES, UnsupportedAudioError, silent_frame
from streams.media.flv import Tag
from streams.media.h264 import MalformedVideoError
from tests.synthetic_stream import NOW, Publisher, asc, avcc


def publish(seconds: float, rate: float, gop_s: float, publisher: Publisher | None = None) -> Publisher:
    """Plays a constant frame rate, rounded to ms as FLV does; the rate is declared."""
    if publisher is None:
        publisher = Publisher(metadata=Metadata(frame_rate=rate, has_audio=True))
        publisher.configure(avcc(), asc())
    begin, gop = publisher.clock_ms, round(gop_s * rate)
    for number in range(round(seconds * rate)):
        publisher.video(round(begin + 1_000 * (number + 1) / rate) - publisher.clock_ms, key=number % gop == 0)
    return publisher


def lengths(publisher: Publisher, rendition: str = "source") -> list[float]:
    return [
        round(sum(part.duration for part in segment.parts) / segment.parts[0].timescale, 3) for segment in publisher.segments(rendition)
    ]


@pytest.mark.row("I8", "P3")
@pytest.mark.parametrize(
    ("rate", "frames"), [(30, 6), (60, 12), (50, 10), (25, 5), (24, 5), (30_000 / 1_001, 6), (60_000 / 1_001, 12), (2, 1)]
)
def test_parts_are_whole_frames_of_about_200_ms(rate: float, frames: int) -> None:
    publisher = publish(4, rate, 2)
    publisher.finish()
    parts = [part for segment in publisher.segments("source") for part in segment.parts[:-1]]
    assert {part.frames for part in parts or publisher.parts("source")} == {frames}
    target = publisher.declared("source")[0].part_target_us
    for part in parts:
        assert 0.85 * target <= part.duration * 1e6 / 90_000 <= target
    audio_target = publisher.declared("audio")[0].part_target_us
    for part in (part for segment in publisher.segments("audio") for part in segment.parts[:-1]):
        assert 0.85 * audio_target <= part.duration * 1e6 / 48_000 <= audio_target


@pytest.mark.parametrize(
    ("gop_s", "expected"),
    [
        (2, [2.0, 2.0, 2.0]),
        (1, [2.0, 2.0, 2.0]),
        (0.5, [1.5] * 5),
        (1.7, [1.7, 1.7, 1.7]),
        (4, [2.4, 1.6, 2.4]),
        (100, [2.4, 2.4, 2.4]),
    ],
)
def test_segments_end_at_key_frames_or_before_they_grow_too_long(gop_s: float, expected: list[float]) -> None:
    publisher = publish(7.8, 30, gop_s)
    assert lengths(publisher)[: len(expected)] == pytest.approx(expected, abs=0.035)
    key_starts = [segment.parts[0].independent for segment in publisher.segments("source")]
    assert key_starts[0]
    assert all(key_starts) is (gop_s <= 2)


@pytest.mark.row("P1")
@pytest.mark.parametrize("open_gop", [False, True])
def test_a_segment_whose_first_pictures_lean_on_the_one_before_says_so(open_gop: bool) -> None:
    publisher = Publisher(metadata=Metadata(frame_rate=30, has_audio=True))
    publisher.configure(avcc(), asc())
    for number in range(180):
        leads = open_gop and 0 < number % 60 < 3 < number
        publisher.video(33 + (number % 3 == 2), key=number % 60 == 0, offset_ms=0 if leads else 67)
    publisher.finish()
    facts = Facts("7", "s1", NOW)
    told = [facts.segment(segment, b"", NOW) for segment in publisher.segments("source")]
    assert [event.independent for event in told] == 3 * [True], "each begins with a key frame"
    assert [event.leans_back for event in told] == [False, open_gop, open_gop]
    assert not any(facts.segment(segment, b"", NOW).leans_back for segment in publisher.segments("audio"))


def test_the_first_part_is_out_one_frame_after_its_end() -> None:
    publisher = publish(7 / 30, 30, 2)
    assert len(publisher.parts("source")) == 1
    assert publisher.parts("source")[0].received_at == NOW + 167_000  # its sixth frame's arrival; the seventh told its duration


def test_a_stream_without_audio_starts_when_audio_has_been_waited_for() -> None:
    publisher = Publisher(metadata=Metadata(frame_rate=30))
    publisher.configure(avcc())
    for number in range(30):
        publisher.video(33, key=number == 0, with_audio=False)
    publisher.finish()
    assert not publisher.declared("audio")
    assert len(publisher.parts("source")) == 5
    assert publisher.segmenter.counts.video_dropped == 0


def test_frame_rate_is_measured_where_nothing_declares_it() -> None:
    silent = bytes.fromhex("6742c01ed900a02ff961")  # the same parameter set with its VUI cut away
    silent = silent[:-1] + b"\x60"
    publisher = Publisher(metadata=Metadata(has_audio=False))
    publisher.configure(avcc(silent))
    for number in range(60):
        publisher.video(20, key=number == 0, with_audio=False)
    started = next(output for output in publisher.outputs if isinstance(output, Started))
    assert started.video.frame_rate == pytest.approx(50, abs=0.5)


def test_audio_that_comes_late_joins_at_the_next_key_frame() -> None:
    publisher = Publisher(metadata=Metadata(frame_rate=30))
    publisher.configure(avcc())
    for number in range(75):
        publisher.video(33, key=number % 60 == 0, with_audio=False)
    publisher.configure(audio=asc())
    publish(4, 30, 2, publisher)
    publisher.finish()
    assert [declared.discontinuity_sequence for declared in publisher.declared("audio")] == [8]
    assert publisher.segmenter.counts.video_dropped == 0
    audio = {part.media_sequence for part in publisher.parts("audio")}
    assert audio == {part.media_sequence for part in publisher.parts("source") if part.discontinuity_sequence == 8}


def test_silence_takes_the_place_of_audio_that_pauses() -> None:
    publisher = publish(2, 30, 2)
    for number in range(60):
        publisher.video(33 if number % 3 else 34, key=number == 0, with_audio=False)
    publish(2, 30, 2, publisher)
    publisher.finish()
    samples = [sample for part in publisher.parts("audio") for sample in fmp4_reader.samples(part.data)]
    silent = [sample for sample in samples if sample.data == silent_frame(2)]
    assert 1.9 <= len(silent) * FRAME_SAMPLES / 48_000 <= 2.1
    assert {declared.discontinuity_sequence for declared in publisher.declared("audio")} == {7}
    ends = list(publisher.ends())
    assert ends[0] == pytest.approx(ends[1], abs=0.05)


def test_silence_comes_half_a_second_after_audio_should_have() -> None:
    publisher = publish(2, 30, 2)
    before = len(publisher.parts("audio"))
    for number in range(21):
        publisher.video(33, key=number == 0, with_audio=False)
    assert len(publisher.parts("source")) >= before + 3
    assert len(publisher.parts("audio")) == before + 1


@pytest.mark.parametrize("jump_ms", [3_600_000, -1_500, 1 << 31])
def test_a_jump_of_timestamps_is_a_discontinuity_on_an_unbroken_line(jump_ms: int) -> None:
    publisher = publish(3, 30, 2)
    publisher.origin_ms += jump_ms
    publish(3, 30, 2, publisher)
    publisher.finish()
    assert [declared.discontinuity_sequence for declared in publisher.declared("source")] == [7, 8]
    assert [segment.parts[0].media_sequence for segment in publisher.segments("source")] == [100, 101, 102, 103]
    assert max(publisher.ends()) == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize("origin", [(1 << 24) - 1_000, (1 << 32) - 1_000, 1 << 31])
def test_timestamps_may_pass_24_and_32_bits(origin: int) -> None:
    publisher = Publisher(metadata=Metadata(30, True), origin_ms=origin)
    publisher.configure(avcc(), asc())
    publish(3, 30, 2, publisher)
    publisher.finish()
    assert len(publisher.declared("source")) == 1
    assert publisher.segmenter.counts.video_out == 90


def test_audio_from_before_a_jump_does_not_jump_back() -> None:
    publisher = publish(2, 30, 2)
    publisher.origin_ms += 1_000_000
    publisher.video(33, key=True, with_audio=False)
    publisher.origin_ms -= 1_000_000
    publisher.audio_ms = publisher.clock_ms
    publisher.audio(publisher.clock_ms + 50)
    publisher.origin_ms += 1_000_000
    publish(2, 30, 2, publisher)
    publisher.finish()
    assert [declared.discontinuity_sequence for declared in publisher.declared("source")] == [7, 8]
    assert publisher.segmenter.counts.audio_dropped >= 3


def test_a_changed_configuration_is_a_discontinuity_with_its_own_initialisation() -> None:
    publisher = publish(2.5, 30, 2)
    publisher.configure(avcc()[:-1] + b"\x00")
    publisher.video(33)  # a picture before the next key frame has nothing to refer to
    publish(2, 30, 2, publisher)
    publisher.finish()
    first, second = publisher.declared("source")
    assert first.init != second.init
    assert len(publisher.declared("audio")) == 2
    assert publisher.segmenter.counts.video_dropped == 1
    starts = [part.decode_time for part in publisher.parts("source") if part.discontinuity_sequence == 8]
    assert starts[0] == 90 * (2_500 + 33)


def test_a_publisher_who_returns_goes_on_where_the_place_says() -> None:
    first = publish(3, 30, 2)
    first.finish()
    second = Publisher(place=first.segmenter.place, metadata=Metadata(30, True), origin_ms=50_000)
    second.clock_ms = 7_000  # 4 s later, by the wall clock
    second.audio_ms = 7_000
    second.configure(avcc(), asc())
    publish(3, 30, 2, second)
    second.finish()
    part = second.parts("source")[0]
    assert (part.media_sequence, part.discontinuity_sequence, part.decode_time) == (102, 8, 90 * 7_000)


def test_everything_before_the_first_key_frame_is_declared_dropped() -> None:
    publisher = Publisher(metadata=Metadata(30, True))
    publisher.configure(avcc(), asc())
    for _ in range(5):
        publisher.video(33)
    publish(2, 30, 2, publisher)
    publisher.finish()
    counts = publisher.segmenter.counts
    assert (counts.video_in, counts.video_out, counts.video_dropped) == (65, 60, 5)
    assert publisher.parts("source")[0].decode_time == 0


def test_a_picture_that_cannot_be_read_is_dropped_alone() -> None:
    publisher = publish(2, 30, 2)
    publisher.segmenter.push_video(Tag("frame", False, 0, b"\0\0\1\0broken"), publisher.clock_ms, NOW)
    publisher.clock_ms += 33
    publish(2, 30, 2, publisher)
    publisher.finish()
    assert publisher.segmenter.counts.video_dropped == 1
    assert len(publisher.declared("source")) == 1


def test_configurations_that_cannot_be_read_are_refused() -> None:
    publisher = Publisher()
    with pytest.raises(MalformedVideoError):
        publisher.configure(b"\x01\x00")
    with pytest.raises(UnsupportedAudioError):
        publisher.configure(audio=b"\x0a\x10")


def test_a_publisher_that_jumps_all_the_time_is_refused() -> None:
    publisher = Publisher(metadata=Metadata(30, has_audio=False))
    publisher.configure(avcc())
    for _ in range(MOST_RUNS):
        publisher.origin_ms += 100_000
        publisher.video(33, key=True, with_audio=False)
    publisher.origin_ms += 100_000
    with pytest.raises(UnstableStreamError):
        publisher.video(33, key=True, with_audio=False)


def test_equal_input_gives_equal_bytes() -> None:
    def run() -> list[Output]:
        publisher = publish(5, 30_000 / 1_001, 2)
        publisher.finish()
        return publisher.outputs

    assert run() == run()


def test_a_new_place_keeps_its_numbers() -> None:
    publisher = Publisher(place=Place(None, 850_000_000, 850_000_000), metadata=Metadata(30, True))
    publisher.configure(avcc(), asc())
    publish(2, 30, 2, publisher)
    publisher.finish()
    assert publisher.parts("source")[0].media_sequence == 850_000_000
    assert publisher.segmenter.place.start_us == NOW
