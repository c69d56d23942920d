"""The encoder process of one job: `python -m sinks.transcoder.encode`. Parts of the source on stdin, parts of the renditions on stdout.

It holds no state that cannot be had again from the next segment's begin, and ends when its stdin ends: with the worker, however that ends.
"""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import BinaryIO, cast

import av

from sinks.transcoder.encoder import TIMESCALE, Encoder
from sinks.transcoder.pipeline import Pipeline, UnusablePartError
from sinks.transcoder.protocol import Configure, FromEncoder, Select, SourcePart, Stumbled, ToEncoder, Took, framed, read
from sinks.transcoder.rendition import EncoderDelayError
from streams.media.fmp4_reader import MalformedFragmentError

Say = Callable[[FromEncoder], object]
RECOVERABLE = (UnusablePartError, MalformedFragmentError, EncoderDelayError, av.FFmpegError)
"""What spoils a segment and not the job."""


class Job:
    """What the process does with each message."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._configured: Configure | None = None
        self._pipeline: Pipeline | None = None
        """None before the first segment and after a failure, until a segment begins."""

    def hear(self, message: ToEncoder) -> None:
        """Does as told; a failure is said and costs the rest of the segment."""
        match message:
            case Configure():
                self.end()
                self._configured = message
            case Select():
                if self._configured:
                    self._configured = Configure(
                        self._configured.init, self._configured.frame_rate, message.renditions, self._configured.encoder
                    )
                if self._pipeline:
                    self._pipeline.select(message.renditions)
            case SourcePart():
                self._work(message)

    def end(self) -> None:
        """What is still held comes out; the codecs are closed."""
        if self._pipeline:
            self._guard(-1, lambda pipeline: pipeline.flush())
            if self._pipeline:
                self._pipeline.close()
            self._pipeline = None

    def _work(self, part: SourcePart) -> None:
        """One part; where nothing is open, only a segment's first part opens it."""
        if self._configured is None or (self._pipeline is None and part.part != 0):
            return
        begun = time.perf_counter()
        if self._pipeline is None:
            conf = self._configured
            try:
                self._pipeline = Pipeline(conf.init, conf.frame_rate, conf.renditions, cast(Encoder, conf.encoder))
            except RECOVERABLE as cause:
                self._say(Stumbled(part.media_sequence, str(cause)))
                return
        self._guard(part.media_sequence, lambda pipeline: pipeline.feed(part))
        self._say(Took(time.perf_counter() - begun, part.duration / TIMESCALE))

    def _guard(self, media_sequence: int, work: Callable[[Pipeline], Iterable[FromEncoder]]) -> None:
        pipeline = self._pipeline
        if pipeline is None:
            return
        try:
            for made in work(pipeline):
                self._say(made)
        except RECOVERABLE as cause:
            self._pipeline = None
            pipeline.close()
            self._say(Stumbled(media_sequence, f"{type(cause).__name__}: {cause}"))


def main() -> None:
    """Runs until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C goes to the whole group: the worker ends us in order
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not come between the messages
    job = Job(lambda message: _write(out, message))
    gc.freeze()  # what is loaded now stays: the collector need not walk it at each part
    while message := read(cast(BinaryIO, sys.stdin.buffer)):
        job.hear(message)
    job.end()


def _write(out: BinaryIO, message: FromEncoder) -> None:
    out.write(framed(message))
    out.flush()


if __name__ == "__main__":
    main()
