"""What the muxer writes, the reader gives back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.media import fmp4, fmp4_reader
from streams.media.track import AudioTrack, Sample

FRAMES = st.lists(
    st.tuples(st.integers(1, 1 << 31), st.integers(-(1 << 31), (1 << 31) - 1), st.booleans(), st.binary(min_size=1, max_size=40)),
    min_size=1,
    max_size=12,
)


def line(start: int, frames: list[tuple[int, int, bool, bytes]]) -> list[Sample]:
    samples = []
    for duration, offset, key, data in frames:
        samples.append(Sample(start, duration, offset, key, data))
        start += duration
    return samples


@given(st.integers(0, 1 << 63), st.integers(0, 1 << 40), FRAMES)
def test_samples_survive_a_fragment(start: int, sequence: int, frames: list[tuple[int, int, bool, bytes]]) -> None:
    samples = line(start, frames)
    part = fmp4.fragment(sequence, samples)
    assert fmp4_reader.samples(part) == samples
    assert part == fmp4.fragment(sequence, samples)


@given(FRAMES)
def test_key_frame_range_ends_with_the_key_frame(frames: list[tuple[int, int, bool, bytes]]) -> None:
    samples = line(0, frames)
    part = fmp4.fragment(1, samples)
    expected = part.index(b"mdat") + 4 + len(samples[0].data) if samples[0].key else 0
    assert fmp4.key_frame_bytes(part, samples) == expected


@given(st.sampled_from([8_000, 44_100, 48_000]), st.integers(1, 6))
def test_audio_track_survives_its_initialisation_segment(rate: int, layout: int) -> None:
    index = {8_000: 11, 44_100: 4, 48_000: 3}[rate]
    track = AudioTrack(rate, layout, (2 << 11 | index << 7 | layout << 3).to_bytes(2, "big"))
    assert fmp4_reader.track(fmp4.init_segment(track)) == track


@given(FRAMES, st.data())
def test_cut_or_changed_bytes_are_refused_or_read_but_never_crash(frames: list[tuple[int, int, bool, bytes]], data: st.DataObject) -> None:
    part = bytearray(fmp4.fragment(1, line(0, frames)))
    for _ in range(data.draw(st.integers(1, 4))):
        part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(part[: data.draw(st.integers(0, len(part)))])
    try:
        read = fmp4_reader.samples(cut)
    except fmp4_reader.MalformedFragmentError:
        return
    assert sum(len(sample.data) for sample in read) <= len(cut) * max(1, len(read))


def test_something_else_is_refused_with_its_cause() -> None:
    with pytest.raises(fmp4_reader.MalformedFragmentError, match="no box moov"):
        fmp4_reader.track(b"")
