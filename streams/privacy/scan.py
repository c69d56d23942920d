"""What a log says about one subject: its records, whether their personal fields can be read, and where its texts turn up otherwise."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from schemas.errors import RegistryUnavailableError, SchemaError
from schemas.event import Event
from schemas.events import SubjectKeyCreated
from schemas.privacy import ERASED, Cipher, UnopenableError, parse, personal_fields
from schemas.wire import Codec
from streams.log import Record, Source
from streams.privacy.master import MasterKeyError, MasterKeys
from streams.reading import batches, whole
from streams.topics import OF_EVENT

KEYS = OF_EVENT[SubjectKeyCreated].name
SHORTEST = 8
"""Bytes of a text that is searched for: shorter ones turn up by chance in binary data."""
WITNESSES = 50
"""Texts that are searched for, the longest first: each is looked for in every record."""


class SubjectKeys:
    """Every value of a subject's keys that can still be read on the key topic, shredded or not: what a thief with the disk and the
    master key would have.
    """

    def __init__(self, log: Source, codec: Codec, masters: MasterKeys, subject: str) -> None:
        self.values: dict[str, int] = {}
        """Key id -> offset of its newest value that can be read."""
        self.live: set[str] = set()
        """Key ids without a tombstone."""
        self._subject = subject
        self._ciphers: dict[str, Cipher] = {}
        for record in whole(log, KEYS):
            key_id = record.key.decode()
            if key_id.rpartition(".")[0] != subject:
                continue
            if record.value is None:
                self.live.discard(key_id)
                continue
            self.live.add(key_id)
            self.values[key_id] = record.offset
            self._learn(codec.decode(record.value), masters)

    def opening(self, subject: str, name: str) -> Cipher | None:
        """A key by its name, as far as its value is still there."""
        return self._ciphers.get(name) if subject == self._subject else None

    def _learn(self, event: Event, masters: MasterKeys) -> None:
        """Takes a key up. Without its master key nothing could be said of what it opens."""
        if isinstance(event, SubjectKeyCreated):
            name = event.key_id.rpartition(".")[2]
            if not masters.has(event.master_key_id):
                raise MasterKeyError(f"key {event.key_id} is wrapped by master key {event.master_key_id}, which is not here")
            try:
                secret = masters.unwrap(event.key_id, event.master_key_id, event.wrapped_key)
            except MasterKeyError:
                return
            self._ciphers[name] = Cipher(self._subject, name, secret)


class Witnesses:
    """Texts that must not turn up anywhere."""

    def __init__(self, texts: Iterable[str]) -> None:
        long_enough = {text.encode() for text in texts if len(text.encode()) >= SHORTEST}
        self.texts = sorted(long_enough, key=lambda text: (-len(text), text))[:WITNESSES]

    def within(self, data: bytes) -> bool:
        """Whether one of them is in some bytes."""
        return any(text in data for text in self.texts)


class Findings(msgspec.Struct):
    """What one topic, or the same topic in the lake, says about a subject."""

    source: str
    records: int = 0
    """Records about the subject with a personal field that is not empty."""
    unreadable: int = 0
    """Such fields that no key opens."""
    readable: int = 0
    """Such fields that can be read: a key opens them, or they were never sealed."""
    leaks: list[str] = []
    """Positions (`partition@offset`) of other records that hold one of the subject's texts."""
    prints: dict[tuple[int, int], bytes] = {}
    """(partition, offset) of the records -> SHA-256 of their bytes."""
    texts: set[str] = set()
    """What could be read."""


class Scan(NamedTuple):
    """Reads topics for one subject."""

    subject: str
    codec: Codec
    """One that opens nothing."""
    keys: SubjectKeys
    witnesses: Witnesses

    def topic(
        self, source: Source, name: str, topic: str, offsets: Mapping[int, range], told: Callable[[int], None] = lambda count: None
    ) -> Findings:
        """What a topic says at some offsets; `told` hears how many records were read, batch by batch."""
        found = Findings(name)
        needle = self.subject.encode()
        for batch in batches(source, topic, offsets):
            told(len(batch))
            # One search through many records costs little more than through one.
            suspects = self.witnesses.within(everything(batch))
            for record in batch:
                value = record.value or b""
                read = needle in value and self._record(found, record, value)
                if suspects and not read and self.witnesses.within(everything([record])):
                    found.leaks.append(f"{record.partition}@{record.offset}")
        return found

    def _record(self, found: Findings, record: Record, value: bytes) -> bool:
        """Takes a record in if it is about the subject; whether one of its fields could be read."""
        try:
            event = self.codec.decode(value)
        except RegistryUnavailableError:
            raise
        except SchemaError:
            return False
        states = [
            self._read(text, field.name)
            for field in personal_fields().get(type(event), ())
            if getattr(event, field.subject) == self.subject and (text := getattr(event, field.name)) and text != ERASED
        ]
        if not states:
            return False
        texts = {text for text in states if text is not None}
        found.records += 1
        found.readable += sum(text is not None for text in states)
        found.unreadable += states.count(None)
        found.texts |= texts
        found.prints[record.partition, record.offset] = hashlib.sha256(value).digest()
        return bool(texts)

    def _read(self, text: str, field: str) -> str | None:
        """The text of a personal field, if there is a way to it."""
        sealed = parse(text)
        if sealed is None:
            return text
        cipher = self.keys.opening(self.subject, sealed.key)
        try:
            return None if cipher is None else cipher.open(field, sealed.body)
        except UnopenableError:
            return None


def everything(records: Iterable[Record]) -> bytes:
    """Values and headers of some records, one after the other."""
    return b"\0".join(part for record in records for part in (record.value or b"", *(header for _, header in record.headers)))
