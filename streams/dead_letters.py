"""Dead letters: what their headers say, and how a view knows which records it has not folded.

A dead letter is a record that a view could not process: key, value, headers and timestamp unchanged, on the dead-letter topic of its
source, in the same partition, with `x-error.` headers behind its own. A replay is the record put back at the end of its source partition
with `x-replayed-from` as its last header: the position of the record that could not be processed.

Other views may have folded that record well, so each view keeps a row (`OWED`) for every record that it sent away, under the record's
key. It folds a replay only while it owes that record, and then the row is gone: the replay counts once where it was missing, and nowhere
else, also in a view that is folded anew by code that takes the original in its place.
"""

import re

import msgspec

from streams.fold import Table
from streams.log import Headers, Position, Record

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
