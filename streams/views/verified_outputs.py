"""Whether the outputs that a view must have made are on the log: each there, with the same id and bytes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b

import msgspec

from schemas.errors import SchemaError
from schemas.wire import HEADER, Codec
from streams.fold import Fold
from streams.keys import partition_for
from streams.letters.letter import ERROR
from streams.log import Headers, Outgoing, Record
from streams.log import Source as Readable
from streams.outputs import SOURCE, view_name
from streams.reading import whole
from streams.topics import BY_NAME, OF_EVENT, PARTITIONS, dead_letters

HASH_BYTES = 8
"""Of an output's content: two of a million differ unseen once in ten million views."""
LETTER = -1
"""Index of a record's dead letter, which is no output of the fold."""

Source = tuple[int, int, int]
"""Input partition, input offset, index among the outputs."""


class OutputFault(msgspec.Struct, frozen=True):
    """An output that is not as it must be."""

    partition: int
    """Of the input."""
    offset: int
    """Of the input."""
    index: int
    """Among the event's outputs; -1 is its dead letter."""
    fault: str
    """lost, conflicting (the same id with other content), or unexpected (no event accounts for it)."""
    topic: str


class OutputsVerdict(msgspec.Struct, frozen=True):
    """What was found on the log."""

    expected: int
    repeats: int
    """Identical copies beyond the first: legal, and dropped by consumers."""
    faults: tuple[OutputFault, ...]
    """In the order of their inputs."""


class ExpectedOutputs:
    """Collects what a refold makes, in a few bytes each."""

    def __init__(self, fold: Fold) -> None:
        self._view = view_name(fold)
        self._input = fold.inputs[0]
        letters = dead_letters(self._input)
        self.topics: list[str] = [*dict.fromkeys(OF_EVENT[event].name for event in fold.outputs), letters]
        self._letters = letters
        self.made: dict[Source, tuple[int, int, int]] = {}
        """Source -> (hash of the content, number of the topic, partition there)."""
        self.since_ms: int | None = None
        """Earliest time of an output."""
        self._prefixes: set[bytes] = set()
        """Ids of the schemas that outputs are written with now."""

    def __call__(self, outputs: Sequence[Outgoing]) -> None:
        """Takes what a refold hands over."""
        for made in outputs:
            partition = partition_for(made.key, PARTITIONS[made.topic]) if made.partition is None else made.partition
            source = self.source(made.topic, made.headers)
            assert source is not None, f"an output of {self._view} without {SOURCE}"
            if made.value is not None and source[2] != LETTER:
                self._prefixes.add(made.value[: HEADER.size])
            self.made[source] = (_content(made._replace(partition=partition), source), self.topics.index(made.topic), partition)
            self.since_ms = min(made.timestamp or 0, made.timestamp or 0 if self.since_ms is None else self.since_ms)

    def source(self, topic: str, headers: Headers) -> Source | None:
        """Where one of the view's outputs came from; None for what is another's."""
        found = dict(headers)
        if topic == self._letters:
            if found.get(f"{ERROR}processor") != self._view.encode():
                return None
            return int(found[f"{ERROR}partition"]), int(found[f"{ERROR}offset"]), LETTER
        if found.get("ce_source") != self._view.encode() or SOURCE not in found:
            return None
        name, partition, offset, index = found[SOURCE].decode().split("/")
        return (int(partition), int(offset), int(index)) if name == self._input else None

    def current(self, record: Record, codec: Codec) -> bytes | None:
        """A record's value as this build writes it: one from before its schema's newest version is written anew."""
        if record.value is None or record.value[: HEADER.size] in self._prefixes:
            return record.value
        try:
            return codec.encode(record.topic, codec.decode(record.value))
        except SchemaError:
            return record.value


def verify_outputs(expected: ExpectedOutputs, log: Readable, codec: Codec, ranges: Mapping[int, tuple[int, int]]) -> OutputsVerdict:
    """Compares the outputs of input offsets in `ranges` (per partition: after the first, up to the second) with what is on the log.

    What an output topic's retention or compaction took away is not held against the view.
    """
    seen: set[Source] = set()
    faults: list[OutputFault] = []
    repeats = 0
    firsts: dict[tuple[int, int, int], Source] = {}
    """(topic, partition there, input partition) -> the earliest source that is still there."""
    for number, record in _records(expected, log):
        source = expected.source(record.topic, record.headers)
        if source is None or source[0] not in ranges:
            continue
        firsts.setdefault((number, record.partition, source[0]), source)
        after, up_to = ranges[source[0]]
        if not after < source[1] <= up_to:
            continue
        known = expected.made.get(source)
        if known is None:
            faults.append(OutputFault(*source, "unexpected", record.topic))
            continue
        value = record.value if source[2] == LETTER else expected.current(record, codec)
        said = Outgoing(record.topic, record.key, value, record.headers, record.timestamp, record.partition)
        if _content(said, source) != known[0]:
            faults.append(OutputFault(*source, "conflicting", record.topic))
        elif source in seen:
            repeats += 1
        seen.add(source)
    lost = [source for source in expected.made if source not in seen]
    cut = _cut(expected, log)
    for source in lost:
        _, number, partition = expected.made[source]
        first = firsts.get((number, partition, source[0]))
        gone = (number, partition) in cut and (first is None or source < first)
        if not gone and BY_NAME.get(expected.topics[number]) not in COMPACTED:
            faults.append(OutputFault(*source, "lost", expected.topics[number]))
    return OutputsVerdict(len(expected.made), repeats, in_order(faults))


def joined(found: Sequence[OutputsVerdict]) -> OutputsVerdict:
    """The verdict about the outputs of several sets of input partitions."""
    expected, repeats = (sum(getattr(verdict, name) for verdict in found) for name in ("expected", "repeats"))
    return OutputsVerdict(expected, repeats, in_order(fault for verdict in found for fault in verdict.faults))


def in_order(faults: Iterable[OutputFault]) -> tuple[OutputFault, ...]:
    """Faults in the order of their inputs."""
    return tuple(sorted(faults, key=lambda fault: (fault.partition, fault.offset, fault.index)))


COMPACTED = tuple(topic for topic in BY_NAME.values() if topic.cleanup == "compact")


def _records(expected: ExpectedOutputs, log: Readable) -> Iterator[tuple[int, Record]]:
    """What lies on the output topics since the earliest output, with the topic's number."""
    for number, topic in enumerate(expected.topics):
        yield from ((number, record) for record in whole(log, topic, expected.since_ms))


def _cut(expected: ExpectedOutputs, log: Readable) -> set[tuple[int, int]]:
    """(topic, partition) of the output partitions whose beginning is gone."""
    return {
        (number, partition)
        for number, topic in enumerate(expected.topics)
        for partition, start in log.starts_at(topic, None).items()
        if start
    }


def _content(made: Outgoing, source: Source) -> int:
    """64 bits of all that an output says. A dead letter's headers name the build too, so its record alone counts."""
    said = made._replace(headers=(), timestamp=None) if source[2] == LETTER else made
    return int.from_bytes(blake2b(msgspec.msgpack.encode(said), digest_size=HASH_BYTES).digest(), "big")
