"""What a fold's runner appends: output events and dead letters, whose bytes depend on the input alone."""

from collections.abc import Iterable
from hashlib import sha1
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from schemas.event import Event
from schemas.wire import Codec, Encode
from streams import envelope
from streams.errors import FatalError
from streams.fold import Fold
from streams.letters.letter import ERROR, attempt
from streams.log import Outgoing, Record
from streams.topics import OF_EVENT, dead_letters

SOURCE = "x-source"
"""Header: `topic/partition/offset/index` of the input. A consumer drops what it has seen by one watermark per input partition
and partition read: one input partition's outputs lie on several."""
VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""A hexadecimal digit with the two bits set that say which UUIDs these are."""


class Kind(NamedTuple):
    """What all outputs of one type share."""

    topic: str
    key: str
    """Name of the field that is the record's key."""
    encode: Encode
    described: envelope.Described


class Outputs:
    """Makes the records that a fold's events become. The same input gives the same bytes, so a repeat changes nothing."""

    def __init__(self, fold: Fold, codec: Codec, code_version: str = "") -> None:
        """`code_version` names the build in dead letters."""
        self._codec = codec
        self._code_version = code_version
        self._declared = frozenset(fold.outputs)
        self.producer = view_name(fold)
        self._kinds: dict[type[Event], Kind] = {}
        self._namespace = uuid5(NAMESPACE_URL, f"chronicast:view:{self.producer}").bytes
        """Two views of one input must not give one id to two events."""

    def event(self, event: Event, cause: Event, record: Record, index: int) -> Outgoing:
        """An output: stamped from its cause, with an id made of the input's position and its index among the outputs.

        Raises:
            FatalError: the fold did not declare this type.
        """
        kind = self._kinds.get(type(event)) or self._introduce(type(event))
        source = f"{record.topic}/{record.partition}/{record.offset}/{index}".encode()
        identity = name_id(self._namespace, source)
        time = cause.occurred_at
        key = getattr(event, kind.key)
        return Outgoing(
            kind.topic,
            str(self.producer if key is None else key).encode(),
            kind.encode(event, (identity, time, self.producer, cause.correlation_id, cause.event_id)),
            (*envelope.headers_of(kind.described, identity, time), (SOURCE, source)),
            time // 1_000,
        )

    def _introduce(self, event: type[Event]) -> Kind:
        """Looks up what the outputs of a type share."""
        if event not in self._declared:
            raise FatalError(f"{self.producer} yielded {event.SCHEMA}, which its `outputs` do not declare")
        topic = OF_EVENT[event]
        described = envelope.describe(event, self.producer)
        kind = self._kinds[event] = Kind(topic.name, topic.key, self._codec.encoder(topic.name, event), described)
        return kind

    def dead_letter(self, record: Record, stage: str, cause: Exception) -> Outgoing:
        """A record that cannot be processed: key, value and headers unchanged, and why in `x-error.` headers."""
        why = {
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
            "stage": stage,
            "class.name": type(cause).__name__,
            "exception.message": str(cause),
            "processor": self.producer,
            "code_version": self._code_version,
            "attempt": str(attempt(record.headers)),
        }
        errors = tuple((ERROR + name, text.encode()) for name, text in why.items())
        return Outgoing(
            dead_letters(record.topic), record.key, record.value, (*record.headers, *errors), record.timestamp, record.partition
        )


def name_id(namespace: bytes, name: bytes) -> str:
    """`str(uuid5(namespace, name))` in a third of the time: one is made for every output (RFC 9562 section 5.5)."""
    digits = sha1(namespace + name, usedforsecurity=False).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{VARIANT[digits[16]]}{digits[17:20]}-{digits[20:32]}"


def view_name(fold: Fold) -> str:
    """`scheduler.v1`: producer of its events, name of its stores."""
    return f"{fold.name}.v{fold.version}"


def group_name(folds: Iterable[Fold]) -> str:
    """`view.demand.v1-scheduler.v1`: consumer group of the workers that run some folds together."""
    return f"view.{'-'.join(sorted(map(view_name, folds)))}"
