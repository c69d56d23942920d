"""The log, and what its retention has cut for those alone who ask for something that old: most never open the lake."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from streams.log import Record, Source
from streams.log_joined import JoinedLog


class DeepLog:
    """Reads the log, and below its start the lake."""

    def __init__(self, log: Source, lake: Callable[[], Source]) -> None:
        """`lake` opens it, when it is first needed: Arrow takes half a second to import, and 60 MB."""
        self._log = log
        self._open = lake

    @cached_property
    def _joined(self) -> JoinedLog:
        return JoinedLog(self._log, self._open())

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The records from offset `start` up to but not including `end`, in batches, without a gap.

        Raises:
            MissingRangeError: part of the range is on the log no more, and was never landed.
        """
        if start >= self._log.starts_at(topic, None)[partition]:
            return self._log.read(topic, partition, start, end)
        return self._joined.read(topic, partition, start, end)

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        """As the joined log's for a time, and the log's own start for None. Where the log has a record from before that time it has all
        from then on, and the lake is not asked.
        """
        kept, found = self._log.starts_at(topic, None), self._log.starts_at(topic, timestamp)
        if all(offset > kept[partition] or not kept[partition] for partition, offset in found.items()) or timestamp is None:
            return found
        return self._joined.starts_at(topic, timestamp)

    def ends(self, topic: str) -> dict[int, int]:
        """Per partition the offset that the next record will get."""
        return self._log.ends(topic)
