"""The sound of a clip over a reconnect, where an encoder came back with another format."""

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from sinks.clips.footage import Coded
from sinks.clips.sounding import sound
from streams.media.aac import FRAME_SAMPLES
from streams.media.track import AudioTrack

pytestmark = pytest.mark.media
BOTH = Fraction(0), Fraction(5), Fraction(0)
"""A clip of five seconds."""


def tone(begin: Fraction, seconds: int, rate: int, layout: str, hertz: int) -> list[Coded]:
    """Frames of a tone from a time on."""
    encoder: Any = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = rate, layout, "fltp", 128_000
    encoder.open()
    channels = 2 if layout == "stereo" else 1
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(seconds * rate) / rate).astype(np.float32)
    packets = []
    for at in range(0, len(wave) - FRAME_SAMPLES, FRAME_SAMPLES):
        frame = av.AudioFrame.from_ndarray(np.tile(wave[at : at + FRAME_SAMPLES], (channels, 1)), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        packets += encoder.encode(frame)
    track, length = AudioTrack(rate, channels, bytes(encoder.extradata)), Fraction(FRAME_SAMPLES, rate)
    times = [begin + number * length for number in range(len(packets))]
    return [Coded(time, time, length, True, bytes(packet), track) for time, packet in zip(times, packets, strict=True)]


def heard(data: bytes) -> tuple[int, NDArray[np.float32]]:
    """Sample rate, and the first channel."""
    with av.open(io.BytesIO(data), format="mp4") as container:
        frames = list(container.decode(audio=0))
        return frames[0].sample_rate, np.concatenate([frame.to_ndarray()[0] for frame in frames])


def pitch(wave: NDArray[np.float32], rate: int) -> float:
    return float(np.abs(np.fft.rfft(wave * np.hanning(len(wave)))).argmax() * rate / len(wave))


@pytest.mark.parametrize(("then", "hertz"), [((44_100, "mono"), 880), ((48_000, "mono"), 660), ((24_000, "stereo"), 550)])
def test_a_change_of_format_costs_no_sound(then: tuple[int, str], hertz: int) -> None:
    before = tone(Fraction(0), 3, 48_000, "stereo", 440)
    after = tone(Fraction(3), 3, *then, hertz)
    data = sound([*before, *after], Fraction(1), Fraction(5), Fraction(0))
    rate, wave = heard(data)
    assert rate == 48_000
    assert abs(len(wave) / rate - 4) <= 3 * FRAME_SAMPLES / 24_000
    assert abs(pitch(wave[rate // 2 : rate * 3 // 2], rate) - 440) < 3
    assert abs(pitch(wave[rate * 5 // 2 : rate * 7 // 2], rate) - hertz) < 3
    quiet = [np.abs(wave[at : at + rate // 20]).max() < 0.2 for at in range(rate // 20, len(wave) - rate // 20, rate // 20)]
    assert sum(quiet) <= 2, "only where one ends and the other begins"


def test_a_hole_is_silent_and_what_follows_stays_in_its_place() -> None:
    rate, wave = heard(sound([*tone(Fraction(0), 2, 48_000, "stereo", 440), *tone(Fraction(3), 2, 48_000, "stereo", 880)], *BOTH))
    assert abs(len(wave) / rate - 5) < 3 * FRAME_SAMPLES / rate
    assert abs(pitch(wave[: rate * 19 // 10], rate) - 440) < 3
    assert np.abs(wave[rate * 21 // 10 : rate * 29 // 10]).max() < 0.001
    assert abs(pitch(wave[rate * 31 // 10 : rate * 49 // 10], rate) - 880) < 3


def test_of_two_sounds_at_once_the_earlier_is_heard_and_what_follows_stays_in_its_place() -> None:
    rate, wave = heard(sound([*tone(Fraction(0), 3, 48_000, "stereo", 440), *tone(Fraction(2), 3, 48_000, "stereo", 880)], *BOTH))
    assert abs(len(wave) / rate - 5) < 3 * FRAME_SAMPLES / rate
    assert abs(pitch(wave[rate * 21 // 10 : rate * 29 // 10], rate) - 440) < 3
    assert abs(pitch(wave[rate * 31 // 10 : rate * 49 // 10], rate) - 880) < 3


def test_one_format_keeps_the_source_s_bytes() -> None:
    frames = tone(Fraction(0), 2, 44_100, "mono", 440)
    data = sound(frames, Fraction(0), Fraction(1), Fraction(0))
    inside = [frame for frame in frames if frame.shown + frame.duration <= 1]
    assert data.endswith(b"".join(frame.data for frame in inside))


def test_no_sound_is_none() -> None:
    assert sound([], Fraction(0), Fraction(1), Fraction(0)) == b""
