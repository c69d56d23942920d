"""A part of a log, as another process or another time would find it."""

from streams.log_memory import MemoryLog
from streams.reading import whole


def topics_of(log: MemoryLog, *topics: str) -> MemoryLog:
    """A log that has these topics alone, record by record at their places."""
    copy = MemoryLog()
    for topic in topics:
        for record in whole(log, topic):
            copy.append(topic, record.key, record.value, headers=record.headers, timestamp=record.timestamp, partition=record.partition)
    return copy
