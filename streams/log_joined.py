"""Two logs as one: the lake up to where Kafka's retention has cut, Kafka from there on."""

from collections.abc import Iterator, Sequence

from streams.log import Record, Source


class JoinedLog:
    """Reads what is in either. A compacted topic's superseded records are in neither above the log's start."""

    def __init__(self, log: Source, lake: Source) -> None:
        self._log = log
        self._lake = lake

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The records from offset `start` up to but not including `end`, in batches, without a gap. Retention may go on meanwhile.

        Raises:
            MissingRangeError: part of the range is on the log no more, and was never landed.
        """
        at = start
        while at < end:
            kept = self._log.starts_at(topic, None)[partition]
            if at < kept:
                yield from self._lake.read(topic, partition, at, min(end, kept))
                at = min(end, kept)
            for batch in self._log.read(topic, partition, at, end) if at < end else ():
                if batch[0].offset > at and self._log.starts_at(topic, None)[partition] > at:
                    break  # the log's start has passed us: the lake has what is missing
                yield batch
                at = batch[-1].offset + 1
            else:
                at = end

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        """Per partition the first offset, in the lake or on the log, whose timestamp (ms) is at or past the given one; the first
        there is for None.
        """
        kept = self._log.starts_at(topic, None)
        landed = self._lake.starts_at(topic, timestamp)
        ends = self._lake.ends(topic)
        # A partition of which nothing has been landed, or nothing as late as that, begins on the log.
        early = {partition: offset for partition, offset in landed.items() if offset < min(kept[partition], ends[partition])}
        late = kept if timestamp is None else self._log.starts_at(topic, timestamp)
        return {**late, **early}

    def ends(self, topic: str) -> dict[int, int]:
        """Per partition the offset that the next record will get."""
        return self._log.ends(topic)
