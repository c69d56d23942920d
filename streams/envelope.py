"""An event's envelope as CloudEvents headers, so that a tool can route a record without decoding it.

CloudEvents 1.0, Kafka protocol binding, binary content mode.
"""

from datetime import UTC, datetime
from functools import lru_cache

from schemas.event import Event
from streams.log import Headers

SPEC_VERSION = ("ce_specversion", b"1.0")
CONTENT_TYPE = ("content-type", b"application/avro")


Described = tuple[tuple[str, bytes], tuple[str, bytes]]
"""Type and source."""


@lru_cache(8)
def _second(seconds: int) -> str:
    """A whole second in RFC 3339, without its zone; neighbouring events share it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def rfc3339(micros: int) -> str:
    """UTC microseconds since 1970 as RFC 3339 text."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{_second(seconds)}.{rest:06d}Z"


def describe(event: type[Event], producer: str) -> Described:
    """The headers that all events of a type and producer share."""
    return ("ce_type", event.SCHEMA.encode()), ("ce_source", producer.encode())


_described = lru_cache(1024)(describe)
"""Few producers and types are named again and again."""


def headers(event: Event) -> Headers:
    """Headers of a stamped event."""
    return headers_of(_described(type(event), event.producer), event.event_id, event.occurred_at)


def headers_of(described: Described, event_id: str, occurred_at: int) -> Headers:
    """The same, from the parts."""
    kind, source = described
    return SPEC_VERSION, ("ce_id", event_id.encode()), kind, source, ("ce_time", rfc3339(occurred_at).encode()), CONTENT_TYPE
