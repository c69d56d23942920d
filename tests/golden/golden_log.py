"""The golden log: a million events, the same for ever, as a source that replays read. `python -m tests.golden.golden_log` pins it anew.

Its bytes are not stored: packed they would be 10 MB. They are made by a generator each time, and their digest is pinned beside those of
the views, so that a change of the generator, the codec or a schema is told apart from one of a fold.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from zlib import crc32

from infra.views import VIEWS
from schemas.avro_schema import Schema, identity
from schemas.contract import subjects
from schemas.events import Tick
from schemas.registry import LocalRegistry, preload
from schemas.wire import Codec
from streams.fold import Fold
from streams.log import Record
from streams.outputs import view_name
from streams.replay.bounded import replay
from streams.replay.partition import Connection, Plan
from streams.topics import CATALOGUE, CHANNEL_PARTITIONS, key_of
from tests.golden.golden_events import events

PINS = Path(__file__).with_name("golden_log.json")
COUNTS = {
    "media.capacity.commands.v1": 100_000,
    "media.stream.events.v1": 300_000,
    "media.segment.events.v1": 600_000,
}
"""Events by topic; each partition has the same number."""
BATCH = 500
Digests = dict[str, str | None]


class GoldenLog:
    """A source whose records are made when they are read."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        """From the start alone: an event follows from all before it."""
        assert start == 0
        batch: list[Record] = []
        for offset, event in enumerate(events(topic, partition, end)):
            key = b"" if isinstance(event, Tick) else key_of(event).encode()
            batch.append(Record(topic, partition, offset, key, self._codec.encode(topic, event), (), event.occurred_at // 1_000))
            if len(batch) == BATCH:
                yield batch
                batch = []
        yield batch

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        """The beginning."""
        assert timestamp is None
        return dict.fromkeys(self.ends(topic), 0)

    def ends(self, topic: str) -> dict[int, int]:
        """As many as are declared."""
        return dict.fromkeys(range(CHANNEL_PARTITIONS), COUNTS[topic] // CHANNEL_PARTITIONS)


class ContentRegistry(LocalRegistry):
    """Ids by content: what a process registers first, and what the catalogue will hold one day, changes none."""

    def __init__(self) -> None:
        super().__init__()
        self._by_content: dict[int, Schema] = {}

    def register(self, subject: str, schema: Schema) -> int:
        number = crc32(identity(schema).encode()) >> 1  # ids are positive in 32 bits
        self._by_content[number] = schema
        return number

    def schema(self, id: int) -> Schema:  # noqa: A002
        return self._by_content[id]


@cache
def connect() -> Connection:
    registry = ContentRegistry()
    for topic in CATALOGUE:
        preload(registry, subjects(topic.name, (Tick, *topic.events)))
    codec = Codec(registry)
    return Connection(GoldenLog(codec), codec, registry)


FOLDS = [fold for fold in VIEWS.values() if fold.inputs[0] in COUNTS]


def content(topic: str) -> Digests:
    """Of a tenth of a topic's events: enough to tell other bytes from another fold."""
    ranges = {partition: range(end // 10) for partition, end in connect().source.ends(topic).items()}
    return {"content": replay(Plan(topic, ranges), connect, processes=1).content}


def folded(fold: Fold) -> Digests:
    """Of a view, over all events of its topic."""
    topic = fold.inputs[0]
    ranges = {partition: range(end) for partition, end in connect().source.ends(topic).items()}
    manifest = replay(Plan(topic, ranges, fold), connect, processes=2)
    assert manifest.records == COUNTS[topic]
    return {"rows": manifest.state, "outputs": manifest.outputs}


def pinned() -> dict[str, Digests]:
    """What is pinned, by topic and view."""
    found: dict[str, Digests] = json.loads(PINS.read_text())
    return found


if __name__ == "__main__":
    found = {topic: content(topic) for topic in COUNTS} | {view_name(fold): folded(fold) for fold in FOLDS}
    PINS.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(PINS.read_text())
