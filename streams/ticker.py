"""Puts time on the log: Ticks in each partition of the topics that are declared `ticked`, a second apart or as they say."""

from collections.abc import Iterable

import structlog

from schemas.events import Tick
from streams.errors import StreamingError
from streams.publisher import Publisher
from streams.topics import CATALOGUE, Topic

logger = structlog.get_logger()
INTERVAL_S = 1.0
"""What the catalogue counts `tick_s` in."""


class Ticker:
    """Appends Ticks when told to, once a second. One process of the system runs one."""

    def __init__(self, publisher: Publisher, catalogue: Iterable[Topic] = CATALOGUE) -> None:
        self._publisher = publisher
        self._topics = tuple(topic for topic in catalogue if topic.ticked)
        self._seconds = 0

    def tick(self) -> None:
        """One Tick for each partition that is due, without waiting. While the broker is away for long, seconds are left out."""
        for topic in self._topics:
            if self._seconds % topic.tick_s == 0:
                self._tick(topic)
        self._seconds += 1

    def _tick(self, topic: Topic) -> None:
        for partition in range(topic.partitions):
            try:
                self._publisher.tick(Tick(), topic.name, partition)
            except StreamingError as cause:
                logger.warning("a second was left out", topic=topic.name, partition=partition, cause=str(cause))
