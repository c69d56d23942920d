"""Whatever a publisher sends, what the segmenter makes keeps the contract of parts and segments."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.edges.ingest.cut import Declared, Part
from streams.edges.ingest.video_cutter import SEGMENT_MOST
from streams.media import fmp4_reader
from streams.media.aac import FRAME_SAMPLES
from tests.synthetic_stream import Publisher, asc, avcc

pytestmark = pytest.mark.row("I4", "I8")

ACTION = st.one_of(
    st.tuples(st.just("play"), st.integers(1, 200), st.sampled_from([1, 15, 30, 48, 60, 61, 250])),  # pictures, GOP
    st.tuples(st.just("jump"), st.integers(-5_000_000, 5_000_000), st.just(0)),
    st.tuples(st.just("freeze"), st.integers(200, 12_000), st.just(0)),
    st.tuples(st.just("silent"), st.integers(1, 120), st.just(0)),
    st.tuples(st.just("audio only"), st.integers(10, 9_000), st.just(0)),
    st.tuples(st.just("reconfigure"), st.integers(0, 1), st.integers(1, 2)),
)


def perform(script: list[tuple[str, int, int]], rate: int, intervals: list[int], reorder: bool, audio: bool, origin: int) -> Publisher:
    publisher = Publisher(rate={3: 48_000, 4: 44_100, 11: 8_000}[rate], origin_ms=origin)
    publisher.configure(avcc(), asc(rate, 1) if audio else None)
    number = 0

    def play(count: int, gop: int, with_audio: bool = audio) -> None:
        nonlocal number
        for _ in range(count):
            key = number % gop == 0
            offset = (66, 132, 0, 33)[number % 4] if reorder else 0
            publisher.video(intervals[number % len(intervals)], key=key, offset_ms=66 if key and reorder else offset, with_audio=with_audio)
            number += 1

    for action, amount, other in script:
        match action:
            case "play":
                play(amount, other)
            case "jump":
                publisher.origin_ms += amount
            case "freeze":
                publisher.clock_ms += amount
            case "silent":
                play(amount, 60, with_audio=False)
            case "audio only" if audio:
                publisher.clock_ms += amount
                publisher.audio(publisher.clock_ms)
            case "reconfigure":
                publisher.configure(avcc()[:-1] + bytes([amount]), asc(rate, other) if audio else None)
    publisher.finish()
    return publisher


@settings(max_examples=120, deadline=None)
@given(
    st.lists(ACTION, min_size=1, max_size=12),
    st.sampled_from([3, 4, 11]),
    st.sampled_from([[33, 33, 34], [20], [16, 17, 17], [40], [33, 34, 33, 33, 34, 33], [17, 33, 50, 100, 400, 8], [500], [1]]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 1 << 24, (1 << 32) - 1_500]),
)
def test_parts_and_segments_keep_their_contract(
    script: list[tuple[str, int, int]], rate: int, intervals: list[int], reorder: bool, audio: bool, origin: int
) -> None:
    publisher = perform(script, rate, intervals, reorder, audio, origin)
    counts = publisher.segmenter.counts
    video = publisher.parts("source")
    assert counts.video_in == publisher.pictures == counts.video_out + counts.video_dropped
    assert counts.video_out == sum(part.frames for part in video)
    for rendition in ("source", "audio"):
        check_line(publisher, rendition)
    if publisher.declared("audio"):
        check_alignment(publisher)
    else:
        assert not publisher.parts("audio")


def check_line(publisher: Publisher, rendition: str) -> None:
    parts = publisher.parts(rendition)
    assert [part for segment in publisher.segments(rendition) for part in segment.parts] == parts
    numbers = [segment.parts[0].media_sequence for segment in publisher.segments(rendition)]
    assert numbers == list(range(100, 100 + len(numbers)))
    for segment in publisher.segments(rendition):
        assert [part.number for part in segment.parts] == list(range(len(segment.parts)))
        assert len({(part.media_sequence, part.discontinuity_sequence) for part in segment.parts}) == 1
        if rendition == "source":
            assert sum(part.duration for part in segment.parts) <= SEGMENT_MOST
    for former, part in pairwise(parts):
        if former.discontinuity_sequence == part.discontinuity_sequence:
            assert part.decode_time == former.decode_time + former.duration
        else:
            assert part.discontinuity_sequence > former.discontinuity_sequence
            assert part.decode_time >= former.decode_time + former.duration
    declared: dict[str, Declared] = {}
    for output in publisher.outputs:
        if isinstance(output, Declared):
            declared[output.rendition] = output
        elif isinstance(output, Part) and output.rendition == rendition:
            assert declared[rendition].discontinuity_sequence == output.discontinuity_sequence
            check_part(output)
    longest = {output.discontinuity_sequence: output.part_target_us for output in publisher.declared(rendition)}
    single = {(part.media_sequence, part.number) for part in publisher.parts("source") if part.frames == 1}
    for part in parts:
        over = part.duration * 1_000_000 / part.timescale > longest[part.discontinuity_sequence]
        assert not over or (part.media_sequence, part.number) in single


def check_part(part: Part) -> None:
    samples = fmp4_reader.samples(part.data)
    assert samples[0].decode_time == part.decode_time
    assert sum(sample.duration for sample in samples) == part.duration
    assert min(sample.duration for sample in samples) > 0
    assert samples[0].key == part.independent


def check_alignment(publisher: Publisher) -> None:
    video = {(part.media_sequence, part.number): part for part in publisher.parts("source")}
    audio = {(part.media_sequence, part.number): part for part in publisher.parts("audio")}
    assert set(audio) <= set(video)
    with_audio = {declared.discontinuity_sequence for declared in publisher.declared("audio")}
    assert {at for at, part in video.items() if part.discontinuity_sequence in with_audio} == set(audio)
    for at, part in audio.items():
        start, slack = video[at].decode_time / 90_000, 1.01 * FRAME_SAMPLES / part.timescale
        assert part.decode_time / part.timescale - start > -0.001
        if video[at].duration / 90_000 >= slack:
            assert part.decode_time / part.timescale - start <= 3 * slack
