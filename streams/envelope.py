"""An event's envelope as CloudEvents headers, so that a tool can route a record without decoding it.

CloudEvents 1.0, Kafka protocol binding, binary content mode.
"""

from datetime import UTC, datetime
from functools import lru_cache

from schemas.event import Event
from streams.log import Headers

SPEC_VERSION = ("ce_specversion", b"1.0")
CONTENT_TYPE = ("content-type", b"application/avro")


@lru_cache(8)
def _second(seconds: int) -> str:
    """A whole second in RFC 3339, without its zone; neighbouring events share it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(1024)
def _bytes(text: str) -> bytes:
    """Few producers and types are named again and again."""
    return text.encode()


def rfc3339(micros: int) -> str:
    """UTC microseconds since 1970 as RFC 3339 text."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{_second(seconds)}.{rest:06d}Z"


def headers(event: Event) -> Headers:
    """Headers of a stamped event."""
    return (
        SPEC_VERSION,
        ("ce_id", event.event_id.encode()),
        ("ce_type", _bytes(event.SCHEMA)),
        ("ce_source", _bytes(event.producer)),
        ("ce_time", rfc3339(event.occurred_at).encode()),
        CONTENT_TYPE,
    )
