"""Finds the recording that a clip is cut from: what the log has of a live stream around a moment, or an archived VOD's table."""

import asyncio
from fractions import Fraction
from typing import NamedTuple

import msgspec

from processors.vod.documents import SEGMENTS, read_table
from processors.vod.recording import SOURCE, Recorder, Recording, named_as
from schemas.event import Event
from schemas.events import ClipRequested, SegmentProduced, VodArchived
from schemas.wire import Codec
from sinks.archive.session import as_archived, channel_events, segment_events
from sinks.archive.vods import TOPIC, Vod, Vods
from sinks.clips.footage import MissingFootageError, Span, length, span_from, span_until
from streams.fold import Clock
from streams.log import Source
from streams.media import address
from streams.objects import ObjectMissingError, Objects

DECLARED_US = 75_000_000
"""Before its first segment: a rendition is declared again every few segments, and a minute of the log has it."""
RECENT_US = 3_600_000_000
"""What is younger has its live names, which go two hours back."""
WAIT_S = 8.0
"""How long the end of a live clip is waited for: it is in a segment that is under way, of 2 s as a rule, and 6 s at most."""
LOOK_S = 0.25
"""Between two looks at the log."""


class Found(NamedTuple):
    """What a clip is cut from."""

    recording: Recording
    span: Span


class Collector:
    """Reads the log and the archive."""

    def __init__(self, log: Source, codec: Codec, objects: Objects, clock: Clock) -> None:
        self._log = log
        self._codec = codec
        self._objects = objects
        self._clock = clock

    async def find(self, asked: ClipRequested) -> Found:
        """The recording, and the stretch of it that was asked for.

        Raises:
            MissingFootageError: it is not there.
        """
        seconds = Fraction(asked.duration_ms, 1_000)
        if asked.source == "vod":
            recording = await self._archived(asked)
            return Found(recording, span_from(recording, Fraction(asked.offset_ms, 1_000), seconds))
        recording = await self._live(asked)
        if asked.ends_at - asked.duration_ms * 1_000 < self._clock() - RECENT_US:
            recording = await self._as_archived(recording)
        return Found(recording, span_until(recording, asked.ends_at, seconds))

    async def _archived(self, asked: ClipRequested) -> Recording:
        """The table of a VOD."""
        vod = await self._vod(asked.channel_id, asked.vod_id or "")
        if vod is None:
            raise MissingFootageError(f"there is no VOD {asked.vod_id!r} of this channel; it may have been deleted")
        return await self._table(vod.archived)

    async def _as_archived(self, recording: Recording) -> Recording:
        """A part of a session under the names that the archive has for it, now or once the session ends."""
        vod = await self._vod(recording.channel_id, address.vod_id(recording.session_id))
        if vod is None:
            return await asyncio.to_thread(as_archived, self._log, self._codec, recording)
        return named_as(recording, await self._table(vod.archived))

    async def _vod(self, channel_id: str, vod_id: str) -> Vod | None:
        vods = Vods()
        for event, at in await asyncio.to_thread(lambda: list(channel_events(self._log, self._codec, TOPIC, channel_id))):
            vods.apply(event, at)
        return vods.get(vod_id)

    async def _table(self, archived: VodArchived) -> Recording:
        table = next(one for one in archived.documents if one.address.endswith(SEGMENTS))
        try:
            return read_table(await self._objects.get(table.address)).recording
        except (ObjectMissingError, msgspec.DecodeError) as cause:
            raise MissingFootageError(f"the table of VOD {archived.vod_id} cannot be read: ./chronicast scrub mends it") from cause

    async def _live(self, asked: ClipRequested) -> Recording:
        """What the log has, once it reaches to the end of the clip; where the stream stops before, what there is by then."""
        since = asked.ends_at - asked.duration_ms * 1_000 - DECLARED_US
        until = self._clock() + round(WAIT_S * 1_000_000)
        while True:
            recording = await asyncio.to_thread(self._recorded, asked.channel_id, since, asked.ends_at)
            if recording is not None and _reaches(recording, asked.ends_at):
                return recording
            if self._clock() >= until:
                break
            await asyncio.sleep(LOOK_S)
        if recording is None:
            raise MissingFootageError("the channel was not live at that moment: ask for one at which it was")
        return recording

    def _recorded(self, channel_id: str, since: int, ends_at: int) -> Recording | None:
        """The session that was on at a moment, as far as it matters."""
        events: list[Event] = list(segment_events(self._log, self._codec, channel_id, since))
        before = [one for one in events if isinstance(one, SegmentProduced) and one.programme_date_time <= ends_at]
        if not before:
            return None
        session_id = max(before, key=lambda one: one.programme_date_time).session_id
        recorder = Recorder(channel_id, session_id)
        for event in events:
            recorder.add(event)
        recording = recorder.recording()
        return recording if recording is not None and recording.track(SOURCE) is not None else None


def _reaches(recording: Recording, ends_at: int) -> bool:
    track = recording.track(SOURCE)
    return track is not None and track.pieces[-1].began_us + length(track.pieces[-1]) * 1_000_000 >= ends_at
