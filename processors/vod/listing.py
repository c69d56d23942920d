"""A recording as the playlists list it: a VOD's own names, or the live objects' addresses."""

from collections.abc import Iterator
from itertools import pairwise

from processors.playlist.state import Declared, Segment
from processors.playlist.text import MEDIA
from processors.playlist.window import Entry, Listing
from processors.vod.recording import Init, Piece, Recording, Track
from streams.media import address


def vod_listings(recording: Recording) -> list[Listing]:
    """Every rendition, with names relative to its folder in the archive and numbers from 1."""
    return [_Lister(recording, track, archived=True).listing() for track in recording.tracks]


def live_listings(recording: Recording) -> list[Listing]:
    """Every rendition, with the live objects' addresses and media sequence numbers."""
    return [_Lister(recording, track, archived=False).listing() for track in recording.tracks]


class _Lister:
    """Makes one rendition's listing."""

    def __init__(self, recording: Recording, track: Track, *, archived: bool) -> None:
        self._recording = recording
        self._track = track
        self._archived = archived

    def listing(self) -> Listing:
        """From the recording's first segment to its last, gaps included; a live one begins where the rendition does."""
        inits = {init.discontinuity: self._declared(init) for init in self._track.inits}
        entries = tuple(self._entries())
        folder, name = ("", self._track.folder) if self._archived else (MEDIA, self._track.rendition)
        return Listing(name, inits[self._track.inits[-1].discontinuity], inits, entries, None, alive=True, folder=folder)

    def _entries(self) -> Iterator[Entry]:
        own = {piece.media_sequence: piece for piece in self._track.pieces}
        lead = {piece.media_sequence: piece for piece in self._recording.lead}
        for media_sequence in self._numbers():
            piece, other = own.get(media_sequence), lead.get(media_sequence)
            place = self._address(media_sequence) if piece is None or self._archived else piece.address
            segment = None if piece is None else _segment(piece, place)
            reference = segment or (None if other is None else _segment(other, place))
            yield Entry(self._number(media_sequence), segment, reference, place)

    def _numbers(self) -> Iterator[int]:
        """Media sequence numbers in order. What was lost where a publisher broke off takes no time in a VOD, as his absence takes none."""
        pieces = self._recording.lead if self._archived else self._track.pieces  # what follows the latter may be on its way
        for before, after in pairwise(pieces):
            yield before.media_sequence
            if not self._archived or before.discontinuity == after.discontinuity:
                yield from range(before.media_sequence + 1, after.media_sequence)
        yield pieces[-1].media_sequence

    def _number(self, media_sequence: int) -> int:
        return media_sequence - self._recording.first + 1 if self._archived else media_sequence

    def _address(self, media_sequence: int) -> str:
        if self._archived:
            return address.vod_segment(self._number(media_sequence))
        return address.segment(self._recording.channel_id, self._recording.session_id, self._track.rendition, media_sequence)

    def _declared(self, init: Init) -> Declared:
        return Declared(
            session_id=self._recording.session_id,
            rendition=self._track.rendition,
            discontinuity=init.discontinuity,
            kind=self._track.kind,
            codecs=init.codecs,
            width=init.width,
            height=init.height,
            frame_rate=init.frame_rate,
            channels=init.channels,
            bit_rate=self._track.bit_rate,
            part_target_us=0,
            segment_target_us=init.target_us,
            timescale=init.timescale,
            address=init.name if self._archived else init.address,
        )


def _segment(piece: Piece, place: str) -> Segment:
    return Segment(
        media_sequence=piece.media_sequence,
        decode_time=piece.decode_time,
        duration=piece.duration,
        timescale=piece.timescale,
        began_us=piece.began_us,
        independent=piece.independent,
        discontinuity=piece.discontinuity,
        whole=True,
        address=place,
        size=piece.size,
        key_frame_bytes=piece.key_frame_bytes,
    )
