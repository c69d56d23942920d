"""One output of a job: scaler and encoder on a thread of its own."""

from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from typing import cast

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from processors.transcode.ladder import Rendition
from sinks.transcoder import annexb
from sinks.transcoder.encoder import CODEC, TIMESCALE, Encoder, live_options
from sinks.transcoder.windows import Picture
from streams.media.track import VideoTrack

TICK = Fraction(1, TIMESCALE)
UNSPECIFIED = 2
BT709 = 1
"""Colour code points (ITU-T H.273)."""
HD_LINES = 720
"""Players take an untagged picture of at least so many lines for BT.709 and a smaller one for BT.601."""


class EncoderDelayError(RuntimeError):
    """The encoder keeps frames back, so a part cannot be closed. Operator action: use a codec with a zero-delay mode."""


class RenditionEncoder:
    """Encodes pictures in the order given, and hands a part's pictures over when it is closed."""

    def __init__(self, rendition: Rendition, encoder: Encoder, like: VideoFrame) -> None:
        """`like` is a picture of the source: its colours are the rendition's."""
        self.rendition = rendition
        context = cast(VideoCodecContext, av.CodecContext.create(CODEC[encoder], "w"))
        context.width, context.height, context.pix_fmt = rendition.width, rendition.height, "yuv420p"
        context.time_base, context.framerate = TICK, Fraction(rendition.frame_rate).limit_denominator(1001)
        context.sample_aspect_ratio = Fraction(1)
        context.flags |= Flags.global_header
        context.options = live_options(encoder, rendition)
        untagged = like.colorspace == UNSPECIFIED and like.height >= HD_LINES
        context.colorspace, context.color_primaries, context.color_trc = (
            (BT709, BT709, BT709) if untagged else (like.colorspace, like.color_primaries, like.color_trc)
        )
        context.open()
        self._context = context
        self._scaler = VideoReformatter()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=rendition.name)
        self._pending: list[Future[Picture]] = []
        self.shown: VideoFrame | None = None
        """The picture encoded last, scaled."""

    def track(self) -> VideoTrack:
        """What its initialisation segment declares."""
        avcc = annexb.configuration(bytes(self._context.extradata or b""))
        return VideoTrack(self.rendition.width, self.rendition.height, self.rendition.frame_rate, avcc, TIMESCALE)

    def scale(self, picture: VideoFrame) -> VideoFrame:
        """The picture in the rendition's size. One thread: a pool of the scaler's own costs more than it gives at these sizes."""
        return self._scaler.reformat(
            picture, self.rendition.width, self.rendition.height, "yuv420p", interpolation=Interpolation.BICUBIC, threads=1
        )

    def encode(self, scaled: VideoFrame, time: int, *, key: bool) -> None:
        """Begins to encode a scaled picture at a presentation time (ticks); times rise."""
        self.shown = scaled
        self._pending.append(self._thread.submit(self._encode, scaled, time, key))

    @property
    def empty(self) -> bool:
        """Whether nothing was encoded since the last part."""
        return not self._pending

    def take(self) -> list[Picture]:
        """Waits for what was encoded since the last part.

        Raises:
            EncoderDelayError: a picture did not come out.
        """
        pending, self._pending = self._pending, []
        return [future.result() for future in pending]

    def close(self) -> None:
        """Ends its thread; what is being encoded is finished and dropped."""
        self._thread.shutdown()

    def _encode(self, scaled: VideoFrame, time: int, key: bool) -> Picture:
        scaled.pts, scaled.time_base = time, TICK
        scaled.pict_type = PictureType.I if key else PictureType.NONE
        packets = self._context.encode(scaled)
        if len(packets) != 1:
            raise EncoderDelayError(f"{self._context.name} gave {len(packets)} packets for one picture of {self.rendition.name}")
        return Picture(time, packets[0].is_keyframe, annexb.length_prefixed(bytes(packets[0])))
