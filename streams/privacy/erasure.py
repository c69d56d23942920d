"""Erasure of a subject by shredding its keys, with a proof of what can be read afterwards."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from time import monotonic, sleep
from typing import NamedTuple, Self
from uuid import uuid4

import msgspec

from schemas.events import ErasureCompleted, ErasureRequested, KeyDropped
from schemas.privacy import personal_fields
from schemas.wire import Codec
from streams.log import Log, Position, Source
from streams.privacy.compaction import Compaction, Compactor
from streams.privacy.master import MasterKeys
from streams.privacy.scan import KEYS, Findings, Scan, SubjectKeys, Witnesses
from streams.publisher import Publisher
from streams.reading import held, whole
from streams.telling import Told
from streams.topics import CATALOGUE, OF_EVENT, dead_letters

ERASURES = OF_EVENT[ErasureRequested].name
ANSWER_S = 10.0
"""Seconds that the broker may take to acknowledge; it does so within milliseconds."""
RINGS_S = 2.0
"""How long processes may take to say that they dropped a key, after the last one that did: they follow the topic and need milliseconds."""
RINGS_POLL_S = 0.1
SAMPLES = 3
"""Records a topic whose hashes are printed."""

Say = Callable[[str], None]
Progressing = Callable[[str], AbstractContextManager[Told]]
"""Opens the progress of a piece of work, by what it is called."""
Print = tuple[str, int, int, bytes]
"""Topic, partition, offset and SHA-256 of a record."""


@contextmanager
def unseen(_: str) -> Iterator[Told]:
    """A progress that nobody looks at."""
    yield lambda done, total: None


class Place(NamedTuple):
    """Something beside the log that was made from it: a view's rows, a snapshot, a file."""

    name: str
    contents: Callable[[], Iterable[bytes]]
    """Everything in it, unpacked."""


class Examined(msgspec.Struct, frozen=True):
    """What a topic, or the same topic in an archive, holds of a subject after its erasure."""

    source: str
    """`log` or the archive's name, and the topic."""
    records: int
    unreadable: int
    readable: int
    leaks: list[str]
    """`partition@offset` of other records in which one of the subject's texts was found."""
    samples: dict[str, str]
    """`partition@offset` -> SHA-256 of the record's value, for the first ones: who kept a copy can compare."""

    @classmethod
    def of(cls, found: Findings) -> Self:
        """The report on some findings; it holds no text."""
        samples = {f"{partition}@{offset}": found.prints[partition, offset].hex() for partition, offset in sorted(found.prints)[:SAMPLES]}
        return cls(found.source, found.records, found.unreadable, found.readable, found.leaks, samples)


class Proof(msgspec.Struct, kw_only=True):
    """What an erasure left."""

    subject: str
    request_id: str
    keys: list[str]
    """Ids of the keys that were shredded."""
    rings: list[str]
    """Processes that said they dropped one."""
    compacted: bool
    """Whether no value of these keys is on the log any more, not even an older one."""
    compaction_s: float
    compaction_refused: str
    topics: list[Examined]
    records_before: int
    records_after: int
    """Of those that were there before and that retention has left: as many, or something was lost."""
    sha256_before: str
    sha256_after: str
    """Over position and bytes of the same records: equal where none was rewritten."""
    searched: int
    """Texts of the subject that were searched for in all topics and places."""
    places: dict[str, list[str]]
    """Place -> where one of the texts was found in it."""

    @property
    def unreadable(self) -> int:
        """Personal fields that no key opens."""
        return sum(found.unreadable for found in self.topics)

    @property
    def readable(self) -> int:
        """What can still be read."""
        return sum(found.readable + len(found.leaks) for found in self.topics) + sum(map(len, self.places.values()))

    @property
    def holds(self) -> bool:
        """Whether the subject is erased: nothing can be read, nothing else has changed, and no key lies on a disk."""
        return self.compacted and not self.readable and self.sha256_before == self.sha256_after


class Erasure:
    """Erases subjects. Everything that it does may be done again: an erasure that was cut short is simply repeated."""

    def __init__(
        self,
        log: Log,
        codec: Codec,
        masters: MasterKeys,
        compactor: Compactor,
        *,
        archives: Mapping[str, Source] | None = None,
        places: Sequence[Place] = (),
        say: Say = lambda _: None,
        progressing: Progressing = unseen,
    ) -> None:
        """`codec` opens nothing; `archives` are copies of the log, by name; `say` is told each step, `progressing` the long ones' way."""
        self._log = log
        self._codec = codec
        self._masters = masters
        self._compactor = compactor
        self._logs: dict[str, Source] = {"log": log, **(archives or {})}
        self._places = places
        self._say = say
        self._progressing = progressing
        self._publisher = Publisher(log, codec, "erase")

    def erase(self, subject: str, reason: str, texts: Iterable[str] = (), compaction_timeout: float = 60.0) -> Proof:
        """Shreds the subject's keys and proves it. `texts`: further texts that must not turn up anywhere."""
        # 0. What there is: records before this position, the texts in them, the keys' values.
        self._say("reading what there is")
        ends = {topic: self._log.ends(topic) for topic in _topics()}
        keys = SubjectKeys(self._log, self._codec, self._masters, subject)
        before = self._scan(Scan(subject, self._codec, keys, Witnesses(())), ends, _personal_topics())
        witnesses = Witnesses({*texts, *(text for found in before for text in found.texts)})

        # 1. The request, for ever on the log.
        self._say("1 request")
        request_id = str(uuid4())
        request = ErasureRequested(event_id=request_id, subject_id=subject, reason=reason)
        asked = self._publisher.publish(request).result(ANSWER_S)

        # 2. A tombstone for each key that was on the log by now. Keys made from here on seal what is said from here on.
        keys = SubjectKeys(self._log, self._codec, self._masters, subject)
        shredded = sorted(keys.values)
        self._say(f"2 shred {len(shredded)} keys")
        self._shred(shredded)

        # 3. Whoever held them says that it dropped them.
        rings = self._rings(asked, keys.live)
        self._say(f"3 dropped by {', '.join(rings) or 'no process: none follows the keys'}")

        # 4. The values leave the disk.
        compaction = self._compact(shredded, compaction_timeout)
        self._say(f"4 keys {'gone from the disk' if compaction.done else 'still on the disk'} after {compaction.seconds:.1f} s")

        # 5. Everything again, with every key that there is.
        self._say("5 proof")
        keys = SubjectKeys(self._log, self._codec, self._masters, subject)
        after = self._scan(Scan(subject, self._codec, keys, witnesses), ends, _topics())
        held = [self._both(was, now) for was in before for now in after if now.source == was.source]
        proof = Proof(
            subject=subject,
            request_id=request_id,
            keys=shredded,
            rings=rings,
            compacted=compaction.done,
            compaction_s=compaction.seconds,
            compaction_refused=compaction.refused,
            topics=[Examined.of(found) for found in after if found.records or found.leaks],
            records_before=sum(len(was) for was, _ in held),
            records_after=sum(len(now) for _, now in held),
            sha256_before=_digest(was for was, _ in held),
            sha256_after=_digest(now for _, now in held),
            searched=len(witnesses.texts),
            places=self._searched(witnesses),
        )

        # 6. What was found, for ever on the log.
        self._complete(proof)
        return proof

    def _scan(self, scan: Scan, ends: Mapping[str, Mapping[int, int]], topics: Sequence[str]) -> list[Findings]:
        """All topics of the log and its archives."""
        asked = [(name, topic, _up_to(reads, topic, ends[topic])) for name, reads in self._logs.items() for topic in topics]
        total = sum(len(offsets) for *_, there in asked for offsets in there.values())
        done = 0
        with self._progressing("reading the log and its copies") as told:

            def read(count: int) -> None:
                nonlocal done
                done += count
                told(done, total)

            return [scan.topic(self._logs[name], f"{name} {topic}", topic, offsets, read) for name, topic, offsets in asked]

    def _searched(self, witnesses: Witnesses) -> dict[str, list[str]]:
        """Where each place holds one of the texts."""
        found = {}
        with self._progressing("looking through what was made of it") as told:
            for number, place in enumerate(self._places):
                told(number, len(self._places))
                found[place.name] = [f"entry {n}" for n, data in enumerate(place.contents()) if witnesses.within(data)]
        return found

    def _shred(self, key_ids: Iterable[str]) -> None:
        for waiting in [self._log.append(KEYS, key_id.encode(), None) for key_id in key_ids]:
            waiting.result(ANSWER_S)

    def _rings(self, asked: Position, key_ids: set[str]) -> list[str]:
        """The processes that said they dropped a key, until none has for a while."""
        found: set[str] = set()
        deadline = monotonic() + (RINGS_S if key_ids else 0)
        while monotonic() < deadline:
            sleep(RINGS_POLL_S)
            end = self._log.ends(ERASURES)[asked.partition]
            for batch in self._log.read(ERASURES, asked.partition, asked.offset, end):
                events = [self._codec.decode(record.value) for record in batch if record.value is not None]
                answered = {event.ring for event in events if isinstance(event, KeyDropped) and event.key_id in key_ids}
                if answered - found:
                    found |= answered
                    deadline = monotonic() + RINGS_S
        return sorted(found)

    def _compact(self, key_ids: list[str], timeout: float) -> Compaction:
        if not key_ids:
            return Compaction(done=True, seconds=0.0)
        began = monotonic()
        with self._progressing("waiting until the keys have left the disk, in seconds") as told:

            def gone() -> bool:
                told(min(int(monotonic() - began), int(timeout)), int(timeout))
                return not self._left(key_ids)

            return self._compactor.compact(KEYS, lambda: self._shred(key_ids[:1]), gone, timeout)

    def _left(self, key_ids: list[str]) -> list[str]:
        """Which of the keys still have a value on the log."""
        wanted = {key_id.encode() for key_id in key_ids}
        return [record.key.decode() for record in whole(self._log, KEYS) if record.key in wanted and record.value is not None]

    def _both(self, was: Findings, now: Findings) -> tuple[list[Print], list[Print]]:
        """The prints of the records that were there before and that retention has left, as they were and as they are."""
        name, topic = was.source.split(" ")
        starts = self._logs[name].starts_at(topic, None)
        kept = sorted(at for at in was.prints if at[1] >= starts[at[0]])
        return [(topic, *at, was.prints[at]) for at in kept], [(topic, *at, now.prints[at]) for at in kept if at in now.prints]

    def _complete(self, proof: Proof) -> None:
        done = ErasureCompleted(
            subject_id=proof.subject,
            request_id=proof.request_id,
            keys=len(proof.keys),
            compacted=proof.compacted,
            records=proof.records_after,
            unreadable=proof.unreadable,
            readable=proof.readable,
            sha256=proof.sha256_after,
            correlation_id=proof.request_id,
            causation_id=proof.request_id,
        )
        self._publisher.publish(done).result(ANSWER_S)


def _up_to(source: Source, topic: str, ends: Mapping[int, int]) -> dict[int, range]:
    """What a topic holds before some ends."""
    return {at: range(there.start, max(there.start, min(ends.get(at, 0), there.stop))) for at, there in held(source, topic).items()}


def _topics() -> list[str]:
    """All that the catalogue names."""
    return [name for topic in CATALOGUE for name in (topic.name, dead_letters(topic.name))]


def _personal_topics() -> list[str]:
    """Those that may hold personal fields."""
    carrying = {OF_EVENT[event].name for event in personal_fields()}
    return [name for topic in CATALOGUE if topic.name in carrying for name in (topic.name, dead_letters(topic.name))]


def _digest(prints: Iterable[list[Print]]) -> str:
    """SHA-256 over positions and bytes, hex."""
    total = hashlib.sha256()
    for topic, partition, offset, sha256 in (one for found in prints for one in found):
        total.update(f"{topic}/{partition}/{offset} ".encode() + sha256)
    return total.hexdigest()
