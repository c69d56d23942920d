"""Where an archived object comes from: every hop back to the ingest session, its objects held against their hashes.

Events name one another by id; their bytes are held against the lake (`attesting`).
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Literal

import msgspec

from processors.vod.documents import SEGMENTS, read_table
from processors.vod.recording import SOURCE, Piece, Recording, Track
from schemas.event import Event
from schemas.events import JobAssigned, JobUpgraded, SegmentProduced, StreamEnded, StreamStarted, VodArchived
from schemas.wire import Codec
from sinks.archive.session import SEGMENTS as SEGMENT_TOPIC
from sinks.archive.session import channel_events, wanted
from sinks.archive.vods import TOPIC
from streams.fold import At
from streams.log import Source
from streams.media import address
from streams.objects import ObjectMissingError, Objects

LIVE = re.compile(r"(?P<channel>\d+)/(?P<session>[\w-]+)/(?P<rendition>\w+)/(?P<number>\d+)\.m4s", re.ASCII)
"""An address of a segment, live or archived."""


class Hop(msgspec.Struct, frozen=True):
    """A step on the way back."""

    what: str
    name: str
    """Address of an object, or type of an event."""
    at: str
    """Place on the log, `topic/partition/offset`; empty for an object."""
    event_id: str
    sha256: str
    holds: bool
    """Whether the bytes are what the hop before says they are, and the event is the one that it names."""
    says: str
    """What it tells, for people."""
    by: Literal["hash", "id"] = "hash"
    """How that is known: by a hash of the bytes, or of an event by its id and what it names alone."""
    record_sha256: str = ""
    """SHA-256 of an event's bytes, hex, where they are those that the lake has."""


class UnknownError(LookupError):
    """Nothing in the archive or on the log has this name. Operator action: take a VOD's id, or an address that a playlist has."""


class Lineage:
    """Reads hops from log and store. Blocking log reads are the caller's to put into a thread."""

    def __init__(self, log: Source, codec: Codec, objects: Objects, vods: Sequence[tuple[VodArchived, At]]) -> None:
        """`vods`: every revision, in order, with its place."""
        self._log = log
        self._codec = codec
        self._objects = objects
        self._vods = {event.vod_id: (event, at) for event, at in vods}

    async def of(self, name: str) -> list[Hop]:
        """The hops of a VOD by its id, or of a segment by its address.

        Raises:
            UnknownError: there is no such thing.
        """
        if name in self._vods:
            return await self._vod(*self._vods[name])
        found = LIVE.fullmatch(name.removeprefix("/").removeprefix("media/"))
        if found is None:
            raise UnknownError(f"{name!r} is neither the id of a VOD or clip nor the address of a segment")
        if found["session"] in self._vods:
            return await self._archived(self._vods[found["session"]][0], found["rendition"], int(found["number"]))
        vod = self._vods.get(address.vod_id(found["session"]))
        segment = self._segment(found["channel"], found["session"], found["rendition"], int(found["number"]), vod[0] if vod else None)
        if segment is None:
            raise UnknownError(f"no event on the log tells of {name!r}; it may be older than the log reaches")
        return await self._produced(segment, segment[0].sha256)

    async def _vod(self, vod: VodArchived, at: At) -> list[Hop]:
        """The event, its documents, all of its segments, and the session."""
        hops = [event_hop("archived", vod, at, f"revision {vod.revision}, {vod.segments} segments, {vod.size} bytes")]
        hops += [await self.object("document", document.address, document.sha256) for document in vod.documents]
        recording = await self._recording(vod)
        produced = {
            (event.rendition, event.media_sequence): event
            for event, _ in channel_events(self._log, self._codec, SEGMENT_TOPIC, vod.channel_id, vod.started_at, wanted=wanted)
            if isinstance(event, SegmentProduced) and event.session_id == vod.session_id
        }
        for track in recording.tracks:
            whole = bad = unknown = later = 0
            for piece in track.pieces:
                told = produced.get((track.rendition, piece.media_sequence))
                place = _address(vod, recording, track, piece)
                holds = (await self.object("segment", place, piece.sha256)).holds
                unknown += told is None and bool(piece.address)
                later += not piece.address
                bad += not holds or (told is not None and bool(piece.address) and told.sha256 != piece.sha256)
                whole += 1
            says = f"{whole} segments, {bad} not as the log says" + (f", {unknown} older than the log" if unknown else "")
            says += f", {later} made from the source later" if later else ""
            folder = address.vod(vod.channel_id, vod.vod_id, track.folder)
            hops.append(Hop("segments", folder, "", "", "", holds=not bad, says=says))
        return hops + self.session(vod.channel_id, vod.session_id)

    async def _archived(self, vod: VodArchived, folder: str, number: int) -> list[Hop]:
        """An archived segment: its bytes, the table, the VOD's event, and then what the live segment's hops are."""
        recording = await self._recording(vod)
        track = recording.in_folder(folder)
        piece = next((one for one in track.pieces if recording.number(one) == number), None) if track is not None else None
        if track is None or piece is None:
            raise UnknownError(f"VOD {vod.vod_id} has no segment {number} in {folder!r}")
        place = _address(vod, recording, track, piece)
        table = next(one for one in vod.documents if one.address.endswith(SEGMENTS))
        hops = [
            await self.object("archived segment", place, piece.sha256),
            await self.object("table of segments", table.address, table.sha256),
            event_hop("archived", vod, self._vods[vod.vod_id][1], f"revision {vod.revision}"),
        ]
        segment = self._segment(vod.channel_id, vod.session_id, track.rendition, piece.media_sequence, vod)
        if segment is None:
            return [*hops, *self.session(vod.channel_id, vod.session_id)]
        return hops + await self._produced(segment, piece.sha256 if piece.address else segment[0].sha256)

    async def _produced(self, segment: tuple[SegmentProduced, At], digest: str) -> list[Hop]:
        """A segment's event, the job and the source segment that it was made from, and the session."""
        event, at = segment
        says = f"{event.rendition} {event.media_sequence} by {event.producer}"
        hops = [event_hop("produced", event, at, says, sha256=event.sha256, holds=event.sha256 == digest)]
        if event.rendition not in {SOURCE, "audio"}:
            hops += self._job(event)
            source = self._segment(event.channel_id, event.session_id, SOURCE, event.media_sequence, None)
            if source is not None:
                made, place = source
                hops.append(event_hop("made from", made, place, f"source {made.media_sequence} by {made.producer}", sha256=made.sha256))
                hops.append(await self._kept(made))
        return hops + self.session(event.channel_id, event.session_id)

    async def _kept(self, event: SegmentProduced) -> Hop:
        """The source's object: live, or where the archive has it."""
        live = await self.object("source segment", event.address, event.sha256)
        vod = self._vods.get(address.vod_id(event.session_id))
        if live.holds or vod is None:
            return live
        recording = await self._recording(vod[0])
        source = recording.track(SOURCE)
        number = event.media_sequence - recording.first + 1
        folder = source.folder if source is not None else SOURCE
        place = address.vod(event.channel_id, vod[0].vod_id, f"{folder}/{address.vod_segment(number)}")
        return await self.object("source segment", place, event.sha256)

    def _job(self, event: SegmentProduced) -> Iterator[Hop]:
        """The newest assignment before the segment."""
        found = None
        for job, at in channel_events(self._log, self._codec, "media.transcode.events.v1", event.channel_id):
            if not isinstance(job, JobAssigned | JobUpgraded) or job.session_id != event.session_id:
                continue
            if event.rendition in job.renditions and job.occurred_at <= event.occurred_at:
                found = job, at
        if found is not None:
            job, at = found
            yield event_hop("assigned", job, at, f"job to {job.worker_id}", holds=event.producer == job.worker_id)

    def session(self, channel_id: str, session_id: str) -> list[Hop]:
        """The session's beginning and end, as ingest told them."""
        hops = []
        for event, at in channel_events(self._log, self._codec, "media.stream.events.v1", channel_id):
            if isinstance(event, StreamStarted) and event.session_id == session_id:
                says = f"session {session_id} at {event.ingest_node}, {event.width}x{event.height}, tier {event.tier}"
                hops.append(event_hop("ingested", event, at, says, holds=event.producer == event.ingest_node))
            elif isinstance(event, StreamEnded) and event.session_id == session_id:
                hops.append(event_hop("ended", event, at, f"{event.frames_in} frames in, {event.frames_out} out, {event.reason}"))
        return hops or [Hop("ingested", "StreamStarted", "", "", "", holds=False, says="older than the log reaches")]

    def _segment(
        self, channel_id: str, session_id: str, rendition: str, number: int, vod: VodArchived | None
    ) -> tuple[SegmentProduced, At] | None:
        """The newest event of a segment."""
        found = None
        since = vod.started_at if vod is not None else 0
        for event, at in channel_events(self._log, self._codec, SEGMENT_TOPIC, channel_id, since, wanted=wanted):
            if isinstance(event, SegmentProduced) and (event.session_id, event.rendition, event.media_sequence) == (
                session_id,
                rendition,
                number,
            ):
                found = event, at
        return found

    async def archived_session(self, session_id: str) -> Recording | None:
        """The recording of a session, as its VOD's table has it."""
        vod = self._vods.get(address.vod_id(session_id))
        return await self._recording(vod[0]) if vod is not None else None

    async def _recording(self, vod: VodArchived) -> Recording:
        table = next(one for one in vod.documents if one.address.endswith(SEGMENTS))
        return read_table(await self._objects.get(table.address)).recording

    async def object(self, what: str, place: str, digest: str) -> Hop:
        """An object's bytes beside the hash that it should have."""
        try:
            data = await self._objects.get(place)
        except ObjectMissingError:
            return Hop(what, place, "", "", digest, holds=False, says="missing")
        holds = sha256(data).hexdigest() == digest
        return Hop(what, place, "", "", digest, holds=holds, says=f"{len(data)} bytes" if holds else "other bytes than the log says")


def _address(vod: VodArchived, recording: Recording, track: Track, piece: Piece) -> str:
    return address.vod(vod.channel_id, vod.vod_id, f"{track.folder}/{address.vod_segment(recording.number(piece))}")


def event_hop(what: str, event: Event, at: At, says: str, *, sha256: str = "", holds: bool = True) -> Hop:
    """A hop that is an event."""
    name = event.SCHEMA.rpartition(".")[2]
    return Hop(what, name, f"{at.topic}/{at.partition}/{at.offset}", event.event_id, sha256, holds=holds, says=says, by="id")


def revisions(log: Source, codec: Codec) -> Iterator[tuple[VodArchived, At]]:
    """Every VOD that the log tells of, in the order of its revisions. Blocks."""
    for partition, end in log.ends(TOPIC).items():
        for batch in log.read(TOPIC, partition, log.starts_at(TOPIC, None)[partition], end):
            for record in batch:
                event = codec.decode(record.value) if record.value is not None else None
                if isinstance(event, VodArchived):
                    yield event, At(record.topic, record.partition, record.offset, event.occurred_at)
