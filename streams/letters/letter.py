"""Dead letters: what their headers say, and how a view knows which records it has not folded.

A dead letter is a record that a view could not process: key, value, headers and timestamp unchanged, on the dead-letter topic of its
source, in the same partition, with `x-error.` headers behind its own. A replay is the record put back at the end of its source partition
with `x-replayed-from` as its last header: the position of the record that could not be processed.

Other views may have folded that record well, so each view keeps a row (`OWED`) for every record that it sent away, under the record's
key. It folds a replay only while it owes that record, and then the row is gone: the replay counts once where it was missing, and nowhere
else, also in a view that is folded anew by code that takes the original in its place.
"""

import re
from typing import NamedTuple

import msgspec

from streams.fold import Table
from streams.log import Headers, Outgoing, Position, Record

ERROR = "x-error."
"""Prefix of the headers that say why; suffixes are Kafka Connect's where it has one (DeadLetterQueueReporter)."""
REPLAYED = "x-replayed-from"
"""Header, last of a replayed record: position of the record that could not be processed, as `topic/partition/offset`."""
FIXED = "x-fixed-from"
"""Header of a corrected letter: position of the letter that it corrects. It stands behind the letter's own headers."""


class Owed(msgspec.Struct, frozen=True):
    """A record that a view has not folded, under its position."""

    stage: str
    """Where it failed."""


OWED = Table("x-owed", Owed)


PLACE = re.compile(r"([a-z0-9._-]+)/(\d+)/(\d+)", re.ASCII)


def place(at: Position | Record) -> str:
    """`topic/partition/offset`."""
    return f"{at.topic}/{at.partition}/{at.offset}"


def position(text: str) -> Position | None:
    """The position that a text such as `a.b.dlq.v1/2/17` names; None where it is none."""
    found = PLACE.fullmatch(text)
    return Position(found[1], int(found[2]), int(found[3])) if found else None


def replayed_from(headers: Headers) -> str | None:
    """Place of the record that this one repeats; None for one that is no replay. Read for each record, so it looks at one header."""
    if not headers or headers[-1][0] != REPLAYED:
        return None
    text = (headers[-1][1] or b"").decode(errors="replace")
    return text if PLACE.fullmatch(text) else None


def attempt(headers: Headers) -> int:
    """How many times the record has been tried, this one included."""
    return 1 + sum(name == REPLAYED for name, _ in headers)


class Letter(NamedTuple):
    """A dead letter, taken apart."""

    record: Record
    """As it lies on the dead-letter topic."""
    source: Position
    """The record that could not be processed."""
    headers: Headers
    """That record's own."""
    error: dict[str, str]
    """Why, by `x-error.` suffix."""
    corrects: str | None
    """Place of the letter that this one is a correction of."""

    @property
    def at(self) -> Position:
        """Its own position."""
        return Position(self.record.topic, self.record.partition, self.record.offset)


def letter(record: Record) -> Letter | None:
    """The dead letter that a record is; None where it does not say what it is a letter of."""
    begins = [index for index, (name, _) in enumerate(record.headers) if name == f"{ERROR}topic"]
    if not begins:
        return None
    behind = [(name, (value or b"").decode(errors="replace")) for name, value in record.headers[begins[-1] :]]
    error = {name.removeprefix(ERROR): value for name, value in behind if name.startswith(ERROR)}
    source = position(f"{error.get('topic')}/{error.get('partition')}/{error.get('offset')}")
    if source is None:
        return None
    return Letter(record, source, record.headers[: begins[-1]], error, dict(behind).get(FIXED))


def correction(of: Letter, headers: Headers, value: bytes) -> Outgoing:
    """The letter with another value and other headers of its own."""
    errors = tuple(header for header in of.record.headers[len(of.headers) :] if header[0] != FIXED)
    corrected = (*headers, *errors, (FIXED, place(of.at).encode()))
    return Outgoing(of.record.topic, of.record.key, value, corrected, of.record.timestamp, of.record.partition)


def replay(of: Letter) -> Outgoing:
    """The record, to go back to where it came from."""
    headers = (*of.headers, (REPLAYED, place(of.source).encode()))
    return Outgoing(of.source.topic, of.record.key, of.record.value, headers, of.record.timestamp, of.source.partition)
