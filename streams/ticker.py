"""Puts time on the log: a Tick a second in each partition of the topics that are declared `ticked`."""

from collections.abc import Iterable

import structlog

from schemas.events import Tick
from streams.errors import StreamingError
from streams.publisher import Publisher
from streams.topics import CATALOGUE, Topic

logger = structlog.get_logger()
INTERVAL_S = 1.0
"""What the catalogue promises to folds."""


class Ticker:
    """Appends Ticks when told to. One process of the system runs one."""

    def __init__(self, publisher: Publisher, catalogue: Iterable[Topic] = CATALOGUE) -> None:
        self._publisher = publisher
        self._places = tuple((topic.name, partition) for topic in catalogue if topic.ticked for partition in range(topic.partitions))

    def tick(self) -> None:
        """One Tick for each partition, without waiting. While the broker is away for long, seconds are left out."""
        for topic, partition in self._places:
            try:
                self._publisher.tick(Tick(), topic, partition)
            except StreamingError as cause:
                logger.warning("a second was left out", topic=topic, partition=partition, cause=str(cause))
