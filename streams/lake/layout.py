"""Addresses in the lake. docs/reference/lake.md shows them.

Directories that begin with `_` are not data: Flink and Spark pass them over, and no `*.parquet` lies in them.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

ROOT = "lake"
STAGING = f"{ROOT}/_staging"
"""Where files are written before they get their names, in a store that is a local directory."""
UNDECODABLE = "undecodable"
"""Where records lie that their schema does not fit, or that have none. Avro names of ours are never in lower case."""
TOMBSTONE = "tombstone"
"""Where records without value lie."""
UNKNOWN_HOUR = "unknown"
"""Hour of a timestamp that no calendar has."""
HOUR_MS = 3_600_000


def hour(timestamp: int) -> str:
    """The UTC hour of a record's timestamp (ms since 1970), such as `2026-11-22T20`; `unknown` before 1970 and after 9999."""
    return _hour(timestamp // HOUR_MS)


@lru_cache(256)
def _hour(number: int) -> str:
    """An hour since 1970; neighbouring records share it."""
    try:
        return datetime.fromtimestamp(number * 3_600, UTC).strftime("%Y-%m-%dT%H") if number >= 0 else UNKNOWN_HOUR
    except (ValueError, OverflowError, OSError):
        return UNKNOWN_HOUR


class Group(NamedTuple):
    """What the rows of a file have in common."""

    event: str
    """Name of the record, without namespace; or `undecodable`, `tombstone`."""
    hour: str
    schema_id: int | None
    """The registry's id of the schema that they were written with; None for those without."""


def data(group: Group, topic: str, partition: int, first: int, last: int) -> str:
    """A file's address. Its name carries the offsets of the whole commit, the schema's id tells versions of an event apart."""
    version = "" if group.schema_id is None else f".s{group.schema_id}"
    return f"{ROOT}/{topic}/event={group.event}/hour={group.hour}/p{partition}-{first:020}-{last:020}{version}.parquet"


def commits(topic: str, partition: int) -> str:
    """Where a partition's commits lie."""
    return f"{ROOT}/_commits/{topic}/{partition}"


def commit(topic: str, partition: int, first: int) -> str:
    """A commit's address: by its first offset, so that one offset is committed once, and names sort as offsets do."""
    return f"{commits(topic, partition)}/{first:020}.json"


def plan(topic: str, partition: int, first: int) -> str:
    """A plan's address; it is there only until its commit is."""
    return f"{ROOT}/_plans/{topic}/{partition}/{first:020}.json"
