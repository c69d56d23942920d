"""Makes a VOD: names for the live objects, pictures, documents. Doing it twice makes the same objects."""

import asyncio
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

import av
import msgspec
import structlog
from msgspec.structs import replace

from processors.vod.about import About
from processors.vod.documents import INDEX, MANIFEST, METADATA, SEGMENTS, Table, Thumbnail, metadata, playlists
from processors.vod.pictures import Shot, sheet, shots, sprite_index
from processors.vod.recording import Init, Piece, Recording, Track, archived
from schemas.events import VodArchived
from schemas.events.library import ArchivedObject
from sinks.archive import pictures
from streams.media import address
from streams.objects import ObjectMissingError, Objects

logger = structlog.get_logger()
AT_ONCE = 32
"""Requests under way at once: as many as the store's threads."""


class Made(NamedTuple):
    """A VOD that is whole in the store."""

    table: Table
    documents: tuple[ArchivedObject, ...]
    size: int
    """Bytes of all its objects."""


class Maker:
    """Makes the objects of VODs."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def make(self, recording: Recording, about: About, vod_id: str, revision: int) -> Made | None:
        """A VOD of a recording; None where none of its objects is there any more."""
        kept = await self._link(recording, vod_id)
        if kept is None:
            return None
        thumbnails = await self.thumbnails(kept, vod_id)
        return await self.documents(Table(kept, thumbnails), about, vod_id, revision)

    async def documents(self, table: Table, about: About, vod_id: str, revision: int) -> Made:
        """Writes what follows from a table: playlists, sprites, metadata, the table itself, and last the manifest that leads to all."""
        recording, lists = table.recording, playlists(table.recording)
        manifest = lists.pop(MANIFEST)
        found = {
            **lists,
            **await self.sprites(table, vod_id),
            SEGMENTS: msgspec.json.encode(table),
            METADATA: metadata(table, about, vod_id, revision),
            MANIFEST: manifest,
        }
        documents = [await self._put(recording.channel_id, vod_id, path, data) for path, data in found.items()]
        media = sum(size for _, _, size, _ in archived(recording, vod_id))
        size = media + sum(one.size for one in documents) + sum(one.size for one in table.thumbnails)
        return Made(table, tuple(documents), size)

    async def thumbnails(self, recording: Recording, vod_id: str) -> tuple[Thumbnail, ...]:
        """Every ten seconds' picture: those made while it was live, and now those that are missing."""
        found = []
        for shot in shots(recording):
            path = address.vod_thumbnail(shot.interval)
            place = address.vod(recording.channel_id, vod_id, path)
            try:
                data = await self._objects.get(place)
            except ObjectMissingError:
                made = await self.shoot(recording, shot.piece)
                if made is None:
                    continue
                data = made
                await self._objects.put(place, data)
            found.append(Thumbnail(path, len(data), sha256(data).hexdigest()))
        return tuple(found)

    async def shoot(self, recording: Recording, piece: Piece) -> bytes | None:
        """The picture of a source segment; None where it shows none."""
        source = recording.track("source")
        init = next((init for init in source.inits if init.discontinuity == piece.discontinuity), None) if source else None
        if source is None or init is None:
            return None
        for names in ((init.address, piece.address), _archived_names(recording, source, init, piece)):
            try:
                head, body = [await self._objects.get(name) for name in names]
                return await asyncio.to_thread(pictures.thumbnail, head, body)
            except ObjectMissingError:
                continue
            except (av.FFmpegError, StopIteration) as cause:
                logger.warning("no thumbnail: the segment cannot be decoded", address=piece.address, cause=repr(cause))
                break
        return None

    async def sprites(self, table: Table, vod_id: str) -> dict[str, bytes]:
        """The sheets of the thumbnails that there are, and their index."""
        recording = table.recording
        by_path: dict[str, Shot] = {address.vod_thumbnail(shot.interval): shot for shot in shots(recording)}
        found = [by_path[one.path] for one in table.thumbnails]
        data = [await self._objects.get(address.vod(recording.channel_id, vod_id, one.path)) for one in table.thumbnails]
        sheets = await asyncio.to_thread(pictures.sprites, data)
        index = sprite_index(found, recording.seconds).encode()
        return {**{sheet(number): made for number, made in enumerate(sheets)}, INDEX: index}

    async def _link(self, recording: Recording, vod_id: str) -> Recording | None:
        """Gives every live object its name in the archive, where those that left the live window have theirs already.

        What is missing is left out of the recording.
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def link(place: str, live: str) -> str | None:
            async with gate:
                try:
                    await self._objects.link(live, place)
                except ObjectMissingError:
                    return live
                return None

        places = {live: place for place, live, _, _ in archived(recording, vod_id)}
        gone = {live for live in await asyncio.gather(*(link(place, live) for live, place in places.items())) if live is not None}
        there = set(await self._objects.list(address.vod(recording.channel_id, vod_id))) if gone else set()
        missing = {live for live in gone if places[live] not in there}
        if missing:
            logger.warning("objects are missing: the VOD has gaps", session=recording.session_id, objects=len(missing))
        return without(recording, missing)

    async def _put(self, channel_id: str, vod_id: str, path: str, data: bytes) -> ArchivedObject:
        place = address.vod(channel_id, vod_id, path)
        await self._objects.put(place, data)
        return ArchivedObject(address=place, size=len(data), sha256=sha256(data).hexdigest())


def without(recording: Recording, missing: Iterable[str]) -> Recording | None:
    """A recording without some live objects; None where nothing is left. Its numbers stay."""
    gone = set(missing)
    if not gone:
        return recording
    tracks = [track for found in recording.tracks if (track := _track_without(found, gone)).pieces]
    return replace(recording, tracks=tuple(tracks)) if tracks else None


def _track_without(track: Track, gone: set[str]) -> Track:
    inits = tuple(init for init in track.inits if init.address not in gone)
    playable = {init.discontinuity for init in inits}
    pieces = tuple(piece for piece in track.pieces if piece.address not in gone and piece.discontinuity in playable)
    return replace(track, inits=inits, pieces=pieces)


def _archived_names(recording: Recording, source: Track, init: Init, piece: Piece) -> Sequence[str]:
    folder = address.vod(recording.channel_id, address.vod_id(recording.session_id), source.folder)
    return f"{folder}/{init.name}", f"{folder}/{address.vod_segment(recording.number(piece))}"


def revised(made: Made, former: VodArchived, about: About, cause: str | None = None) -> VodArchived:
    """What tells of a VOD's next revision."""
    fresh = event(made, about, former.vod_id, former.revision + 1, former.retention_days)
    return replace(fresh, duration_ms=former.duration_ms, started_at=former.started_at, causation_id=cause)


def event(made: Made, about: About, vod_id: str, revision: int, retention_days: int) -> VodArchived:
    """What tells of a VOD."""
    recording = made.table.recording
    return VodArchived(
        event_id=address.vod_event_id(vod_id, f"revision-{revision}"),
        correlation_id=about.session_id,
        causation_id=about.ended_by or None,
        channel_id=about.channel_id,
        vod_id=vod_id,
        session_id=about.session_id,
        revision=revision,
        login=about.login,
        tier=about.tier,
        retention_days=retention_days,
        title=about.title,
        category=about.category,
        language=about.language,
        started_at=recording.lead[0].began_us,
        ended_at=about.ended_at or 0,
        duration_ms=round(recording.seconds * 1_000),
        width=about.width,
        height=about.height,
        frame_rate=about.frame_rate,
        renditions=tuple(track.rendition for track in recording.tracks),
        segments=sum(len(track.pieces) for track in recording.tracks),
        size=made.size,
        documents=made.documents,
    )
