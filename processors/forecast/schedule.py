"""What is planned: entries in the order in which they begin."""

from collections.abc import Iterator

import msgspec

from processors.transcode.ladder import Source, ladder
from processors.transcode.scheduler import QUARTER_US
from schemas.events import StreamScheduled
from streams.fold import Rows, Table


class Entry(msgspec.Struct, frozen=True):
    """A planned stream, or several of a kind, under its place in the order."""

    schedule_id: str
    ends_at: int
    """Event time, microseconds."""
    load: float
    """What its ladders take, megapixels a second."""


class Place(msgspec.Struct, frozen=True):
    """Where an entry stands in the order, under its id."""

    key: str


ENTRIES = Table("entries", Entry)
PLACES = Table("places", Place)


class Schedule:
    """The entries of a region; asking for a moment looks at what runs then and at what has not been taken away, not at what comes later."""

    def __init__(self, rows: Rows) -> None:
        self._entries = rows[ENTRIES]
        self._places = rows[PLACES]

    def put(self, event: StreamScheduled) -> None:
        """Adds an entry, or changes it; one that ends before it begins is none."""
        self.drop(event.schedule_id)
        if event.ends_at <= event.starts_at:
            return
        renditions = ladder(event.tier, Source(event.width, event.height, event.frame_rate))
        load = max(0, event.streams) * sum(rendition.load for rendition in renditions)
        key = f"{max(0, event.starts_at):020d} {event.schedule_id}"
        self._entries[key] = Entry(event.schedule_id, event.ends_at, load)
        self._places[event.schedule_id] = Place(key)

    def drop(self, schedule_id: str) -> None:
        """Takes an entry out."""
        if place := self._places.pop(schedule_id, None):
            del self._entries[place.key]

    def over(self, time: int) -> None:
        """Takes out what has ended by a time."""
        for entry in [entry for entry in self._until(time) if entry.ends_at <= time]:
            self.drop(entry.schedule_id)

    def load(self, quarter: int) -> float:
        """What is planned for any part of a quarter, megapixels a second."""
        begin = quarter * QUARTER_US
        return sum(entry.load for entry in self._until(begin + QUARTER_US) if entry.ends_at > begin)

    def _until(self, time: int) -> Iterator[Entry]:
        """Entries that begin before a time."""
        for key in self._entries:
            if int(key[:20]) >= time:
                break
            yield self._entries[key]
