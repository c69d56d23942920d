"""Holds the events of a lineage against the lake, whose commits have had the hash of their bytes since they were landed."""

from collections.abc import Iterable
from hashlib import sha256

from msgspec.structs import replace

from sinks.archive.lineage import Hop
from streams.errors import FatalError, MissingRangeError, UnknownTopicError
from streams.log import Source


def attested(hops: Iterable[Hop], log: Source, lake: Source) -> list[Hop]:
    """The hops, and of each that is an event whether the log's record has the bytes that were landed. One that has not been landed yet,
    as in a system without a lake, stays known by its id alone. Blocks.
    """
    return [_attested(hop, log, lake) if hop.at else hop for hop in hops]


def _attested(hop: Hop, log: Source, lake: Source) -> Hop:
    try:
        landed = _digest(lake, hop.at)
    except (MissingRangeError, UnknownTopicError):
        landed = None
    except FatalError as cause:
        return replace(hop, by="hash", holds=False, says=f"{hop.says}; the lake cannot tell: {cause}")
    if landed is None:
        return hop
    record = _digest(log, hop.at)
    says = hop.says if record == landed else f"{hop.says}; the log's record has other bytes than were landed"
    return replace(hop, by="hash", record_sha256=record or "", holds=hop.holds and record == landed, says=says)


def _digest(source: Source, at: str) -> str | None:
    """SHA-256 of a record's bytes; None where compaction has taken it, or it has none."""
    topic, partition, offset = at.rsplit("/", 2)
    records = [record for batch in source.read(topic, int(partition), int(offset), int(offset) + 1) for record in batch]
    return next((sha256(record.value).hexdigest() for record in records if record.value is not None), None)
