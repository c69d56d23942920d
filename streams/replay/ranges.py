"""Which records a replay is of: bounds by offset or time, made into offsets of each partition."""

from collections.abc import Collection
from typing import NamedTuple

from streams.errors import StreamingError
from streams.log import Source


class Moment(NamedTuple):
    """A bound by time: the first record of each partition whose timestamp is at or past it."""

    ms: int
    """Milliseconds since 1970."""


Bound = int | Moment | None
"""An offset, the same in each partition; a time; None is the log's own start or end."""


class OutOfRangeError(StreamingError):
    """The records that were asked for are not there.

    Operator action: the message says what is there; what has left Kafka may be in the lake.
    """


def ranges(source: Source, topic: str, start: Bound, end: Bound, partitions: Collection[int] = ()) -> dict[int, range]:
    """The offsets [start, end) of each partition, or of the given ones alone.

    Raises:
        OutOfRangeError: an offset lies before the log's start or behind its end, or there is no such partition.
        UnknownTopicError: there is no such topic.
    """
    first, last = source.starts_at(topic, None), source.ends(topic)
    if absent := set(partitions) - set(first):
        raise OutOfRangeError(f"{topic} has partitions {min(first)} to {max(first)}, not {', '.join(map(str, sorted(absent)))}")
    starts = _offsets(source, topic, start, first)
    ends = _offsets(source, topic, end, last)
    found = {}
    for partition in sorted(partitions or first):
        low, high = starts[partition], ends[partition]
        if low < first[partition] or high > last[partition]:
            raise OutOfRangeError(
                f"offsets {low} to {high} of {topic}/{partition} were asked for, and {first[partition]} to {last[partition]} are there"
            )
        found[partition] = range(low, max(low, high))
    return found


def _offsets(source: Source, topic: str, bound: Bound, default: dict[int, int]) -> dict[int, int]:
    """A bound's offset in each partition."""
    if bound is None:
        return default
    if isinstance(bound, Moment):
        return source.starts_at(topic, bound.ms)
    return dict.fromkeys(default, bound)
