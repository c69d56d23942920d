"""The records that some view could not process, gathered from the dead-letter topics, and what has become of them."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from streams.letters.letter import Letter, letter, place, replayed_from
from streams.log import Log, Position, Record
from streams.reading import held
from streams.topics import dead_letters

Group = tuple[str, int, bytes]
"""Topic, partition and key of a source: the records among which there is an order."""
Advance = Callable[[int, int], None]
"""Told how much is done, of how much."""
NAMED = 10
"""Later events that are named one by one; more are counted."""


class Case(msgspec.Struct):
    """One record that could not be processed, whatever number of views sent it away, and however often."""

    letters: list[Letter]
    """In the order of the dead-letter topic; at least one."""
    replayed: Position | None = None
    """Where it lies on its source once it has been put back."""

    @property
    def source(self) -> Position:
        """The record that could not be processed."""
        return self.letters[0].source

    @property
    def current(self) -> Letter:
        """The newest correction, else the first letter: what a replay puts back."""
        return next((found for found in reversed(self.letters) if found.corrects), self.letters[0])

    @property
    def processors(self) -> list[str]:
        """The views that sent it away."""
        return sorted({found.error.get("processor", "") for found in self.letters})

    @property
    def group(self) -> Group:
        """What its order is among."""
        return (self.source.topic, self.source.partition, self.letters[0].record.key)

    @property
    def state(self) -> str:
        """`replayed`, `fixed` (corrected and not replayed) or `waiting`."""
        if self.replayed is not None:
            return "replayed"
        return "fixed" if self.current.corrects else "waiting"


class Later(NamedTuple):
    """An event that came behind a dead letter of its key."""

    offset: int
    timestamp: int
    """Milliseconds since 1970."""
    kind: str
    """Its CloudEvents type; empty where it has none."""


def later(record: Record) -> Later:
    """A record, as one that came behind."""
    kind = next((value.decode(errors="replace") for name, value in record.headers if name == "ce_type"), "")
    return Later(record.offset, record.timestamp, kind)


class Followed(msgspec.Struct):
    """What a source partition holds behind the dead letters of one key."""

    count: int = 0
    first: list[Later] = msgspec.field(default_factory=list)
    """At most NAMED."""


class Cases(msgspec.Struct):
    """What was found."""

    cases: dict[str, Case]
    """By place of the source, in the order of the source."""
    later: dict[Group, Followed]
    """Events behind a group's first case that is not replayed, apart from cases and from replays of earlier ones."""
    forgotten: set[Group]
    """Groups of which the source no longer holds everything behind that case."""
    foreign: list[Position]
    """Records on the dead-letter topics that do not say what they are letters of."""
    ends: dict[tuple[str, int], int]
    """Up to where each source partition was read."""


def gather(log: Log, sources: Iterable[str], advance: Advance | None = None) -> Cases:
    """Reads the dead-letter topics of the given topics, then each source partition from its first case on.

    Whether a case has been replayed is told by the source itself: a replay names what it repeats in a header. So effect and note are
    one record, written at once or not at all.
    """
    found: dict[str, Case] = {}
    foreign: list[Position] = []
    for record in _records(log, _whole(log, sorted({dead_letters(source) for source in sources})), advance):
        parsed = letter(record)
        if parsed is None:
            foreign.append(Position(record.topic, record.partition, record.offset))
        elif (known := found.get(place(parsed.source))) is not None:
            known.letters.append(parsed)
        else:
            found[place(parsed.source)] = Case([parsed])
    cases = dict(sorted(found.items(), key=lambda item: item[1].source))
    return _followed(log, cases, foreign, advance)


class _Behind:
    """What the source holds behind the cases of one key; the space it takes grows with the cases, not with the events."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases
        self._offsets = [case.source.offset for case in cases]
        self._events = [Followed() for _ in cases]
        """Events between a case and the next."""
        self._replays: list[tuple[int, Later]] = []
        """Replays of the cases: (offset of the case, replay)."""

    def add(self, record: Record, repeats: Case | None) -> None:
        """Takes the next record of the key."""
        if record.offset in self._offsets or record.offset < self._offsets[0]:
            return
        if repeats is not None:
            self._replays.append((repeats.source.offset, later(record)))
        else:
            events = self._events[bisect(self._offsets, record.offset) - 1]
            events.count += 1
            if len(events.first) < NAMED:
                events.first.append(later(record))

    def pending(self) -> int | None:
        """Index of the first case that is not replayed."""
        return next((index for index, case in enumerate(self._cases) if case.replayed is None), None)

    def first_offset(self, pending: int) -> int:
        """Offset of a case."""
        return self._offsets[pending]

    def later(self, pending: int) -> Followed:
        """What came behind a case. A replay of an earlier one was before it, and still is."""
        replays = [replay for offset, replay in self._replays if offset > self._offsets[pending]]
        events = self._events[pending:]
        named = sorted([*(event for some in events for event in some.first), *replays])
        return Followed(sum(some.count for some in events) + len(replays), named[:NAMED])


def _followed(log: Log, cases: dict[str, Case], foreign: list[Position], advance: Advance | None) -> Cases:
    """Reads what the sources hold behind the cases."""
    ends: dict[tuple[str, int], int] = {}
    ranges: list[tuple[str, int, int, int]] = []
    groups: dict[Group, list[Case]] = defaultdict(list)
    for case in cases.values():  # in the order of the sources: the first case of a partition comes first
        topic, partition, offset = case.source
        groups[case.group].append(case)
        if (topic, partition) not in ends:
            ends[topic, partition] = log.ends(topic)[partition]
            ranges.append((topic, partition, offset + 1, ends[topic, partition]))
    behind = {group: _Behind(some) for group, some in groups.items()}
    for record in _records(log, ranges, advance):
        repeats = cases.get(replayed_from(record.headers) or "")
        if repeats is not None and repeats.replayed is None:
            repeats.replayed = Position(record.topic, record.partition, record.offset)
        if (found := behind.get((record.topic, record.partition, record.key))) is not None:
            found.add(record, repeats)
    followed, forgotten = {}, set()
    starts = {topic: log.starts_at(topic, None) for topic, _ in ends}
    for group, found in behind.items():
        if (pending := found.pending()) is not None:
            followed[group] = found.later(pending)
            if starts[group[0]][group[1]] > found.first_offset(pending) + 1:
                forgotten.add(group)
    return Cases(cases, followed, forgotten, foreign, ends)


def _whole(log: Log, topics: Iterable[str]) -> list[tuple[str, int, int, int]]:
    """(topic, partition, start, end) of all that topics hold."""
    return [(topic, partition, there.start, there.stop) for topic in topics for partition, there in sorted(held(log, topic).items())]


def _records(log: Log, ranges: Sequence[tuple[str, int, int, int]], advance: Advance | None) -> Iterable[Record]:
    """The records of ranges, one after the other."""
    total = sum(max(0, end - start) for _, _, start, end in ranges)
    done = 0
    for topic, partition, start, end in ranges:
        if start < end:
            for batch in log.read(topic, partition, start, end):
                yield from batch
                if advance is not None:
                    advance(done + batch[-1].offset + 1 - start, total)
        done += max(0, end - start)
