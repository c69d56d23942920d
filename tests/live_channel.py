"""A channel's life as events and objects, for tests: real CMAF, made by the product's own muxer from an encoded test picture."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

import av
import numpy as np

from schemas.event import Event
from schemas.events import PartProduced, RenditionDeclared, SegmentProduced, StreamEnded, StreamStarted
from streams.media import address, fmp4
from streams.media.track import AudioTrack, Sample, Track, VideoTrack

FPS = 30
GOP = 60
PART = 6
TICKS = 90_000 // FPS
RATE = 48_000
FRAME = 1024


class Made(NamedTuple):
    """An event, and the object that it names."""

    event: Event
    address: str = ""
    data: bytes = b""


class Source(NamedTuple):
    """A rendition: its track and two seconds of samples, which repeat."""

    name: str
    track: Track
    samples: Sequence[Sample]

    @property
    def video(self) -> bool:
        return isinstance(self.track, VideoTrack)


@cache
def encoded(name: str = "source", width: int = 320, height: int = 180) -> Source:
    """Two seconds of a moving picture as H.264, one closed GOP."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, FPS), Fraction(FPS, 1)
    codec.flags |= 1 << 22  # global header: avcC instead of in-band parameter sets
    codec.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(GOP), "sc_threshold": "0", "x264-params": "annexb=0:threads=1"}
    packets = []
    for number in range(GOP):
        picture = np.zeros((height * 3 // 2, width), np.uint8)
        picture[:height] = (np.add.outer(np.arange(height), np.arange(width)) + number * 4) % 200 + 20
        picture[height:] = 128
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        packets += codec.encode(frame)
    packets += codec.encode(None)
    samples = [Sample(n * TICKS, TICKS, 0, bool(p.is_keyframe), bytes(p)) for n, p in enumerate(packets)]
    return Source(name, VideoTrack(width, height, float(FPS), bytes(codec.extradata)), samples)


@cache
def sound() -> Source:
    """Two seconds of a tone as AAC."""
    codec = av.CodecContext.create("aac", "w")
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = RATE, "stereo", "fltp", 96_000
    samples, count = [], 2 * RATE // FRAME + 1
    for number in range(count):
        tone = np.sin((np.arange(FRAME) + number * FRAME) * 2 * np.pi * 440 / RATE).astype(np.float32) * 0.3
        frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, number * FRAME
        samples += [Sample(0, FRAME, 0, True, bytes(p)) for p in codec.encode(frame)]
    return Source("audio", AudioTrack(RATE, 2, bytes(codec.extradata)), samples)


def dummy(name: str, width: int = 640, height: int = 360, size: int = 500) -> Source:
    """Samples without meaning, where only the events matter."""
    if name == "audio":
        return Source(name, AudioTrack(RATE, 2, b"\x11\x90"), [Sample(0, FRAME, 0, True, bytes(300))])
    track = VideoTrack(width, height, float(FPS), bytes.fromhex("01640028ffe1000467640028010004aabbccdd"))
    return Source(name, track, [Sample(0, TICKS, 0, n == 0, bytes(size * 8 if n == 0 else size)) for n in range(GOP)])


class Channel:
    """One channel: `segment()` gives the next segment's events of all renditions, part by part."""

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        channel_id: str = "42",
        session_id: str = "7d0c6f3e-2f0b-4b53-9f3f-0a4f6b7d1c11",
        start_us: int = 1_700_000_000_000_000,
        first: int | None = None,
    ) -> None:
        self.sources = list(sources)
        self.channel_id, self.session_id, self.start_us = channel_id, session_id, start_us
        self.next = start_us // 2_000_000 if first is None else first
        self.ticks = 0
        self.discontinuity = 0
        self.leaving: set[str] = set()
        """Names of renditions that are leaving; what is declared from now on says so."""
        self._since_declared = 0
        self._audio = 0  # frames of audio written since the discontinuity
        self._audio_base = 0

    def started(self, login: str = "ana", tier: str = "partner") -> StreamStarted:
        """The session begins."""
        track = next(s.track for s in self.sources if isinstance(s.track, VideoTrack))
        return StreamStarted(
            event_id=str(uuid5(NAMESPACE_URL, self.session_id)),
            occurred_at=self.start_us,
            channel_id=self.channel_id,
            session_id=self.session_id,
            login=login,
            tier=tier,  # type: ignore[arg-type]
            region="iad",
            ingest_node="ingest-1",
            width=track.width,
            height=track.height,
            frame_rate=float(FPS),
            has_audio=True,
        )

    def ended(self) -> StreamEnded:
        """The session is over."""
        return StreamEnded(
            occurred_at=self.now,
            channel_id=self.channel_id,
            session_id=self.session_id,
            reason="unpublished",
            media_sequence=self.next - 1,
            frames_in=0,
            frames_out=0,
            frames_dropped=0,
            bytes_in=0,
            media_ms=0,
        )

    @property
    def now(self) -> int:
        """Wall clock at the end of what was made, UTC microseconds."""
        return self._pdt(self.ticks, 90_000)

    def interrupt(self, seconds: float) -> None:
        """The publisher was away: media time goes on by the wall clock, after a discontinuity."""
        self.ticks += round(seconds * 1000) * 90
        self.discontinuity += 1
        self._since_declared = 0
        self._audio = 0
        self._audio_base = math.ceil(self.ticks * RATE / 90_000 / FRAME) * FRAME

    def leave(self, *names: str) -> list[Made]:
        """These renditions are leaving from now on, and others not; what is said of each."""
        self.leaving = set(names)
        return self.declared()

    def declared(self) -> list[Made]:
        """What is said of each rendition."""
        found = []
        for source in self.sources:
            data = fmp4.init_segment(source.track)
            place = address.init(self.channel_id, self.session_id, source.name, self.discontinuity)
            track = source.track
            video = isinstance(track, VideoTrack)
            event = RenditionDeclared(
                event_id=str(uuid5(NAMESPACE_URL, f"{place}@{self.next}{'!' if source.name in self.leaving else ''}")),
                occurred_at=self.now,
                producer="ingest-1",
                correlation_id=self.session_id,
                channel_id=self.channel_id,
                session_id=self.session_id,
                rendition=source.name,
                kind="video" if video else "audio",
                codecs=track.codecs,
                width=track.width if isinstance(track, VideoTrack) else 0,
                height=track.height if isinstance(track, VideoTrack) else 0,
                frame_rate=float(FPS) if video else 0.0,
                sample_rate=track.sample_rate if isinstance(track, AudioTrack) else 0,
                channels=track.channels if isinstance(track, AudioTrack) else 0,
                part_target_us=200_000 if video else 213_334,
                segment_target_us=2_400_000,
                timescale=track.timescale,
                discontinuity_sequence=self.discontinuity,
                address=place,
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                leaving=source.name in self.leaving,
            )
            found.append(Made(event, place, data))
        return found

    def segment(self, frames: int = GOP, *, without: Sequence[str] = ()) -> Iterator[Made]:
        """The next segment, part by part over all renditions but some."""
        if self._since_declared % 8 == 0:
            yield from self.declared()
        self._since_declared += 1
        made: dict[str, list[tuple[bytes, list[Sample]]]] = {source.name: [] for source in self.sources}
        for part, begin in enumerate(range(0, frames, PART)):
            end = min(begin + PART, frames)
            until = self.ticks + end * TICKS
            for source in self.sources:
                samples = self._video(source, begin, end) if source.video else self._sound(source, until)
                data = fmp4.fragment(self.next * 100 + part, samples)
                made[source.name].append((data, samples))
                if source.name not in without:
                    yield self._part(source, part, data, samples)
        for source in self.sources:
            if source.name not in without:
                yield self._whole(source, made[source.name])
        self.ticks += frames * TICKS
        self.next += 1

    def segments(self, count: int) -> Iterator[Made]:
        """Several segments."""
        for _ in range(count):
            yield from self.segment()

    def _video(self, source: Source, begin: int, end: int) -> list[Sample]:
        return [source.samples[n % len(source.samples)]._replace(decode_time=self.ticks + n * TICKS, key=n == 0) for n in range(begin, end)]

    def _sound(self, source: Source, until: int) -> list[Sample]:
        samples = []
        while (at := self._audio_base + self._audio * FRAME) * 90_000 < until * RATE:
            samples.append(source.samples[self._audio % len(source.samples)]._replace(decode_time=at))
            self._audio += 1
        return samples

    def _pdt(self, ticks: int, timescale: int) -> int:
        return self.start_us + ticks * 1_000_000 // timescale

    def _common(self, source: Source, samples: Sequence[Sample], data: bytes, place: str) -> dict[str, object]:
        timescale = source.track.timescale
        length = sum(sample.duration for sample in samples)
        ends = self._pdt(samples[0].decode_time + length, timescale)
        lag = 0 if source.name in {"source", "audio"} else 60_000
        return {
            "event_id": str(uuid5(NAMESPACE_URL, place)),
            "occurred_at": ends + 9_000 + lag,
            "producer": "ingest-1" if not lag else "media-1",
            "correlation_id": self.session_id,
            "causation_id": str(uuid5(NAMESPACE_URL, place.replace(f"/{source.name}/", "/source/"))) if lag else None,
            "channel_id": self.channel_id,
            "session_id": self.session_id,
            "rendition": source.name,
            "media_sequence": self.next,
            "decode_time": samples[0].decode_time,
            "duration": length,
            "timescale": timescale,
            "programme_date_time": self._pdt(samples[0].decode_time, timescale),
            "independent": samples[0].key,
            "discontinuity_sequence": self.discontinuity,
            "address": place,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "received_at": ends + 2_000 + lag // 6,
            "stored_at": ends + 7_000 + lag,
        }

    def _part(self, source: Source, part: int, data: bytes, samples: Sequence[Sample]) -> Made:
        place = address.part(self.channel_id, self.session_id, source.name, self.next, part)
        return Made(PartProduced(part=part, **self._common(source, samples, data, place)), place, data)  # type: ignore[arg-type]

    def _whole(self, source: Source, made: Sequence[tuple[bytes, list[Sample]]]) -> Made:
        place = address.segment(self.channel_id, self.session_id, source.name, self.next)
        data = b"".join(part for part, _ in made)
        samples = [sample for _, part in made for sample in part]
        key = fmp4.key_frame_bytes(made[0][0], made[0][1]) if source.video else 0
        common = self._common(source, samples, data, place)
        return Made(SegmentProduced(parts=len(made), key_frame_bytes=key, **common), place, data)  # type: ignore[arg-type]
