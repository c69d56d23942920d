"""What a peer's function does with a record's bytes: our codec, envelope and headers, so that all peers do the same work."""

from uuid import uuid4

from msgspec.structs import replace

from schemas.events import Followed, MessagePosted
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.envelope import headers
from streams.log import Headers
from tests.simulation.counting import INPUT, OUTPUT, preloaded

CODEC = Codec(preloaded(LocalRegistry()))
__all__ = ["INPUT", "OUTPUT", "followed", "output"]


def followed(value: bytes) -> Followed:
    """The input event."""
    event = CODEC.decode(value)
    assert isinstance(event, Followed)
    return event


def said(event: Followed, total: int) -> MessagePosted:
    """The output, without envelope."""
    return MessagePosted(
        channel_id=event.channel_id,
        message_id=f"{event.channel_id}-{total}",
        user_id=event.user_id,
        user_login="count",
        display_name="Count",
        text=str(total),
    )


def output(event: Followed, total: int) -> tuple[bytes, Headers]:
    """Value and headers of the output."""
    stamped = replace(
        said(event, total),
        event_id=str(uuid4()),
        occurred_at=event.occurred_at,
        producer="peer",
        correlation_id=event.correlation_id,
        causation_id=event.event_id,
    )
    return CODEC.encode(OUTPUT, stamped), headers(stamped)
