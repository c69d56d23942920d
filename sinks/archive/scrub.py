"""Looks after what is archived: every object is read and held against its hash, what can be made again is made again, the rest is named."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from msgspec.structs import replace

from processors.vod.documents import SEGMENTS, Table, Thumbnail, read_table
from processors.vod.pictures import shots
from processors.vod.recording import SOURCE, Init, Piece, Recording, archived, in_folders
from schemas.events import VodArchived
from schemas.wire import Codec
from sinks.archive.look import Look, Report
from sinks.archive.making import Made, Maker, revised
from sinks.archive.renditions import filled, remade, with_pieces
from sinks.archive.session import recorded
from sinks.archive.vods import Vod
from streams.log import Source
from streams.media import address
from streams.objects import ObjectMissingError, Objects
from streams.objects_tiered import TieredObjects


class Scrub:
    """Reads VODs through, one at a time."""

    def __init__(self, log: Source, codec: Codec, objects: TieredObjects, *, mend: bool = True) -> None:
        """`mend`: whether what is wrong is made again, or only named."""
        self._log = log
        self._codec = codec
        self._objects = objects
        self._mend = mend

    async def look(self, vod: Vod) -> Report:
        """One VOD, whole."""
        look = _Look(self._objects.at(vod.storage), vod)
        table = await self._table(look)
        if table is None:
            return look.report()
        recording = await self._media(look, table.recording)
        thumbnails = await self._thumbnails(look, recording, table.thumbnails)
        fresh = Table(recording, thumbnails)
        changed = fresh != table
        made = await self._documents(look, fresh, vod.archived.revision + changed)
        event = revised(made, vod.archived, vod.about) if changed and made is not None else None
        await look.orphans(vod.address(), _named(vod, fresh, event or vod.archived))
        return look.report(event)

    async def _table(self, look: "_Look") -> Table | None:
        """The table, or one made again from the log: the same events give the same table."""
        place, vod = look.vod.address(SEGMENTS), look.vod.archived
        document = next((one for one in vod.documents if one.address == place), None)
        data = await look.read(place, document.sha256 if document is not None else "")
        if data is not None:
            return read_table(data)
        recorder = recorded(self._log, self._codec, vod.channel_id, vod.session_id, vod.started_at)
        recording = recorder.recording()
        if recording is None or not self._mend:
            look.lost(place)
            return None
        recording = in_folders(recording, _source_folder(vod))
        thumbnails = await look.maker.thumbnails(recording, vod.vod_id)
        look.mended(place, "from the log")
        return Table(recording, thumbnails)

    async def _media(self, look: "_Look", recording: Recording) -> Recording:
        """Initialisation segments and segments; those of renditions are made again from the source's."""
        vod_id = look.vod.vod_id
        bad: list[tuple[str, str]] = []
        for place, live, _, digest in archived(recording, vod_id):
            if await look.read(place, digest) is None and not await self._relink(look, place, live, digest):
                bad.append((place, digest))
        wrong = {place for place, _ in bad}
        for track in recording.tracks:
            fresh = []
            for piece in track.pieces:
                place = look.vod.address(f"{track.folder}/{address.vod_segment(recording.number(piece))}")
                if place not in wrong:
                    continue
                made = await self._again(look, recording, track.rendition, piece, wrong)
                if made is None:
                    look.lost(place)
                else:
                    fresh.append(made)
                    look.mended(place, "from the source")
            for init in track.inits:
                place = look.vod.address(f"{track.folder}/{init.name}")
                if place in wrong:
                    look.lost(place)
            if fresh:
                recording = with_pieces(recording, track.rendition, fresh)
        return await self._gaps(look, recording) if self._mend else recording

    async def _gaps(self, look: "_Look", recording: Recording) -> Recording:
        """What a rendition never had, for its encoder came late or was away, is made now."""
        for track in recording.tracks:
            if track.kind != "video" or track.rendition == SOURCE:
                continue
            had = {piece.media_sequence for piece in track.pieces}
            recording = await filled(look.objects, recording, look.vod.vod_id, track.rendition)
            now = recording.track(track.rendition)
            for piece in now.pieces if now is not None else ():
                if piece.media_sequence not in had:
                    look.mended(look.vod.address(f"{track.folder}/{address.vod_segment(recording.number(piece))}"), "from the source")
        return recording

    async def _relink(self, look: "_Look", place: str, live: str, digest: str) -> bool:
        """While the live object is there and sound, it is the archive's too."""
        if not self._mend or not live:
            return False
        try:
            data = await look.objects.get(live)
        except ObjectMissingError:
            return False
        if sha256(data).hexdigest() != digest:
            return False
        await look.objects.link(live, place)
        look.mended(place, "from the live object")
        return True

    async def _again(self, look: "_Look", recording: Recording, rendition: str, piece: Piece, wrong: set[str]) -> Piece | None:
        """A rendition's segment from the source's, written where it belongs."""
        source = recording.track(SOURCE)
        own = recording.track(rendition)
        if not self._mend or rendition in {SOURCE, "audio"} or source is None or own is None:
            return None
        origin = next((one for one in source.pieces if one.media_sequence == piece.media_sequence), None)
        head = next((one for one in source.inits if one.discontinuity == piece.discontinuity), None)
        target = next((one for one in own.inits if one.discontinuity == piece.discontinuity), None)
        if origin is None or head is None or target is None:
            return None
        folder = look.vod.address(source.folder)
        names = (f"{folder}/{head.name}", f"{folder}/{address.vod_segment(recording.number(origin))}")
        if wrong.intersection(names):
            return None
        init, data = [await look.objects.get(name) for name in names]
        fresh = await remade(init, head, origin, data, rendition)
        if fresh is None or not _same_init(fresh.declared.init, target):
            return None
        await look.objects.put(look.vod.address(f"{own.folder}/{address.vod_segment(recording.number(piece))}"), fresh.data)
        return replace(fresh.piece, event_id=piece.event_id, address="", discontinuity=piece.discontinuity)

    async def _thumbnails(self, look: "_Look", recording: Recording, known: Sequence[Thumbnail]) -> tuple[Thumbnail, ...]:
        by_path = {address.vod_thumbnail(shot.interval): shot for shot in shots(recording)}
        found = []
        for thumbnail in known:
            place = look.vod.address(thumbnail.path)
            data = await look.read(place, thumbnail.sha256)
            if data is None:
                shot = by_path.get(thumbnail.path)
                data = await look.maker.shoot(recording, shot.piece) if shot is not None and self._mend else None
                if data is None:
                    look.lost(place)
                    found += [] if self._mend else [thumbnail]
                    continue
                await look.objects.put(place, data)
                look.mended(place, "from the source")
            found.append(Thumbnail(thumbnail.path, len(data), sha256(data).hexdigest()))
        return tuple(found)

    async def _documents(self, look: "_Look", table: Table, revision: int) -> Made | None:
        """Playlists, sprites and metadata: all are written again where one is wrong or the table changed."""
        vod = look.vod
        bad = [one.address for one in vod.archived.documents if await look.read(one.address, one.sha256) is None]
        changed = revision != vod.archived.revision
        if not (bad or changed) or not self._mend:
            for place in bad:
                look.lost(place)
            return None
        made = await look.maker.documents(table, vod.about, vod.vod_id, revision)
        same = {one.address: one.sha256 for one in made.documents}
        before = {one.address: one.sha256 for one in vod.archived.documents}
        for place in bad:
            if changed or same.get(place) == before[place]:
                look.mended(place, "from the table")
            else:
                look.lost(place)
        return made


class _Look(Look):
    """What is read of a VOD."""

    def __init__(self, objects: Objects, vod: Vod) -> None:
        super().__init__(objects, vod.vod_id)
        self.vod = vod
        self.maker = Maker(objects)


def _named(vod: Vod, table: Table, event: VodArchived) -> Iterator[str]:
    """Addresses of all objects of a VOD: the event names the documents, they the rest."""
    yield from (place for place, _, _, _ in archived(table.recording, vod.vod_id))
    yield from (vod.address(thumbnail.path) for thumbnail in table.thumbnails)
    yield from (document.address for document in event.documents)


def _same_init(made: bytes, archived_init: Init) -> bool:
    """Whether a segment goes with the initialisation segment that the archive has: the decoder is set up by that."""
    return sha256(made).hexdigest() == archived_init.sha256


def _source_folder(vod: VodArchived) -> str:
    """The folder in which an archived source lies: VODs of former times have it under its own name."""
    folders = {one.address.split("/")[2] for one in vod.documents if one.address.endswith("/iframes.m3u8")}
    return min(folders - set(vod.renditions), default=SOURCE)
