"""What a fold's runner appends: output events and dead letters, whose bytes depend on the input alone."""

from hashlib import sha1
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from schemas.event import Event
from schemas.wire import Codec
from streams import envelope
from streams.dead_letters import ERROR, attempt
from streams.errors import FatalError
from streams.fold import Fold
from streams.log import Outgoing, Record
from streams.topics import OF_EVENT, dead_letters, key_of

SOURCE = "x-source"
"""Header: `topic/partition/offset/index` of the input. A consumer drops what it has seen by one watermark per input partition."""


class Outputs:
    """Makes the records that a fold's events become. The same input gives the same bytes, so a repeat changes nothing."""

    def __init__(self, fold: Fold, codec: Codec, code_version: str = "") -> None:
        """`code_version` names the build in dead letters."""
        self._codec = codec
        self._code_version = code_version
        self._declared = frozenset(fold.outputs)
        self.producer = view_name(fold)
        self._namespace: UUID = uuid5(NAMESPACE_URL, f"chronicast:view:{self.producer}")
        """Two views of one input must not give one id to two events."""

    def event(self, event: Event, cause: Event, record: Record, index: int) -> Outgoing:
        """An output: stamped from its cause, with an id made of the input's position and its index among the outputs.

        Raises:
            FatalError: the fold did not declare this type.
        """
        if type(event) not in self._declared:
            raise FatalError(f"{self.producer} yielded {event.SCHEMA}, which its `outputs` do not declare")
        source = f"{record.topic}/{record.partition}/{record.offset}/{index}"
        stamped = msgspec.structs.replace(
            event,
            event_id=name_id(self._namespace, source),
            occurred_at=cause.occurred_at,
            producer=self.producer,
            correlation_id=cause.correlation_id,
            causation_id=cause.event_id,
        )
        topic = OF_EVENT[type(event)].name
        return Outgoing(
            topic,
            key_of(stamped).encode(),
            self._codec.encode(topic, stamped),
            (*envelope.headers(stamped), (SOURCE, source.encode())),
            stamped.occurred_at // 1_000,
        )

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


def name_id(namespace: UUID, name: str) -> str:
    """`str(uuid5(namespace, name))` in a third of the time: one is made for every output (RFC 9562 section 5.5)."""
    raw = sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()
    text = raw.hex()
    variant = "89ab"[raw[8] >> 4 & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def view_name(fold: Fold) -> str:
    """`scheduler.v1`: producer of its events, name of its stores."""
    return f"{fold.name}.v{fold.version}"
