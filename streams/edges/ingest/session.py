"""A live session: from the first publish to the end of its grace period, over reconnects and takeovers."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import structlog

from schemas.event import Event
from schemas.events import media as e
from schemas.events.channel import ChannelProfile
from streams.edges.ingest import metrics
from streams.edges.ingest.config import IngestConfig
from streams.edges.ingest.cut import Declared, Output, Part, Segment, Started
from streams.edges.ingest.facts import Facts
from streams.edges.ingest.pipeline import Pipeline
from streams.edges.ingest.recovery import Found
from streams.edges.ingest.rtmp.errors import RefusedError
from streams.edges.ingest.segmenter import Counts, Metadata, Place
from streams.fold import Clock
from streams.media import address
from streams.media.track import VideoTrack
from streams.objects import Objects
from streams.publisher import Publisher

logger = structlog.get_logger()
REPEAT_SEGMENTS = 8
"""Declarations are repeated after so many segments (16 s), so that any later window of the log stands alone."""


@dataclass(frozen=True)
class Ports:
    """What a session acts on."""

    config: IngestConfig
    objects: Objects
    publisher: Publisher
    clock: Clock


class Session:
    """Gives out what its publishers' segmenters make, and keeps account. One publisher at a time."""

    def __init__(
        self,
        profile: ChannelProfile,
        place: Place,
        ports: Ports,
        ended: Callable[["Session"], None],
        recovered: Found | None = None,
    ) -> None:
        """`recovered`: the session on the log that this one goes on with; `ended` is called once it is over."""
        self.profile = profile
        self.session_id = recovered.session_id if recovered else str(uuid4())
        self.place = place
        self.ended = False
        self._started = recovered is not None
        self._ports = ports
        self._on_end = ended
        self._pipeline = Pipeline(ports.objects, ports.publisher, ports.clock)
        self._timer: asyncio.TimerHandle | None = None
        self._interrupted_at = ports.clock()
        self._declared: dict[str, tuple[Declared, int]] = {}
        self._counts = Counts()
        self._bytes = 0
        self._media_us = 0
        self._last_sequence = place.media_sequence - 1 if recovered else -1
        self._tier = recovered.tier if recovered and recovered.tier else profile.tier  # as the log has it
        self._video: VideoTrack | None = None
        self._parts_since: float | None = None
        self._behind = False  # the store was: what this publisher still sends is dropped
        self._begun: dict[str, int] = {}  # media sequence by rendition, of segments of which a part is on the log and the end is not

    def become(self, profile: ChannelProfile) -> None:
        """The channel's profile is another now."""
        self.profile = profile
        self._follow_tier()

    # a publisher comes and goes

    def attach(self) -> None:
        """A publisher is there: the grace period is over."""
        self._parts_since = self._ports.clock()
        self._behind = False
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def interrupted(self, reason: str, counts: Counts, bytes_in: int, *, clean: bool) -> None:
        """The publisher is gone; the session ends where none comes back in time."""
        self._counts.video_in += counts.video_in
        self._counts.video_dropped += counts.video_dropped
        self._bytes += bytes_in
        self._interrupted_at = self._ports.clock()
        if self.ended:
            return
        if not self._started:
            self._over(None)
            return
        self._interrupt(reason)
        config = self._ports.config
        self.wait(config.unpublish_grace_s if clean else config.grace_s, "unpublished" if clean else "grace_over")

    def _interrupt(self, reason: str) -> None:
        event = e.StreamInterrupted(
            correlation_id=self.session_id,
            channel_id=self.profile.channel_id,
            session_id=self.session_id,
            reason=reason,
            media_sequence=self._last_sequence,
        )
        self._emit(lambda _: event)

    def left_open(self, since_us: int, *, interrupted: bool) -> None:
        """An earlier process left the session open, its newest event at `since_us`; waits for the rest of the grace period."""
        self._interrupted_at = since_us
        if not interrupted:
            self._interrupt("reset")
        self.wait(self._ports.config.grace_s - (self._ports.clock() - since_us) / 1e6, "node_lost")

    def end_begun(self, segments: Iterable[Segment]) -> None:
        """Ends segments of which an earlier process gave out parts."""
        for segment in segments:
            self._store_segment(segment)

    async def suspend(self, patience_s: float) -> None:
        """This process ends, the session does not: gives out what was made."""
        if self._timer:
            self._timer.cancel()
        await self._pipeline.end(patience_s)

    def wait(self, seconds: float, reason: str) -> None:
        """Ends with the reason, unless a publisher comes within the seconds."""
        self._timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self.end, reason)

    def end(self, reason: str) -> None:
        """The session is over."""
        if not self.ended:
            self._over(reason if self._started else None)

    def _over(self, reason: str | None) -> None:
        self.ended = True
        if self._timer:
            self._timer.cancel()
        if reason is not None:
            self._emit(lambda _: self._ended_event(reason))
        self._on_end(self)

    def _ended_event(self, reason: str) -> e.StreamEnded:
        pipeline, counts = self._pipeline, self._counts
        dropped = counts.video_dropped + pipeline.frames_dropped
        if counts.video_in != pipeline.frames_out + dropped:
            logger.error(
                "frames unaccounted for", session=self.session_id, received=counts.video_in, out=pipeline.frames_out, dropped=dropped
            )
        return e.StreamEnded(
            correlation_id=self.session_id,
            channel_id=self.profile.channel_id,
            session_id=self.session_id,
            reason=reason,
            media_sequence=self._last_sequence,
            frames_in=counts.video_in,
            frames_out=pipeline.frames_out,
            frames_dropped=dropped,
            bytes_in=self._bytes,
            media_ms=self._media_us // 1_000,
        )

    async def drain(self, patience_s: float) -> None:
        """Waits until what was made is out."""
        await self._pipeline.end(patience_s)

    # media

    def emit(self, outputs: Iterable[Output], metadata: Metadata) -> None:
        """Gives out what a segmenter made.

        Where the object store is too far behind, what waits for it is dropped. But a segment of which the log has a part is ended: the
        archive is made of whole ones.

        Raises:
            RefusedError: the object store is too far behind.
        """
        if self._behind:
            outputs = self._ending(outputs)
        for output in outputs:
            match output:
                case Started():
                    self._start(output, metadata)
                case Declared():
                    self._declare(output, metadata)
                case Part():
                    self._part(output)
                case Segment():
                    self._segment(output, metadata)
        age = self._pipeline.age()
        if age > self._ports.config.backlog_s and not self._behind:
            self._pipeline.give_up(self._begun.items())
            self._behind = True
            raise RefusedError("at_capacity", f"the object store is {age:.0f} s behind", self.profile.channel_id)

    def _ending(self, outputs: Iterable[Output]) -> Iterator[Output]:
        """What ends the segments that have begun; the rest is dropped."""
        for output in outputs:
            first = output.parts[0] if isinstance(output, Segment) else output
            if isinstance(first, Part) and self._begun.get(first.rendition) == first.media_sequence:
                yield output
            elif isinstance(output, Part) and output.rendition == "source":
                self._pipeline.drop(output.frames)

    def _facts(self) -> Facts:
        assert self.place.start_us is not None
        return Facts(self.profile.channel_id, self.session_id, self.place.start_us)

    def _emit(self, make: Callable[[int], Event]) -> None:
        self._pipeline.event(make)

    def _start(self, cut: Started, metadata: Metadata) -> None:
        config, profile, video = self._ports.config, self.profile, cut.video
        gap_ms = (self._ports.clock() - self._interrupted_at) // 1_000
        event: e.StreamStarted | e.StreamResumed
        if self._started:
            event = e.StreamResumed(
                correlation_id=self.session_id,
                channel_id=profile.channel_id,
                session_id=self.session_id,
                gap_ms=gap_ms,
                ingest_node=config.node,
                width=video.width,
                height=video.height,
                frame_rate=video.frame_rate,
                has_audio=cut.audio is not None,
            )
        else:
            self._tier = profile.tier
            event = e.StreamStarted(
                correlation_id=self.session_id,
                channel_id=profile.channel_id,
                session_id=self.session_id,
                login=profile.login,
                tier=profile.tier,
                region=config.region,
                ingest_node=config.node,
                encoder=metadata.encoder,
                width=video.width,
                height=video.height,
                frame_rate=video.frame_rate,
                has_audio=cut.audio is not None,
            )
        self._started, self._video = True, video
        self._emit(lambda _: event)
        self._follow_tier()

    def _follow_tier(self) -> None:
        """Tells of another tier than the log has, once the source is known that its ladder is made from."""
        tier, video = self.profile.tier, self._video
        if video is None or tier == self._tier or self.ended:
            return
        self._tier = tier
        event = e.StreamTierChanged(
            correlation_id=self.session_id,
            channel_id=self.profile.channel_id,
            session_id=self.session_id,
            tier=tier,
            width=video.width,
            height=video.height,
            frame_rate=video.frame_rate,
        )
        self._emit(lambda _: event)

    def _declare(self, cut: Declared, metadata: Metadata) -> None:
        facts = self._facts()
        event = facts.declared(cut, _bit_rate(cut, metadata))
        self._declared[cut.rendition] = cut, 0
        self._pipeline.object(event.address, cut.init, lambda _: event)

    def _part(self, cut: Part) -> None:
        facts, clock = self._facts(), self._ports.clock
        source = cut.rendition != "audio"
        if source:
            self._last_sequence = cut.media_sequence
            self._media_us += cut.duration * 1_000_000 // cut.timescale
        first, self._parts_since = self._parts_since, None

        def make(stored_at: int) -> e.PartProduced:
            metrics.STORED.observe((stored_at - cut.received_at) / 1e6)
            if first is not None:
                metrics.FIRST_PART.observe((clock() - first) / 1e6)
            self._begun[cut.rendition] = cut.media_sequence
            return facts.part(cut, stored_at)

        segment = cut.rendition, cut.media_sequence
        self._pipeline.object(facts.part_address(cut), cut.data, make, segment, cut.frames if source else 0)

    def _segment(self, cut: Segment, metadata: Metadata) -> None:
        self._store_segment(cut)
        rendition = cut.parts[0].rendition
        declared, segments = self._declared[rendition]
        segments += 1
        self._declared[rendition] = declared, segments
        if segments % REPEAT_SEGMENTS == 0:
            repeated = self._facts().declared(declared, _bit_rate(declared, metadata), f"#{segments}")
            self._emit(lambda _: repeated)

    def _store_segment(self, cut: Segment) -> None:
        facts, data = self._facts(), b"".join(part.data for part in cut.parts)
        rendition, media_sequence = cut.parts[0].rendition, cut.parts[0].media_sequence

        def make(stored_at: int) -> e.SegmentProduced:
            self._begun.pop(rendition, None)
            return facts.segment(cut, data, stored_at)

        self._pipeline.object(facts.segment_address(cut), data, make, (rendition, media_sequence))


def _bit_rate(cut: Declared, metadata: Metadata) -> int:
    return metadata.audio_bit_rate if cut.rendition == "audio" else metadata.video_bit_rate


def parts_of(segment: e.SegmentProduced) -> list[str]:
    """Addresses of a segment's parts."""
    return [
        address.part(segment.channel_id, segment.session_id, segment.rendition, segment.media_sequence, number)
        for number in range(segment.parts)
    ]
