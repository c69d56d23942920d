"""Input of a run, drawn from its seed: lives of channels and regions with what goes wrong at edges, laid out on partitions."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from random import Random
from typing import NamedTuple

import msgspec

from schemas.event import Event
from schemas.events import Tick
from schemas.wire import Codec
from streams.keys import partition_for
from streams.log import Headers, Position, Record
from streams.publisher import Publisher
from streams.topics import CHANNEL_PARTITIONS

BEGIN_US = 1_700_000_000_000_000
LEAST, MOST = 20, 150
"""Events of a life; with junk, repeats and holes up to about 200 offsets. Short ones are likelier: more seeds find more."""
JUNK = (b"", b"junk", b"\0\0\0\0\1", b"\0\xff\xff\xff\xffbody", b"\1\0\0\0\1")
"""Values that are no event: empty, of another format, cut off, of a schema that nobody knows."""
LONG_KEY = b"k" * 65_535

Life = Callable[["Edges"], Iterator[Event]]


class Input(NamedTuple):
    """A record, and what the oracle knows of it without decoding."""

    record: Record
    event: Event | None
    """None for what cannot be decoded."""
    repeats: str | None = None
    """Position of the record of which this is a replay."""


class Workload(NamedTuple):
    """Input partitions by offset; None is a hole. Same length for all runs, whatever the faults."""

    topic: str
    partitions: dict[int, list[Input | None]]


class Edges:
    """Several edges with clocks that disagree: what a life's events are stamped by."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self._skew = [rng.randint(-5_000_000, 5_000_000) for _ in range(rng.randint(1, 3))]
        self._now = BEGIN_US
        self._count = 0

    def wait(self, most_us: int) -> None:
        """Time passes."""
        self._now += self.rng.randint(1, most_us)

    @property
    def now(self) -> int:
        """True time, microseconds."""
        return self._now

    def stamp(self, event: Event) -> Event:
        """The event with the envelope that one of the edges gives it; one in twenty comes late."""
        edge = self.rng.randrange(len(self._skew))
        late = self.rng.randint(0, 30_000_000) if self.rng.random() < 0.05 else 0
        self._count += 1
        return msgspec.structs.replace(
            event,
            event_id=f"{self._count:08x}",
            occurred_at=self._now + self._skew[edge] - late,
            producer=f"edge-{edge}",
            correlation_id=getattr(event, "session_id", f"{self._count:08x}"),
        )


class Collector:
    """Takes what the real Publisher appends, and lays it out."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.partitions: dict[int, list[Input | None]] = defaultdict(list)
        self.event: Event | None = None

    def append(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        *,
        headers: Headers = (),
        timestamp: int | None = None,
        partition: int | None = None,
    ) -> "Future[Position]":
        """Adds a record."""
        at = partition_for(key, CHANNEL_PARTITIONS) if partition is None else partition
        self.lay(Record(topic, at, 0, key, value, tuple(headers), timestamp or 0), self.event)
        return Future()

    def lay(self, record: Record, event: Event | None, repeats: str | None = None) -> None:
        """Adds a record at the end of its partition."""
        partition = self.partitions[record.partition]
        partition.append(Input(record._replace(offset=len(partition)), event, repeats))


def workload(topic: str, life: Life, seed: int, codec: Codec) -> Workload:
    """The input that a seed stands for."""
    rng = Random(f"workload {topic} {seed}")
    edges = Edges(rng)
    collector = Collector(topic)
    publisher = Publisher(collector, codec, "edge")  # type: ignore[arg-type]
    spoil = rng.choice((0.0, 0.05, 0.15))
    rest = LEAST + int((MOST - LEAST) * rng.random() ** 2)
    for event in life(edges):
        stamped = edges.stamp(event)
        for _ in range(2 if rng.random() < spoil else 1):  # an edge that sends again what was not acknowledged
            _publish(collector, publisher, stamped, rng)
            rest -= 1
        while rng.random() < spoil:
            _spoil(collector, rng)
        if rest <= 0:
            break
    return Workload(topic, dict(collector.partitions))


def _publish(collector: Collector, publisher: Publisher, event: Event, rng: Random) -> None:
    collector.event = event
    if isinstance(event, Tick):
        for partition in range(CHANNEL_PARTITIONS):
            if rng.random() < 0.9:  # a second may be left out, or come twice
                publisher.tick(event, collector.topic, partition)
    else:
        publisher.publish(event)


def _spoil(collector: Collector, rng: Random) -> None:
    """Puts something between the events that is none, or none that counts."""
    partition = rng.randrange(CHANNEL_PARTITIONS)
    known = [given for given in collector.partitions[partition] if given is not None]
    key = rng.choice(known).record.key if known else b"1"
    headers: Headers = (("trace", b"%d" % rng.randrange(100)),)
    match rng.choice(("junk", "junk", "tombstone", "hole", "key", "replay", "replay")):
        case "junk":
            collector.lay(Record(collector.topic, partition, 0, key, rng.choice(JUNK), headers, 5), None)
        case "tombstone":
            collector.lay(Record(collector.topic, partition, 0, key, None, headers, 5), None)
        case "hole":
            collector.partitions[partition] += [None] * rng.randint(1, 3)
        case "key" if known:
            given = rng.choice(known)
            collector.lay(given.record._replace(key=LONG_KEY), given.event)
        case "replay" if known:
            _replay(collector, rng, rng.choice(known), rng.choice(known))
        case _:
            pass


def _replay(collector: Collector, rng: Random, of: Input, mended: Input) -> None:
    """A record put back, mended or as it was; most were folded well, and then it must not count again."""
    source = f"{of.record.topic}/{of.record.partition}/{of.record.offset}"
    value, event = (mended.record.value, mended.event) if rng.random() < 0.5 else (of.record.value, of.event)
    headers = (*of.record.headers, ("x-replayed-from", source.encode()))
    collector.lay(of.record._replace(value=value, headers=headers), event, source)


def spread(rng: Random, workload: Workload, seconds: float) -> list[tuple[float, int, int]]:
    """When the input becomes visible: (time, partition, offset up to which). Some is there from the start."""
    arrivals = []
    bursts = rng.choice((1, 4, 12))
    for partition, inputs in workload.partitions.items():
        times = sorted(rng.uniform(0, seconds) if rng.random() < 0.8 else 0.0 for _ in range(bursts))
        ends = sorted(rng.randint(0, len(inputs)) for _ in range(bursts - 1))
        arrivals += [(at, partition, end) for at, end in zip(times, [*ends, len(inputs)], strict=True)]
    return sorted(arrivals)


def weighted(rng: Random, choices: Mapping[str, int]) -> str:
    """One of some names, by weight."""
    return rng.choices(list(choices), list(choices.values()))[0]
