"""The envelope that every event carries."""

from typing import ClassVar, TypeVar

import msgspec
from msgspec.structs import replace


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all generated events.

    An edge stamps the envelope itself; a fold leaves it out and the runner stamps it from the input's position.
    """

    SCHEMA: ClassVar[str] = ""
    """Full Avro name, such as `chronicast.media.PartProduced`."""

    event_id: str = ""
    occurred_at: int = 0
    producer: str = ""
    correlation_id: str = ""
    causation_id: str | None = None


E = TypeVar("E", bound=Event)


def as_new(event: E) -> E:
    """The event without its envelope: a new fact, whatever it was copied from."""
    return replace(event, event_id="", occurred_at=0, producer="", correlation_id="", causation_id=None)


ENVELOPE = Event.__struct_fields__
"""Names of the envelope's fields, in the order in which every schema begins."""
