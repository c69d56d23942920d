"""Cuts one run of audio where the video was cut, on an unbroken grid of frames."""

from collections import deque

from streams.edges.ingest.cut import Assembler, Output
from streams.edges.ingest.video_cutter import TIMESCALE as VIDEO_TIMESCALE
from streams.edges.ingest.video_cutter import Boundary
from streams.media.aac import FRAME_SAMPLES, parse_config, silent_frame
from streams.media.track import AudioTrack, Sample

PATIENCE = VIDEO_TIMESCALE // 2
"""Audio may come this much (0.5 s) later than video; then silence takes its place. Encoders interleave closer; players hold back more."""
MOST_AHEAD_S = 6
"""Audio that waits for a boundary of the video: more is dropped, as in a picture frozen for long."""


def part_target(track: AudioTrack, video_target: int) -> int:
    """Longest audio part in ticks: as many whole frames as begin within the longest video part."""
    samples = -(-video_target * track.sample_rate // VIDEO_TIMESCALE)
    return -(-samples // FRAME_SAMPLES) * FRAME_SAMPLES


class AudioCutter:
    """Puts frames on a grid of 1024 samples, fills gaps with silence, and cuts with the video.

    A frame is put in its place of the grid where it is less than half a frame late or a whole one early: further off, silence comes before
    it, or it is dropped. So sound and picture never part by more than a frame, and jitter never costs one.

    A part takes the frames that begin before the video's boundary, and at least one; so audio parts start within a frame of the video's.
    """

    def __init__(self, assembler: Assembler, track: AudioTrack, start: int) -> None:
        """Begins at `start`, in ticks of the track."""
        self._assembler = assembler
        self._rate = track.sample_rate
        self._silence = silent_frame(parse_config(track.config).layout)
        self._boundaries: deque[Boundary] = deque()
        self._frames: list[Sample] = []
        self._received_at = 0
        self._started = False
        self.end = start
        """Where the next frame begins, ticks."""
        self.filled = 0
        """Frames of silence put in."""
        self.dropped = 0
        """Frames left out, since their time was taken or past the end."""

    def push(self, time_ms: int, data: bytes, received_at: int) -> list[Output]:
        """Takes a frame that begins `time_ms` after the session's start."""
        time = (time_ms * self._rate + 500) // 1_000
        ahead = len(self._frames) * FRAME_SAMPLES >= MOST_AHEAD_S * self._rate
        if ahead or time <= self.end - (FRAME_SAMPLES if self._started else 1):
            self.dropped += 1
            return []
        if not self._started:
            self.end += (time - self.end) % FRAME_SAMPLES  # so that this frame lies on the grid
        while time >= self.end + FRAME_SAMPLES // 2:
            self._fill()
        self._received_at = received_at
        self._append(data)
        return self._cut()

    def boundary(self, boundary: Boundary) -> list[Output]:
        """The video was cut."""
        self._boundaries.append(boundary)
        return self._cut()

    def catch_up(self, video_time: int, received_at: int) -> list[Output]:
        """Fills up with silence what audio should have come for by now.

        Args:
            video_time: decode time of the newest video frame, video ticks.
            received_at: its arrival, UTC microseconds.
        """
        outputs: list[Output] = []
        while self._boundaries and self._boundaries[0].time + PATIENCE <= video_time:
            self._received_at = received_at
            self._fill_to(self._boundaries[0])
            outputs += self._cut()
        return outputs

    def finish(self, received_at: int) -> list[Output]:
        """Ends the run at the video's last boundary."""
        outputs: list[Output] = []
        while self._boundaries:
            self._received_at = max(self._received_at, received_at)
            self._fill_to(self._boundaries[0])
            outputs += self._cut()
        if self._frames:
            self.end = self._frames[0].decode_time
            real = sum(frame.data is not self._silence for frame in self._frames)
            self.dropped += real
            self.filled -= len(self._frames) - real
            self._frames.clear()
        return outputs

    def _fill_to(self, boundary: Boundary) -> None:
        while not boundary.segment and (self.end < self._ticks(boundary) or not self._frames):
            self._fill()

    def _fill(self) -> None:
        self._append(self._silence)
        self.filled += 1

    def _append(self, data: bytes) -> None:
        self._started = True
        self._frames.append(Sample(self.end, FRAME_SAMPLES, 0, True, data))
        self.end += FRAME_SAMPLES

    def _ticks(self, boundary: Boundary) -> int:
        return -(-boundary.time * self._rate // VIDEO_TIMESCALE)

    def _cut(self) -> list[Output]:
        outputs: list[Output] = []
        while self._boundaries:
            boundary, ticks = self._boundaries[0], self._ticks(self._boundaries[0])
            if boundary.segment:
                outputs.append(self._assembler.segment())
            elif self._frames and self.end >= ticks:
                count = max(1, sum(1 for frame in self._frames if frame.decode_time < ticks))
                outputs.append(self._assembler.part(self._frames[:count], self._received_at))
                del self._frames[:count]
            else:
                break
            self._boundaries.popleft()
        return outputs
