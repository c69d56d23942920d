"""What an earlier process of this node left open, read from the log: sessions without an end."""

from dataclasses import dataclass, field

from schemas.event import Event
from schemas.events import media as e
from schemas.wire import Codec
from streams.edges.ingest.config import IngestConfig
from streams.edges.ingest.segmenter import Place
from streams.fold import At, Clock
from streams.follower import Follower
from streams.log import Log

MARGIN_S = 60.0
"""Read further back than the grace period: declarations come every 16 s, and a process needs some time to start."""
TOPICS = ("media.stream.events.v1", "media.segment.events.v1")


@dataclass
class Found:
    """A session that has no end on the log."""

    session_id: str
    place: Place = field(default_factory=lambda: Place(None, 0, 0))
    since_us: int = 0
    """Time of the newest event of it."""
    interrupted: bool = False
    """Whether its interruption is on the log."""


class Recovery:
    """Reads the last minutes of the log once."""

    def __init__(self, log: Log, codec: Codec, config: IngestConfig, clock: Clock) -> None:
        self._node = config.node
        since_us = clock() - round(1e6 * (config.grace_s + MARGIN_S))
        self._follower = Follower(log, codec, TOPICS, self._apply, since_us // 1_000)
        self._found: dict[str, Found] = {}
        self._ended: set[str] = set()

    async def find(self) -> dict[str, Found]:
        """Open sessions by channel."""
        await self._follower.start()
        await self._follower.close()
        return {
            channel_id: found
            for channel_id, found in self._found.items()
            if found.session_id not in self._ended and found.place.start_us is not None
        }

    def _apply(self, event: Event, _at: At) -> None:
        if event.producer != self._node:
            return  # transcoded, or another node's
        match event:
            case e.StreamEnded():
                self._ended.add(event.session_id)
            case e.StreamInterrupted():
                found = self._of(event)
                found.interrupted = True
            case e.StreamStarted() | e.StreamResumed():
                self._of(event).interrupted = False
            case e.PartProduced():
                self._media(event)

    def _of(self, event: e.StreamInterrupted | e.StreamStarted | e.StreamResumed | e.PartProduced) -> Found:
        """The channel's session; the topics are not read in the order of time, so the newer session stays."""
        found = self._found.get(event.channel_id)
        if found is None or (found.session_id != event.session_id and event.occurred_at > found.since_us):
            found = self._found[event.channel_id] = Found(event.session_id)
        elif found.session_id != event.session_id:
            return Found(event.session_id)
        found.since_us = max(found.since_us, event.occurred_at)
        return found

    def _media(self, part: e.PartProduced) -> None:
        found = self._of(part)
        place = found.place
        place.start_us = part.programme_date_time - part.decode_time * 1_000_000 // part.timescale
        place.media_sequence = max(place.media_sequence, part.media_sequence + 1)
        place.discontinuity_sequence = max(place.discontinuity_sequence, part.discontinuity_sequence + 1)
        place.floor_ms = max(place.floor_ms, -(-1_000 * (part.decode_time + part.duration) // part.timescale))
