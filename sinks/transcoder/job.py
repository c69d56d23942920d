"""One session's transcoding on this worker: feeds an encoder process, starts it again when it dies, and knows when to do otherwise."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, TypeVar

import structlog
from prometheus_client import Counter, Histogram

from processors.transcode.placement import HANDED_OVER
from schemas.events import EncoderFailed, JobAssigned, PartProduced
from sinks.ffmpeg_run import FfmpegError
from sinks.transcoder import segment_job
from sinks.transcoder.child import EncoderEndedError, EncoderProcess
from sinks.transcoder.encoder import Encoder
from sinks.transcoder.feed import CATCH_UP_SEGMENTS, Arrived, Feed, FellBehindError
from sinks.transcoder.output import Output
from sinks.transcoder.patience import PatientStore
from sinks.transcoder.protocol import Configure, Declared, Made, Select, SourcePart, Stumbled, Took
from streams.media.fmp4_reader import MalformedFragmentError
from streams.objects import ObjectMissingError

logger = structlog.get_logger()
T = TypeVar("T")

MOST_LAG_S = 6.0
"""Seconds of media behind the source after which the job skips to the newest segment: three segments, more than catching up begins with."""
HANDOVER_S = 3.0
"""For which the word of a former worker is waited for; it comes within milliseconds. As long as the scheduler waits for a heartbeat: a
former worker that says nothing for so long is dead (processors/transcode/scheduler.py)."""
FAILURES = 3
"""Encoder processes in a row that end without a part, before segments are done one by one; and segment jobs in a row before giving up."""
PROBATION = 30
"""Segments done one by one, a minute, before the long-lived encoder is tried again."""
RATIO = Histogram(
    "transcoder_encode_ratio",
    "Encode time over media time of a part (real time is 1).",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 3),
)
FAILED = Counter("transcoder_encoder_failures_total", "Encoders that failed, hung behind or met broken media.")


class GaveUpError(Exception):
    """This worker cannot keep the job going; the message says why."""


class Job:
    """A running job. `run` ends when cancelled, finished or given up."""

    def __init__(
        self,
        assigned: JobAssigned,
        feed: Feed,
        store: PatientStore,
        output: Output,
        *,
        encoder: Encoder,
        tell: Callable[[EncoderFailed], object],
    ) -> None:
        self.assigned, self.renditions = assigned, assigned.renditions
        self._feed, self._store, self._output, self._encoder, self._tell = feed, store, output, encoder, tell
        output.staying = frozenset(assigned.renditions)
        self._process: EncoderProcess | None = None
        self._ending = asyncio.Event()
        self._sent = -1
        """Media sequence that is being made, or was last."""
        self._over = -1
        """Newest media sequence that the source has ended."""
        self._configured = ""
        """Address of the source's initialisation segment that the encoder has."""
        self._selected = self.renditions
        """Renditions that the encoder was told to make."""
        self._barren = 0
        """Encoder processes in a row that did not bring a part."""
        self._former = asyncio.Event()
        """Set once the former worker has said where it ends."""
        self._former_ends = -1
        """Last media sequence that the former worker makes."""
        self._last: int | None = None
        """Last media sequence to make, where another worker has the job."""

    @property
    def encoder_pid(self) -> int | None:
        """Process id of the encoder, while there is one."""
        return self._process.pid if self._process else None

    def select(self, renditions: Sequence[str], staying: Collection[str]) -> None:
        """Other renditions from the next segment on; which of them stay is declared with the next part."""
        self.renditions = tuple(renditions)
        self._output.staying = frozenset(staying)

    def finish(self) -> None:
        """No more is to come: what the encoder holds comes out, and `run` ends."""
        self._ending.set()

    def begin_after(self, media_sequence: int) -> None:
        """The former worker makes so much, and no more."""
        self._former_ends = media_sequence
        self._former.set()

    def leave(self) -> int:
        """Another worker has the job: the segment that is being made becomes whole, and `run` ends.

        Its media sequence; -1 where none has been begun.
        """
        self._last = max(self._sent, self._former_ends)
        if self._over >= self._sent:
            self._ending.set()
        return self._last

    async def run(self) -> None:
        """Transcodes until told to end.

        0. Of a job that is handed over: hears where the former worker ends.
        1. Waits for a segment that nobody has made yet and that can begin a decoder.
        2. Encodes from there with one process, for as long as it lives.
        3. Says why it ended, and begins anew; after too many failures in a row it transcodes segment by segment instead.

        Raises:
            GaveUpError: that does not work either.
        """
        if self.assigned.reason == HANDED_OVER:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._unless_ending(self._former.wait()), HANDOVER_S)
        while not self._ending.is_set():
            begin = await self._begin(self._done())
            if begin is None:
                return
            if self._barren < FAILURES:
                await self._live(begin)
            else:
                await self._by_segments(begin)
                self._barren = FAILURES - 1

    def _done(self) -> int:
        """Newest media sequence of which something has been made, here or elsewhere: it is not made again."""
        return max([self._former_ends, self._output.newest, *(self._feed.made.get(name, -1) for name in self.renditions)])

    async def _live(self, begin: int) -> None:
        """One encoder process from its start to its end."""
        process = self._process = await EncoderProcess.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._collect(process))
                tasks.create_task(self._supply(process, begin))
        except* EncoderEndedError as ended:
            self._barren += 1
            self._fail(str(ended.exceptions[0]))
        finally:
            await process.kill()
            self._process = None

    async def _supply(self, process: EncoderProcess, begin: int) -> None:
        """Sends the source's parts as they come; skips where one is missing or the encoder lags too far."""
        index: int | None = begin
        self._configured, self._selected = "", self.renditions
        while index is not None:
            try:
                entry = await self._next(index)
                if entry is None:
                    break
                index += 1
                await self._send(process, entry)
            except ObjectMissingError as missing:
                self._fail(f"object {missing} is missing from the store: skipped to the next segment")
                index = await self._begin(self._sent)
            except FellBehindError as lag:
                self._fail(f"{lag}: skipped to the newest segment")
                index = await self._begin(self._sent, within=1)
        process.finish()

    async def _send(self, process: EncoderProcess, entry: Arrived) -> None:
        """Sends one part, and before it what has changed since the last: the source's initialisation, the choice of renditions."""
        event = entry.event
        self._output.expect(entry)
        if not isinstance(event, PartProduced):
            await self._end_segment(event.media_sequence)
            return
        self._sent = event.media_sequence
        if (lag := self._feed.lag(event)) > MOST_LAG_S:
            raise FellBehindError(f"{lag:.1f} s behind the source")
        declared = self._feed.sources[event.discontinuity_sequence]
        if self._configured != declared.address:
            self._configured, self._selected = declared.address, self.renditions
            init = await self._store.get(declared.address)
            await process.say(Configure(init, declared.frame_rate, self._selected, self._encoder))
        if self._selected != self.renditions:
            self._selected = self.renditions
            await process.say(Select(self._selected))
        data = await self._store.get(event.address)
        await process.say(SourcePart(event.media_sequence, event.part, event.decode_time, event.duration, data))

    async def _collect(self, process: EncoderProcess) -> None:
        """Stores and publishes what the encoder brings, until it ends."""
        while message := await process.hear():
            match message:
                case Made():
                    self._barren = 0
                    await self._output.store(message)
                case Declared():
                    self._output.declare(message)
                case Took():
                    RATIO.observe(message.seconds / message.media_seconds)
                case Stumbled():
                    self._fail(message.cause, message.media_sequence)
        ended = await process.ended()
        if not self._ending.is_set():
            raise EncoderEndedError(ended)

    async def _by_segments(self, index: int) -> None:
        """Transcodes whole segments, one process each, for a while or until that falls behind too."""
        failures = done = 0
        parts: list[Arrived] = []
        while done < PROBATION:
            try:
                entry = await self._next(index)
            except FellBehindError as lag:
                self._fail(str(lag))
                return
            if entry is None:
                return
            index += 1
            self._output.expect(entry)
            if isinstance(entry.event, PartProduced):
                parts = [*parts, entry] if entry.event.part else [entry]
                continue
            self._sent = entry.event.media_sequence
            try:
                await self._segment(parts)
                failures, done = 0, done + 1
            except (FfmpegError, segment_job.SegmentJobError, MalformedFragmentError, ObjectMissingError) as cause:
                failures += 1
                self._fail(f"{type(cause).__name__}: {cause}", entry.event.media_sequence)
                if failures == FAILURES:
                    raise GaveUpError(str(cause)) from cause
            await self._end_segment(entry.event.media_sequence)

    async def _end_segment(self, media_sequence: int) -> None:
        """The source has ended a segment: it may have been the last one to make."""
        await self._output.close_segments(media_sequence)
        self._over = media_sequence
        if self._last is not None and media_sequence >= self._last:
            self._ending.set()

    async def _segment(self, arrived: list[Arrived]) -> None:
        events = [entry.event for entry in arrived if isinstance(entry.event, PartProduced)]
        declared = self._feed.sources.get(events[0].discontinuity_sequence) if events else None
        if declared is None or not events[0].independent:
            return
        source = [SourcePart(e.media_sequence, e.part, e.decode_time, e.duration, await self._store.get(e.address)) for e in events]
        init = await self._store.get(declared.address)
        for message in await segment_job.transcode(init, source, declared.frame_rate, self.renditions, self._encoder):
            if isinstance(message, Declared):
                self._output.declare(message)
            else:
                await self._output.store(message)

    async def _begin(self, after: int, within: int = CATCH_UP_SEGMENTS) -> int | None:
        """Where the next segment to make begins; None where the job is told to finish before."""
        return await self._unless_ending(self._feed.start(after, within))

    async def _next(self, index: int) -> Arrived | None:
        """The feed's entry; None where the job is told to finish before, or where it is another worker's.

        Raises:
            FellBehindError: it is not kept any more.
        """
        entry = await self._unless_ending(self._feed.wait(index))
        if entry is not None and self._last is not None and entry.event.media_sequence > self._last:
            self._ending.set()
            return None
        return entry

    async def _unless_ending(self, coroutine: Coroutine[Any, Any, T]) -> T | None:
        """What a coroutine gives; None where the job is told to finish before."""
        waited, ending = asyncio.ensure_future(coroutine), asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait((waited, ending), return_when=asyncio.FIRST_COMPLETED)
            return waited.result() if waited.done() else None
        finally:
            waited.cancel()
            ending.cancel()

    def _fail(self, cause: str, media_sequence: int | None = None) -> None:
        """Says what went wrong, on the log and in the log file; the job goes on."""
        FAILED.inc()
        job = self.assigned
        logger.warning("encoder failed", session_id=job.session_id, channel_id=job.channel_id, cause=cause)
        self._tell(
            EncoderFailed(
                correlation_id=job.session_id,
                channel_id=job.channel_id,
                session_id=job.session_id,
                job_id=job.job_id,
                worker_id=job.worker_id,
                renditions=self.renditions,
                cause=cause,
                media_sequence=self._sent if media_sequence is None or media_sequence < 0 else media_sequence,
                restarted=True,
            )
        )
