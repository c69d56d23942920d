"""FLV samples in, CMAF parts and segments out. Pure: the clock is handed in, so equal input gives equal output."""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from streams.edges.ingest import audio_cutter, video_cutter
from streams.edges.ingest.audio_cutter import AudioCutter
from streams.edges.ingest.cut import Assembler, Declared, Output, Part, Started
from streams.edges.ingest.timeline import Continuity, Timeline
from streams.edges.ingest.video_cutter import SEGMENT_MOST, TIMESCALE, Boundary, Frame, VideoCutter
from streams.media import fmp4, h264
from streams.media.aac import FRAME_SAMPLES, parse_config
from streams.media.flv import Tag
from streams.media.track import AudioTrack, VideoTrack

AUDIO_EXPECTED_US = 1_000_000
AUDIO_UNEXPECTED_US = 200_000
"""How long the start waits for an audio configuration, where metadata name audio and where they do not. Encoders send it first of all."""
FREEZE_MS = 2_000
"""A picture that lasts longer ends its segment as one of normal length, and a discontinuity follows: no segment can hold it."""
RATES = (1.0, 240.0)
"""Frame rates that are believed."""
FALLBACK_RATE = 30.0
MOST_RUNS = 30
RUN_WINDOW_US = 60_000_000
"""More discontinuities than this in a minute is a broken or hostile publisher: each costs objects and events."""


class UnstableStreamError(ValueError):
    """The publisher's timestamps or configurations change all the time."""


class Metadata(NamedTuple):
    """What onMetaData says, as far as it is believed."""

    frame_rate: float = 0.0
    has_audio: bool | None = None
    """None where the publisher sent no metadata."""
    video_bit_rate: int = 0
    audio_bit_rate: int = 0
    """Bits a second; 0 where it says none."""
    encoder: str = ""


@dataclass
class Place:
    """Where a session's media stand: what a returning publisher goes on from."""

    start_us: int | None
    """Wall clock of media time 0, UTC microseconds; None before the first key frame."""
    media_sequence: int
    """Of the next segment."""
    discontinuity_sequence: int
    """Of the next run."""
    floor_ms: int = 0
    """Media time up to which there is media."""


@dataclass
class Counts:
    """Account of frames: video_in = video_out + video_dropped once finished, and the same for audio, whose silence is not counted."""

    video_in: int = 0
    video_out: int = 0
    video_dropped: int = 0
    audio_in: int = 0
    audio_dropped: int = 0
    audio_filled: int = 0


class Message(NamedTuple):
    """A coded frame with its place on the publisher's line."""

    video: bool
    tag: Tag
    time_ms: int
    received_at: int


@dataclass
class Run:
    """What is cut between two discontinuities."""

    video: VideoCutter
    audio: AudioCutter | None
    audio_track: AudioTrack | None
    last_ms: int = -1
    received_at: int = 0


class Segmenter:
    """Cuts one publisher's stream.

    A run begins at a key frame. It ends, and a discontinuity follows, where timestamps jump, a picture freezes, or a configuration changes.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.counts = Counts()
        self.metadata = Metadata()
        self._timeline = Timeline()
        self._offset_ms: int | None = None  # session time minus publisher's time
        self._avcc: bytes | None = None
        self._audio: AudioTrack | None = None
        self._measured = 0.0
        self._started = False
        self._held: deque[Message] = deque()  # from the first key frame on, until the tracks are known
        self._run: Run | None = None
        self._runs: deque[int] = deque()

    def push_video(self, tag: Tag, timestamp: int, now: int) -> list[Output]:
        """Takes a video tag; `timestamp` in ms modulo 2^32, `now` in UTC microseconds.

        Raises:
            MalformedVideoError: the configuration cannot be read.
            UnstableStreamError: too many discontinuities.
        """
        if tag.kind == "config":
            if tag.data == self._avcc:
                return []
            h264.picture_format(tag.data)
            outputs = self._release(now) + self._end_run()
            self._avcc = tag.data
            return outputs
        self.counts.video_in += 1
        return self._place(True, tag, timestamp, now)

    def push_audio(self, tag: Tag, timestamp: int, now: int) -> list[Output]:
        """Takes an audio tag.

        Raises:
            UnsupportedAudioError: the configuration is of a kind that is not taken.
        """
        if tag.kind == "config":
            if self._audio is None or tag.data != self._audio.config:
                config = parse_config(tag.data)
                self._audio = AudioTrack(config.sample_rate, config.channels, tag.data)
            return self._try_release(now)
        self.counts.audio_in += 1
        return self._place(False, tag, timestamp, now)

    def finish(self, now: int) -> list[Output]:
        """The publisher is gone: gives out what is left. `place` then says where another may go on."""
        return self._release(now) + self._end_run()

    def _place(self, video: bool, tag: Tag, timestamp: int, now: int) -> list[Output]:
        arrival = self._timeline.place("video" if video else "audio", timestamp, now)
        if arrival.continuity is Continuity.STALE:
            self._drop(video)
            return []
        outputs: list[Output] = []
        if arrival.continuity is Continuity.JUMPS:
            outputs = self._release(now) + self._end_run()
            self._offset_ms = None
        message = Message(video, tag, arrival.time_ms, now)
        if self._started:
            return outputs + self._take(message)
        if not self._held and not self._begins(message):
            self._drop(video)
            return outputs
        self._held.append(message)
        return outputs + self._try_release(now)

    def _drop(self, video: bool) -> None:
        if video:
            self.counts.video_dropped += 1
        else:
            self.counts.audio_dropped += 1

    def _begins(self, message: Message) -> bool:
        """Whether a run may begin with it."""
        return message.video and self._avcc is not None and self._kind(message.tag) is True

    def _kind(self, tag: Tag) -> bool | None:
        """True for a picture at which decoding may start, None for one that cannot be read."""
        length_size = (self._avcc[4] & 3) + 1 if self._avcc else 4
        try:
            return h264.starts_decoding(tag.data, length_size)
        except h264.MalformedVideoError:
            return None

    def _try_release(self, now: int) -> list[Output]:
        """Starts once the tracks are known, or have been waited for long enough."""
        if not self._held:
            return []
        waited = max(now - self._held[0].received_at, 1_000 * (self._held[-1].time_ms - self._held[0].time_ms))
        patience = AUDIO_EXPECTED_US if self.metadata.has_audio else AUDIO_UNEXPECTED_US
        known = self._audio is not None or self.metadata.has_audio is False
        if not (known and self._rate()) and waited < patience:
            return []
        return self._release(now)

    def _release(self, now: int) -> list[Output]:
        """Starts with what is held; nothing where nothing is."""
        outputs: list[Output] = []
        if self._held:
            held, first = list(self._held), self._held[0]
            track = self._video_track()
            self._started = True
            self._held.clear()
            if self.place.start_us is None:
                self.place.start_us = first.received_at
            outputs.append(Started(self.place.start_us, track, self._audio))
            for message in held:
                outputs += self._take(message)
        return outputs

    def _rate(self) -> float:
        """Frames a second: declared, or in the parameter sets, or measured over what is held; 0 where nothing tells."""
        least, most = RATES
        assert self._avcc is not None
        for rate in (self.metadata.frame_rate, h264.picture_format(self._avcc).frame_rate):
            if least <= rate <= most:
                return rate
        times = [message.time_ms for message in self._held if message.video]
        if len(times) > 1 and times[-1] > times[0]:
            self._measured = min(max(1_000 * (len(times) - 1) / (times[-1] - times[0]), least), most)
        return self._measured

    def _video_track(self) -> VideoTrack:
        assert self._avcc is not None
        size = h264.picture_format(self._avcc)
        return VideoTrack(size.width, size.height, self._rate() or FALLBACK_RATE, self._avcc)

    def _take(self, message: Message) -> list[Output]:
        return self._take_video(message) if message.video else self._take_audio(message)

    def _take_audio(self, message: Message) -> list[Output]:
        run = self._run
        if run is None or run.audio is None or run.audio_track is not self._audio or self._offset_ms is None:
            self._drop(False)
            return []
        outputs = run.audio.push(message.time_ms + self._offset_ms, message.tag.data, message.received_at)
        return self._account(outputs)

    def _take_video(self, message: Message) -> list[Output]:
        key = self._kind(message.tag)
        if key is None or self._avcc is None or (self._run is None and not key):
            self._drop(True)
            return []
        outputs: list[Output] = []
        if self._run is not None:
            assert self._offset_ms is not None
            frozen = message.time_ms + self._offset_ms - self._run.last_ms > FREEZE_MS
            if frozen or (key and self._run.audio_track is not self._audio):
                outputs += self._end_run()
        if self._run is None:
            if not key:
                self._drop(True)
                return outputs
            outputs += self._begin_run(message)
        run, offset_ms = self._run, self._offset_ms
        assert run is not None
        assert offset_ms is not None
        time_ms = max(message.time_ms + offset_ms, run.last_ms + 1)
        offset = TIMESCALE // 1_000 * (message.time_ms + offset_ms + message.tag.offset_ms - time_ms)
        time = TIMESCALE // 1_000 * time_ms
        run.last_ms, run.received_at = time_ms, message.received_at
        frame = Frame(time, offset, key, message.tag.data, message.received_at)
        return outputs + self._after(run, *run.video.push(frame), video_time=time)

    def _after(self, run: Run, outputs: list[Output], boundaries: list[Boundary], video_time: int) -> list[Output]:
        if run.audio is not None:
            outputs = outputs + [output for boundary in boundaries for output in run.audio.boundary(boundary)]
            outputs = outputs + run.audio.catch_up(video_time, run.received_at)
        return self._account(outputs)

    def _account(self, outputs: list[Output]) -> list[Output]:
        self.counts.video_out += sum(o.frames for o in outputs if isinstance(o, Part) and o.rendition == "source")
        return outputs

    def _begin_run(self, message: Message) -> list[Output]:
        self._runs.append(message.received_at)
        while self._runs[0] < message.received_at - RUN_WINDOW_US:
            self._runs.popleft()
        if len(self._runs) > MOST_RUNS:
            raise UnstableStreamError(f"more than {MOST_RUNS} discontinuities within a minute")
        place = self.place
        assert place.start_us is not None
        if self._offset_ms is None or message.time_ms + self._offset_ms < place.floor_ms:
            self._offset_ms = max((message.received_at - place.start_us) // 1_000, place.floor_ms) - message.time_ms
        begin_ms = message.time_ms + self._offset_ms
        track, audio = self._video_track(), self._audio
        target = video_cutter.part_target(track.frame_rate)
        assembler = Assembler("source", TIMESCALE, place.media_sequence, place.discontinuity_sequence)
        self._run = Run(VideoCutter(assembler, track.frame_rate), None, audio, begin_ms - 1)
        outputs: list[Output] = [self._declared("source", track, target, SEGMENT_MOST)]
        if audio is not None:
            assembler = Assembler("audio", audio.timescale, place.media_sequence, place.discontinuity_sequence)
            self._run.audio = AudioCutter(assembler, audio, -(-begin_ms * audio.timescale // 1_000))
            longest = audio_cutter.part_target(audio, target)
            outputs.append(self._declared("audio", audio, longest, SEGMENT_MOST * audio.timescale // TIMESCALE + FRAME_SAMPLES))
        return outputs

    def _declared(self, rendition: str, track: VideoTrack | AudioTrack, part_target: int, segment_target: int) -> Declared:
        part_us, segment_us = (-(-ticks * 1_000_000 // track.timescale) for ticks in (part_target, segment_target))
        return Declared(rendition, track, self.place.discontinuity_sequence, part_us, segment_us, fmp4.init_segment(track))

    def _end_run(self) -> list[Output]:
        run, self._run = self._run, None
        if run is None:
            return []
        outputs, boundaries = run.video.finish()
        end_ms = -(-run.video.end * 1_000 // TIMESCALE)
        if run.audio is not None:
            outputs = outputs + [output for boundary in boundaries for output in run.audio.boundary(boundary)]
            outputs = outputs + run.audio.finish(run.received_at)
            self.counts.audio_dropped += run.audio.dropped
            self.counts.audio_filled += run.audio.filled
            assert run.audio_track is not None
            end_ms = max(end_ms, -(-run.audio.end * 1_000 // run.audio_track.timescale))
        self.place.floor_ms = end_ms
        self.place.media_sequence = run.video.media_sequence
        self.place.discontinuity_sequence += 1
        return self._account(outputs)
