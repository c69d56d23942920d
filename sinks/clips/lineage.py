"""Where a clip comes from: its objects, what made it, the segments that it was cut from, and their session, each held against its hash."""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import av
from msgspec.structs import replace

from processors.vod.recording import AUDIO, SOURCE, Recording, archived
from schemas.events import ClipFailed, ClipReady, ClipRequested, FinishClip, SegmentProduced
from schemas.wire import Codec
from sinks.archive.lineage import Hop, Lineage, UnknownError, event_hop
from sinks.archive.session import SEGMENTS, as_archived, channel_events, recorded, wanted
from sinks.clips.clips import TOPIC
from sinks.clips.collecting import DECLARED_US
from sinks.clips.footage import MissingFootageError, Span, coded, touched, wall_clock_span
from streams.fold import At
from streams.log import Source
from streams.media import address
from streams.media.fmp4_reader import MalformedFragmentError
from streams.objects import ObjectMissingError, Objects
from streams.reading import whole

COMMANDS = "library.clip.commands.v1"


class Told(NamedTuple):
    """What the log tells of a clip's newest attempt."""

    asked: tuple[ClipRequested, At]
    ready: tuple[ClipReady, At]


class ClipLineage:
    """Reads hops from log and store. Blocking log reads are the caller's to put into a thread."""

    def __init__(self, log: Source, codec: Codec, objects: Objects, archive: Lineage) -> None:
        self._log = log
        self._codec = codec
        self._objects = objects
        self._archive = archive

    async def of(self, clip_id: str) -> list[Hop] | None:
        """The hops of a clip; None where there is no such clip.

        Raises:
            UnknownError: it is not ready.
        """
        told = self._told(clip_id)
        if told is None:
            return None
        asked, ready = told.asked[0], told.ready[0]
        says = f"attempt {ready.attempt}, {ready.duration_ms / 1_000:g} s, {ready.frames} pictures, {ready.size} bytes"
        return [
            event_hop("clip", *told.ready, says, sha256=ready.sha256),
            await self._archive.object("video", ready.address, ready.sha256),
            await self._archive.object("picture", ready.thumbnail_address, ready.thumbnail_sha256),
            *self._made(ready, asked),
            event_hop("asked for", *told.asked, f"{asked.duration_ms / 1_000:g} s of {asked.vod_id or 'what was live'}"),
            *await self._footage(ready),
            *self._archive.session(ready.channel_id, ready.session_id),
        ]

    def _told(self, clip_id: str) -> Told | None:
        """The newest attempt, whole."""
        asked: tuple[ClipRequested, At] | None = None
        ready: tuple[ClipReady, At] | None = None
        said = "processing"
        for record in whole(self._log, TOPIC):
            event = self._codec.decode(record.value) if record.value is not None else None
            if event is None or getattr(event, "clip_id", None) != clip_id:
                continue
            at = At(record.topic, record.partition, record.offset, event.occurred_at)
            if isinstance(event, ClipRequested):
                asked, ready, said = (event, at), None, "processing"
            elif isinstance(event, ClipReady):
                ready = event, at
            elif isinstance(event, ClipFailed):
                said = f"failed at the step {event.step!r}: {event.cause}"
        if asked is not None and ready is None:
            raise UnknownError(f"clip {clip_id} has no objects, for it is {said}")
        return Told(asked, ready) if asked is not None and ready is not None else None

    def _made(self, ready: ClipReady, asked: ClipRequested) -> Iterator[Hop]:
        """What its worker said: of these bytes, and because of what was asked for."""
        for event, at in channel_events(self._log, self._codec, COMMANDS, ready.channel_id):
            if isinstance(event, FinishClip) and event.event_id == ready.causation_id:
                holds = event.sha256 == ready.sha256 and event.causation_id == asked.event_id
                yield event_hop("made", event, at, f"by {event.producer}", sha256=event.sha256, holds=holds)
                return
        yield Hop("made", "FinishClip", "", ready.causation_id or "", "", holds=False, says="older than the log reaches")

    async def _footage(self, ready: ClipReady) -> list[Hop]:
        """The segments that it was cut from, and whether its pictures are in them."""
        recording = await self._archive.archived_session(ready.session_id)
        since = ready.begins_at - DECLARED_US
        if recording is None:
            part = recorded(self._log, self._codec, ready.channel_id, ready.session_id, since).recording()
            recording = as_archived(self._log, self._codec, part) if part is not None else None
        if recording is None:
            return [Hop("cut from", "SegmentProduced", "", "", "", holds=False, says="older than the log reaches, and there is no VOD")]
        span = wall_clock_span(recording, ready.begins_at, Fraction(ready.duration_ms, 1_000))
        return [*await self._segments(recording, span, ready, since), await self._pictures(recording, span, ready)]

    async def _segments(self, recording: Recording, span: Span, ready: ClipReady, since: int) -> list[Hop]:
        places = {live: place for place, live, _, _ in archived(recording, address.vod_id(ready.session_id)) if live}
        told = {
            event.event_id: (event, at)
            for event, at in channel_events(self._log, self._codec, SEGMENTS, ready.channel_id, since, wanted=wanted)
            if isinstance(event, SegmentProduced) and event.session_id == ready.session_id
        }
        hops = []
        for rendition in (SOURCE, AUDIO):
            for _, piece, _ in touched(recording, rendition, span):
                kept = await self._kept("cut from", piece.sha256, (piece.address, places[piece.address]))
                event, at = told.get(piece.event_id, (None, None))
                if event is None or at is None:
                    hops.append(replace(kept, says=f"{kept.says}; its event is older than the log reaches"))
                    continue
                hop = event_hop("cut from", event, at, f"{rendition} {event.media_sequence} by {event.producer}; {kept.says}")
                hops.append(replace(hop, name=kept.name, sha256=piece.sha256, holds=kept.holds and event.sha256 == piece.sha256))
        return hops

    async def _kept(self, what: str, digest: str, names: Sequence[str]) -> Hop:
        """An object under the first of its names that it still has."""
        hops = [await self._archive.object(what, name, digest) for name in names]
        return next((hop for hop in hops if hop.holds), hops[-1])

    async def _pictures(self, recording: Recording, span: Span, ready: ClipReady) -> Hop:
        """Whether as many of its pictures are the segments' own bytes as its event says."""
        try:
            data = await self._objects.get(ready.address)
            source = Counter(frame.data for frame in await coded(self._objects, recording, SOURCE, span))
            same = sum((Counter(_packets(data)) & source).values())
        except (ObjectMissingError, MissingFootageError, MalformedFragmentError, av.FFmpegError) as cause:
            return Hop("pictures", ready.address, "", "", "", holds=False, says=f"cannot be compared: {cause}")
        says = f"{same} of {ready.frames} are the segments' own bytes, {ready.copied} by the event"
        return Hop("pictures", ready.address, "", "", "", holds=same >= ready.copied, says=says)


def _packets(data: bytes) -> Iterator[bytes]:
    """The coded pictures of an MP4."""
    with av.open(io.BytesIO(data), "r", format="mp4") as container:
        for packet in container.demux(video=0):
            if packet.size:
                yield bytes(packet)
