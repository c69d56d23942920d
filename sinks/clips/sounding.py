"""The sound of a clip: the source's own frames, or, where their format changes as after a reconnect, all of it in the first one's."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

import av
import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from processors.transcode.ladder import AUDIO_BIT_RATE
from sinks.clips.footage import Coded
from streams.media import fmp4
from streams.media.aac import FRAME_SAMPLES, parse_config, silent_frame
from streams.media.track import AudioTrack, Sample

LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1"}
"""libavutil's names, by the number of channels that an AAC configuration has."""
PLANAR = "fltp"
"""Sample format of libavcodec's AAC encoder and decoder."""


def sound(frames: Sequence[Coded], begin: Fraction, end: Fraction, delay: Fraction) -> bytes:
    """The frames of sound that lie whole between two times, as fragmented MP4; empty where there are none.

    `delay`: of its pictures, seconds (`Cut.delay`).

    Raises:
        av.FFmpegError: of several formats, one cannot be decoded.
    """
    inside = [frame for frame in frames if begin <= frame.shown and frame.shown + frame.duration <= end]
    if len({frame.track for frame in inside}) > 1:
        inside = list(_alike(inside))
    if not inside:
        return b""
    track = _track(inside[0])
    samples, at = [], round((inside[0].shown - begin + delay) * track.timescale)
    for data in _unbroken(inside, track):
        samples.append(Sample(at, FRAME_SAMPLES, 0, True, data))
        at += FRAME_SAMPLES
    return fmp4.init_segment(track) + fmp4.fragment(1, samples)


def _unbroken(frames: Sequence[Coded], track: AudioTrack) -> Iterator[bytes]:
    """One frame after the other, each within half a frame of its time: silence where there is none, and the earlier of two at once."""
    length, silence = Fraction(FRAME_SAMPLES, track.sample_rate), silent_frame(parse_config(track.config).layout)
    at = frames[0].shown
    for frame in frames:
        while frame.shown - at >= length / 2:
            yield silence
            at += length
        if at - frame.shown < length / 2:
            yield frame.data
            at += length


def _alike(frames: Sequence[Coded]) -> Iterator[Coded]:
    """The same sound, decoded and encoded again in the first frame's sample rate and channels; silence where there was none."""
    first, began = _track(frames[0]), frames[0].shown
    rate = first.sample_rate
    waves = np.zeros((first.channels, round((frames[-1].shown + frames[-1].duration - began) * rate)), np.float32)
    for _, run in groupby(frames, key=_track):
        of_track = list(run)
        decoded = _decoded(of_track, first)
        at = round((of_track[0].shown - began) * rate)
        room = min(decoded.shape[1], waves.shape[1] - at)
        waves[:, at : at + room] = decoded[:, :room]
    encoder: Any = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = rate, LAYOUTS[first.channels], PLANAR, AUDIO_BIT_RATE
    encoder.open()
    packets = [packet for frame in (*_frames(waves, first), None) for packet in encoder.encode(frame)]
    track = first._replace(config=bytes(encoder.extradata))
    length = Fraction(FRAME_SAMPLES, rate)
    for number, packet in enumerate(packets[1 : 1 + waves.shape[1] // FRAME_SAMPLES]):  # the first is what comes before the sound
        shown = began + number * length
        yield Coded(shown, shown, length, True, bytes(packet), track)


def _decoded(frames: Sequence[Coded], like: AudioTrack) -> NDArray[np.float32]:
    """(channels, samples) of frames of one format, at another's sample rate and channels."""
    decoder: Any = av.CodecContext.create("aac", "r")
    decoder.extradata = _track(frames[0]).config
    resampler = av.AudioResampler(PLANAR, LAYOUTS[like.channels], like.sample_rate)
    heard = [each for frame in frames for each in decoder.decode(Packet(frame.data))]
    found = [out.to_ndarray() for each in (*heard, None) for out in resampler.resample(each)]
    return np.concatenate(found, axis=1)


def _frames(waves: NDArray[np.float32], track: AudioTrack) -> Iterable[av.AudioFrame]:
    for at in range(0, waves.shape[1], FRAME_SAMPLES):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(waves[:, at : at + FRAME_SAMPLES]), PLANAR, LAYOUTS[track.channels])
        frame.sample_rate, frame.pts, frame.time_base = track.sample_rate, at, Fraction(1, track.sample_rate)
        yield frame


def _track(frame: Coded) -> AudioTrack:
    if not isinstance(frame.track, AudioTrack):
        raise TypeError("the initialisation segment of a sound rendition declares no sound")
    return frame.track
