"""What has been handed in and not been answered yet, by channel: the backlog that enters the chat view as a fact."""

from collections.abc import Iterator
from typing import NamedTuple

MOST = 100_000
"""Messages that may wait, some 200 bytes each: as many as may wait for the broker (streams/log_kafka.py), where each has a second record
for its user's pace. What the chat view decides in a second divides it: no answer takes longer than that, however much is offered."""
AGE_S = 600.0
"""After so long no answer comes any more (a dead letter has none). Twice the longest overload that is planned for."""


class Backlog(NamedTuple):
    """How far a channel is behind."""

    channel_id: str
    waiting: int
    oldest_s: float


class Waiting:
    """Times are seconds of a steady clock, given by the caller."""

    def __init__(self) -> None:
        self._channels: dict[str, dict[str, float]] = {}
        """By channel and id the time of handing in, oldest first."""
        self._channel_of: dict[str, str] = {}
        """By id, oldest first."""

    def __len__(self) -> int:
        return len(self._channel_of)

    @property
    def full(self) -> bool:
        """Whether no more may wait."""
        return len(self._channel_of) >= MOST

    def add(self, message_id: str, channel_id: str, now: float) -> None:
        """A message was handed in."""
        self._channel_of[message_id] = channel_id
        self._channels.setdefault(channel_id, {})[message_id] = now

    def remove(self, message_id: str) -> float | None:
        """It was answered: when it was handed in; None where it does not wait here."""
        channel_id = self._channel_of.pop(message_id, None)
        if channel_id is None:
            return None
        channel = self._channels[channel_id]
        since = channel.pop(message_id)
        if not channel:
            del self._channels[channel_id]
        return since

    def sweep(self, now: float) -> int:
        """Gives up what waits for too long; how many."""
        old = [message_id for channel in self._channels.values() for message_id in _older(channel, now - AGE_S)]
        for message_id in old:
            self.remove(message_id)
        return len(old)

    def backlogs(self, now: float) -> Iterator[Backlog]:
        """Of every channel where something waits."""
        for channel_id, channel in self._channels.items():
            yield Backlog(channel_id, len(channel), now - next(iter(channel.values())))


def _older(channel: dict[str, float], than: float) -> Iterator[str]:
    for message_id, since in channel.items():
        if since > than:
            return
        yield message_id
