"""A job's codec work: parts of the source in, parts of every rendition out. Knows nothing of pipes, the log or the object store."""

from collections import deque
from collections.abc import Iterator, Sequence

import av
from av.packet import Packet
from av.video.frame import VideoFrame

from processors.transcode.ladder import Rendition, Source, below
from sinks.transcoder import parts, windows
from sinks.transcoder.encoder import Encoder
from sinks.transcoder.protocol import Declared, Made, SourcePart
from sinks.transcoder.rendition import TICK, RenditionEncoder
from sinks.transcoder.windows import Window
from streams.media import fmp4_reader
from streams.media.track import Sample, VideoTrack


class UnusablePartError(ValueError):
    """The source's part cannot be used where it stands. Operator action: none; the next segment with a key frame is tried."""


class Pipeline:
    """One decoder and an encoder per rendition, from one source initialisation segment to the next."""

    def __init__(self, init: bytes, frame_rate: float, names: Sequence[str], encoder: Encoder) -> None:
        """Opens the decoder; encoders follow with the first picture, whose colours they need."""
        track = fmp4_reader.track(init)
        if not isinstance(track, VideoTrack):
            raise UnusablePartError("the source's initialisation segment declares no video")
        self._source = Source(track.width, track.height, frame_rate)
        self._encoder = encoder
        self._wanted = self._select(names)
        self._renditions: list[RenditionEncoder] = []
        self._decoder = av.CodecContext.create("h264", "r")
        self._decoder.extradata = track.avcc
        self._decoder.thread_count = 1  # frame threads would hold as many pictures back
        self._windows: deque[Window] = deque()
        self._held = 0
        """Coded pictures in the decoder."""
        self._delay: int | None = None
        """Presentation minus decode time of the first key frame, ticks; None before it."""
        self._before: int | None = None
        self._segment_begin = 0
        self._tolerance = windows.tolerance(frame_rate)

    def select(self, names: Sequence[str]) -> None:
        """Other renditions from the next segment on."""
        self._wanted = self._select(names)

    def feed(self, part: SourcePart) -> Iterator[Declared | Made]:
        """Works a part off; what it completes comes out, where the source reorders pictures one part later.

        Raises:
            UnusablePartError: it holds no samples, or is the first and does not begin with a key frame.
            av.FFmpegError: it cannot be decoded.
            streams.media.fmp4_reader.MalformedFragmentError: it is no fragment.
        """
        coded = fmp4_reader.samples(part.data)
        if not coded:
            raise UnusablePartError("the part holds no samples")
        self._windows.append(self._window(part, coded[0]))
        for sample in coded:
            packet = Packet(sample.data)
            packet.pts, packet.dts = sample.decode_time + sample.composition_offset, sample.decode_time
            packet.time_base, packet.is_keyframe = TICK, sample.key
            self._held += 1
            for picture in self._decoder.decode(packet):
                yield from self._show(picture)
        if self._held == 0:
            yield from self._close_until(len(self._windows))

    def flush(self) -> Iterator[Declared | Made]:
        """The pictures that the decoder still holds, and the end of the last part."""
        for picture in self._decoder.decode(None):
            yield from self._show(picture)
        yield from self._close_until(len(self._windows))

    def close(self) -> None:
        """Ends the encoders' threads."""
        for rendition in self._renditions:
            rendition.close()

    def _select(self, names: Sequence[str]) -> tuple[Rendition, ...]:
        return tuple(rendition for rendition in below(self._source) if rendition.name in names)

    def _window(self, part: SourcePart, first: Sample) -> Window:
        """The part's window; the first part decides on the source's delay."""
        if self._delay is None:
            if not first.key:
                raise UnusablePartError("the first part does not begin with a key frame")
            self._delay = first.composition_offset
        return windows.window(part, first, self._delay)

    def _show(self, picture: VideoFrame) -> Iterator[Declared | Made]:
        """Gives a decoded picture to the renditions that show it; a picture past its part's end closes the part."""
        self._held = max(0, self._held - 1)
        time = picture.pts
        passed = sum(1 for window in list(self._windows)[1:] if time is not None and time >= window.begin - self._tolerance)
        yield from self._close_until(passed)
        if time is None or not self._windows or time < self._windows[0].begin - self._tolerance:
            return  # leading pictures of an open GOP, whose references were never seen
        window = self._windows[0]
        before = self._before if self._before is not None and self._before >= window.begin - self._tolerance else None
        opening = window.opens_segment and before is None
        if opening:
            self._segment_begin = time
            yield from self._reopen(picture)
        scaled = picture
        for rendition in self._renditions:
            if windows.keeps(time, before, self._segment_begin, self._source.frame_rate, rendition.rendition):
                scaled = rendition.scale(scaled)
                rendition.encode(scaled, time, key=opening)
        self._before = time

    def _reopen(self, like: VideoFrame) -> Iterator[Declared]:
        """At a segment's begin: ends renditions that are not wanted any more, and opens and declares new ones."""
        for gone in [one for one in self._renditions if one.rendition not in self._wanted]:
            gone.close()
            self._renditions.remove(gone)
        known = {one.rendition for one in self._renditions}
        for rendition in self._wanted:
            if rendition not in known:
                opened = RenditionEncoder(rendition, self._encoder, like)
                self._renditions.append(opened)
                yield parts.declared(rendition, opened.track())
        self._renditions.sort(key=lambda one: -one.rendition.load)

    def _close_until(self, count: int) -> Iterator[Made]:
        """Ends the first `count` parts that are open."""
        for _ in range(count):
            window = self._windows.popleft()
            for rendition in self._renditions:
                if rendition.empty and rendition.shown is not None:  # nothing new was shown: the picture stays
                    rendition.encode(rendition.shown, window.begin, key=window.opens_segment)
                if not rendition.empty:
                    yield parts.made(window, rendition.rendition.name, rendition.take())
