"""The ingest nodes in memory, who was sent to them, and to which edges viewers were led. Folded from the log by `views.Views`."""

from collections import Counter, defaultdict
from collections.abc import Callable

from schemas.event import Event
from schemas.events import EdgeAssigned, IngestAssigned, IngestNode
from streams.fold import At
from streams.topics import OF_EVENT

NODES, DECISIONS = OF_EVENT[IngestNode].name, OF_EVENT[IngestAssigned].name
TOPICS = (NODES, DECISIONS)
LED_MS = 24 * 3_600_000
"""How far back it matters where viewers were led to: a day has each region's evening."""
COMING_US = 60_000_000
"""Somebody who was given a node begins within a minute, or later by himself."""


class Routes:
    """All nodes."""

    def __init__(self, live: Callable[[str], bool]) -> None:
        """`live` says whether a channel is on: it is then counted by its node."""
        self._live = live
        self._nodes: dict[str, IngestNode] = {}
        self._coming: dict[str, IngestAssigned] = {}
        """By channel its newest decision."""
        self._led: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def apply(self, event: Event, at: At) -> None:
        """Takes an event in."""
        if isinstance(event, IngestNode):
            self._nodes[event.node_id] = event
        elif isinstance(event, IngestAssigned):
            self._coming.pop(event.channel_id, None)
            self._coming[event.channel_id] = event
        elif isinstance(event, EdgeAssigned) and event.node_id:
            self._led[event.channel_id][event.node_id] += 1

    def deleted(self, node_id: str) -> None:
        """A node is no more."""
        self._nodes.pop(node_id, None)

    def node(self, node_id: str) -> IngestNode | None:
        """A node by its id."""
        return self._nodes.get(node_id)

    def nodes(self) -> list[IngestNode]:
        """All of them."""
        return list(self._nodes.values())

    def led(self, channel_id: str) -> Counter[str]:
        """By edge the viewers of a channel that were led to it, of the last day and since the start."""
        return self._led.get(channel_id) or Counter()

    def given(self, now_us: int) -> Counter[str]:
        """By node the channels that were sent to it and are not on yet."""
        while self._coming:
            channel_id, oldest = next(iter(self._coming.items()))
            if now_us - oldest.occurred_at <= COMING_US:
                break
            del self._coming[channel_id]
        return Counter(each.node_id for channel_id, each in self._coming.items() if not self._live(channel_id))
