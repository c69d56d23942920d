"""What a client missed, read from the log beside the event loop."""

import asyncio

from schemas.wire import Codec
from sinks.chat.recent import Recent
from streams.log import Source
from streams.repeats import Repeats

READERS = 2
"""Readings at once: each may hold some 30 MB, and takes time from the loop."""


class MissedGoneError(Exception):
    """The log no longer begins where the client was."""

    def __init__(self, start: int) -> None:
        super().__init__(f"the log begins at {start}")
        self.start = start


class Missed:
    """Bounded readings of the chat topic."""

    def __init__(self, log: Source, codec: Codec, topic: str) -> None:
        self._log = log
        self._codec = codec
        self._topic = topic
        self._turns = asyncio.Semaphore(READERS)

    async def read(self, channel_id: str, partition: int, after: int, end: int) -> Recent:
        """A channel's events behind offset `after` up to and with `end`, without those taken away by later ones among them.

        Raises:
            MissedGoneError: retention has passed `after`.
            StreamingError, SchemaError: the log, the registry or the keys do not answer.
        """
        async with self._turns:
            return await asyncio.to_thread(self._read, channel_id, partition, after, end)

    def _read(self, channel_id: str, partition: int, after: int, end: int) -> Recent:
        """Begins with the record at `after`: its source says which of the following repeat what the client has."""
        start = self._log.starts_at(self._topic, None)[partition]
        if after < start and not (after == -1 and start == 0):
            raise MissedGoneError(start)
        repeats, found, key = Repeats(), Recent(after), channel_id.encode()
        for batch in self._log.read(self._topic, partition, max(after, 0), end + 1):
            for record in batch:
                if repeats.fresh(record) and record.offset > after and record.key == key and record.value is not None:
                    found.add(record.offset, self._codec.decode(record.value))
        return found
