"""Holds what a run left behind against the oracle."""

from collections import defaultdict

from schemas.wire import Codec
from streams.log import Record
from streams.store import Progress, Store
from tests.simulation.simulator.broker import Broker
from tests.simulation.simulator.oracle import Letter, Oracle

LETTERS = ".dlq."


class Verdict:
    """Problems found, in the order in which they were."""

    def __init__(self, topic: str, oracle: Oracle, broker: Broker, codec: Codec) -> None:
        self.problems: list[str] = []
        self._topic = topic
        self._oracle = oracle
        self._broker = broker
        self._codec = codec
        self._furthest = dict.fromkeys(oracle.partitions, -1)
        self._committed = dict.fromkeys(oracle.partitions, 0)
        self._identities: set[str] = set()
        self._looked: dict[tuple[str, int], int] = defaultdict(int)

    def add(self, problem: str) -> None:
        """Notes a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def stored(self, view: str, partition: int, progress: Progress) -> None:
        """A commit survived: its digest is the oracle's at that offset."""
        after = self._oracle.partitions[partition].after.get(progress.watermark)
        if after is None:
            self.add(f"partition {partition}: a watermark of {progress.watermark}, where there is no record")
        elif after.digest != progress.digest:
            self.add(f"partition {partition}: the digest at {progress.watermark} is {progress.digest:032x}, expected {after.digest:032x}")
        self._furthest[partition] = max(self._furthest[partition], progress.watermark)

    def committed(self, name: str, offsets: dict[int, int]) -> None:
        """The group took offsets: all before them is folded, and its outputs are on the log."""
        for partition, offset in offsets.items():
            if offset > self._furthest[partition] + 1:
                self.add(f"{name} committed {offset} of partition {partition}, folded is only {self._furthest[partition]}")
            if offset > self._committed[partition]:
                self._look_for_outputs(name, partition, self._committed[partition], offset)
                self._committed[partition] = offset

    def _look_for_outputs(self, name: str, partition: int, start: int, end: int) -> None:
        landed = self._landed()
        oracle = self._oracle.partitions[partition]
        missing = [offset for offset, output in oracle.sequence if start <= offset < end and output.event.event_id not in landed]
        missing += [offset for offset, _ in oracle.letters if start <= offset < end and f"{self._topic}/{partition}/{offset}" not in landed]
        if missing:
            self.add(f"{name} committed {end} of partition {partition} while outputs of {missing[0]} were not on the log")

    def _landed(self) -> set[str]:
        """Identities of all outputs that are on the log by now."""
        for at, log in self._broker.partitions().items():
            if at[0] != self._topic:
                self._identities.update(identity(record) for record in log[self._looked[at] :] if record is not None)
                self._looked[at] = len(log)
        return self._identities

    def lag(self, partition: int, next_offset: int | None) -> None:
        """Faults have stopped long ago: every record is folded."""
        last = self._oracle.partitions[partition].last
        if next_offset is None or next_offset <= last:
            self.add(f"partition {partition} stands at {next_offset}, its last record is {last}")

    def rows(self, where: str, partition: int, store: Store) -> None:
        """A store as it lies on a disk: digest and rows are those of its watermark; the rows are compared where that is the end."""
        oracle, progress = self._oracle.partitions[partition], store.progress()
        if progress.watermark < 0:
            return
        self.stored("", partition, progress)
        found = dict(store.scan(b""))
        if progress.watermark == oracle.last and found != (expected := oracle.rows()):
            wrong = sorted(address for address in found.keys() | expected.keys() if found.get(address) != expected.get(address))
            first = wrong[0]
            self.add(
                f"{where}, partition {partition}: {len(wrong)} rows differ, first {first!r}: {found.get(first)!r}, "
                f"expected {expected.get(first)!r}"
            )

    def outputs(self) -> None:
        """What a consumer that drops repeats by `x-source` sees is exactly what was expected, in order; an id has one content."""
        contents: dict[str, tuple[object, ...]] = {}
        seen: dict[tuple[str, int, int], list[tuple[int, int]]] = defaultdict(list)
        letters: dict[int, list[int]] = defaultdict(list)
        events = {output.event.event_id: output for p in self._oracle.partitions.values() for _, output in p.sequence}
        for (topic, partition), log in self._broker.partitions().items():
            for record in log if topic != self._topic else ():
                assert record is not None
                name, content = identity(record), (topic, partition, record.key, record.value, record.headers, record.timestamp)
                if contents.setdefault(name, content) != content:
                    self.add(f"{name} has two contents")
                elif LETTERS in topic:
                    self._letter(record, letters[partition])
                else:
                    self._output(record, seen, events)
        for number, oracle in self._oracle.partitions.items():
            self._same(f"letters of {number}", letters[number], [offset for offset, _ in oracle.letters])
            expected = defaultdict(list)
            for offset, output in oracle.sequence:
                expected[output.topic, output.partition, number].append((offset, output.index))
            for at in {*expected, *(at for at in seen if at[2] == number)}:
                self._same(f"outputs of {number} on {at[0]}/{at[1]}", seen[at], expected[at])

    def _output(self, record: Record, seen: dict[tuple[str, int, int], list[tuple[int, int]]], events: dict[str, object]) -> None:
        source = dict(record.headers).get("x-source", b"//").decode().split("/")
        upstream, position = int(source[1]), (int(source[2]), int(source[3]))
        passed = seen[record.topic, record.partition, upstream]
        if passed and position <= passed[-1]:
            return  # a repeat
        passed.append(position)
        expected = events.get(identity(record))
        event = self._codec.decode(record.value or b"")
        if expected is None:
            self.add(f"an output that nobody expected: {event}")
        elif (event, record.timestamp) != (expected.event, expected.event.occurred_at // 1_000):  # type: ignore[attr-defined]
            self.add(f"an output is {event}, expected {expected.event}")  # type: ignore[attr-defined]

    def _letter(self, record: Record, seen: list[int]) -> None:
        why = {name: value.decode() for name, value in record.headers if name.startswith("x-error.")}
        offset = int(why["x-error.offset"])
        if seen and offset <= seen[-1]:
            return
        seen.append(offset)
        expected = self._oracle.partitions[record.partition].after[offset].letter
        if expected is None or not sent_on(record, expected, why):
            self.add(f"a dead letter of {record.partition}/{offset} that is not the record: {why}")

    def _same(self, what: str, found: list, expected: list) -> None:
        if found != expected:
            at = next((n for n, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), min(len(found), len(expected)))
            self.add(f"{what}: {len(found)}, expected {len(expected)}; at {at} {found[at : at + 1]}, expected {expected[at : at + 1]}")


def identity(record: Record) -> str:
    """An output's id; a letter's is the position of the record that it is."""
    headers = dict(record.headers)
    if LETTERS in record.topic:
        return "/".join(headers[f"x-error.{name}"].decode() for name in ("topic", "partition", "offset"))
    return headers["ce_id"].decode()


def sent_on(record: Record, expected: Letter, why: dict[str, str]) -> bool:
    """Whether a letter is the record, unchanged, and says where it failed."""
    source = expected.record
    same = (record.key, record.value, record.timestamp) == (source.key, source.value, source.timestamp)
    return same and record.headers[: len(source.headers)] == source.headers and why["x-error.stage"] == expected.stage
