"""What one connection publishes: its messages through a segmenter into its session."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import isfinite
from typing import Any

from streams.edges.ingest import metrics
from streams.edges.ingest.cut import Output, Part
from streams.edges.ingest.rtmp.connection import RtmpConnection
from streams.edges.ingest.rtmp.errors import RefusedError
from streams.edges.ingest.segmenter import Metadata, Segmenter, UnstableStreamError
from streams.edges.ingest.session import Session
from streams.fold import Clock
from streams.media import flv
from streams.media.aac import UnsupportedAudioError
from streams.media.h264 import MalformedVideoError

ENCODER_NAME = 128
"""Characters kept of an encoder's name."""
MOST_BIT_RATE = 1_000_000_000
JITTER_S = 0.05
"""What ends a part may come this much sooner than a part's length after what ended the one before; a frame is 17 or 33 ms."""


class LivePublication:
    """One connection's share of a session."""

    def __init__(
        self,
        session: Session,
        connection: RtmpConnection,
        clock: Clock,
        no_video_s: float,
        gone: Callable[["LivePublication"], None],
    ) -> None:
        """`gone` is called once the publisher is."""
        self.session = session
        self.connection = connection
        self._clock = clock
        self._gone = gone
        self._segmenter = Segmenter(session.place)
        self._bytes = self._told = 0
        self._live = True
        self._overdue = asyncio.get_running_loop().call_later(no_video_s, self._no_video, no_video_s)
        session.attach()
        metrics.PUBLISHERS.inc()

    def video(self, body: bytes, timestamp: int) -> None:
        """A video message."""
        self._bytes += len(body)
        self._take(lambda: flv.video(body), self._segmenter.push_video, timestamp)

    def audio(self, body: bytes, timestamp: int) -> None:
        """An audio message."""
        self._bytes += len(body)
        self._take(lambda: flv.audio(body), self._segmenter.push_audio, timestamp)

    def metadata(self, values: dict[str, Any]) -> None:
        """The contents of onMetaData."""
        self._segmenter.metadata = parse_metadata(values)

    def closed(self, reason: str, *, clean: bool) -> None:
        """The publisher is gone."""
        if not self._live:
            return
        self._live = False
        self._overdue.cancel()
        metrics.PUBLISHERS.dec()
        outputs = self._segmenter.finish(self._clock())
        with suppress(RefusedError):  # the connection is ending anyway
            self._emit(outputs)
        counts = self._segmenter.counts
        metrics.FRAMES.labels("dropped").inc(counts.video_dropped)
        metrics.SILENCE.inc(counts.audio_filled)
        self._gone(self)
        self.session.interrupted(reason, counts, self._bytes, clean=clean)

    def _take(self, parse: Callable[[], flv.Tag | None], push: Callable[[flv.Tag, int, int], list[Output]], timestamp: int) -> None:
        channel_id = self.session.profile.channel_id
        try:
            tag = parse()
            outputs = push(tag, timestamp, self._clock()) if tag is not None else []
        except (flv.UnsupportedCodecError, UnsupportedAudioError) as cause:
            raise RefusedError("unsupported_codec", str(cause), channel_id) from cause
        except (MalformedVideoError, UnstableStreamError) as cause:
            raise RefusedError("protocol_error", str(cause), channel_id) from cause
        if outputs:
            self._emit(outputs)

    def _emit(self, outputs: list[Output]) -> None:
        self._overdue.cancel()
        metrics.BYTES.inc(self._bytes - self._told)  # per part, not per message
        self._told = self._bytes
        self.session.emit(outputs, self._segmenter.metadata)
        lengths = [output.duration / output.timescale for output in outputs if isinstance(output, Part) and output.rendition == "source"]
        if self._live and lengths and lengths[-1] > JITTER_S:
            # Nothing goes out before the next part ends, so all but its last frames may gather.
            self.connection.rest(lengths[-1] - JITTER_S)

    def _no_video(self, seconds: float) -> None:
        self.connection.refuse(RefusedError("no_video", f"no H.264 key frame came within {seconds:.0f} s", self.session.profile.channel_id))


def parse_metadata(values: dict[str, Any]) -> Metadata:
    """What is believed of onMetaData; anything of another type or range counts as not said."""

    def number(name: str, most: float) -> float:
        value = values.get(name)
        return value if isinstance(value, float) and isfinite(value) and 0 < value <= most else 0.0

    encoder = values.get("encoder")
    return Metadata(
        frame_rate=number("framerate", 1_000.0) or number("videoframerate", 1_000.0),
        has_audio=any(values.get(name) for name in ("audiocodecid", "audiosamplerate", "audiodatarate")),
        video_bit_rate=round(1_000 * number("videodatarate", MOST_BIT_RATE / 1_000)),
        audio_bit_rate=round(1_000 * number("audiodatarate", MOST_BIT_RATE / 1_000)),
        encoder="".join(letter for letter in encoder if letter.isprintable())[:ENCODER_NAME] if isinstance(encoder, str) else "",
    )
