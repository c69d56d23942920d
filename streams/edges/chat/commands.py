"""What may be asked of a chat beside saying something, and how its fields become an event."""

import re
from typing import Any, NamedTuple

import msgspec

from schemas.event import Event
from schemas.events import (
    Announce,
    ChangeMode,
    ChangeTerm,
    ClearChat,
    DeleteMessage,
    GrantRole,
    LiftSanction,
    ReviewMessage,
    SanctionUser,
)
from streams.edges.chat.request import InvalidCommandError, Person
from streams.edges.chat.text import clean

BY_MODERATOR = (ChangeMode, ChangeTerm, ClearChat, DeleteMessage, GrantRole, LiftSanction, ReviewMessage, SanctionUser)
"""Commands that say who asks in `moderator_id`."""
TYPES: dict[str, type[Event]] = {event.__name__: event for event in (*BY_MODERATOR, Announce)}
FILLED = {"channel_id", "moderator_id"}
"""What the one who asks does not say."""
FILLED_ANNOUNCE = {"channel_id", "message_id", "user_id", "user_login", "display_name", "color"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBER = re.compile(r"[0-9]{1,20}")
ACCENTS = ("primary", "blue", "green", "orange", "purple")
TEXTS = {"text", "reason", "term"}
"""Fields that people write."""


class Asked(NamedTuple):
    """A command that can be handed in."""

    event: Event
    subject: str | None
    """Whose key seals its texts; None where it has none."""


def read(who: Person, kind: str, channel_id: str, event_id: str, values: dict[str, Any]) -> Asked:
    """The event of a command.

    Raises:
        InvalidCommandError: there is no such command, or its fields are not what it takes.
    """
    event = TYPES.get(kind)
    if event is None:
        raise InvalidCommandError(f"There is no command {kind!r}; there are {', '.join(sorted(TYPES))}.")
    own = [name for name in event.__struct_fields__ if name not in Event.__struct_fields__]
    filled = FILLED_ANNOUNCE if event is Announce else FILLED
    takes = [name for name in own if name not in filled]
    if strange := sorted(values.keys() - set(takes)):
        raise InvalidCommandError(f"{kind} has no {', '.join(strange)} to be given; it takes {', '.join(takes) or 'nothing'}.")
    given = {name: clean(value) if name in TEXTS and isinstance(value, str) else value for name, value in values.items()}
    asker = (
        {"message_id": event_id, "user_id": who.user_id, "user_login": who.login, "display_name": who.display_name, "color": who.color}
        if event is Announce
        else {"moderator_id": who.user_id}
    )
    try:
        made = msgspec.convert({**given, **asker, "event_id": event_id, "channel_id": channel_id}, event)
    except msgspec.ValidationError as cause:
        raise InvalidCommandError(f"{kind}: {cause}. It takes {', '.join(takes)}.") from cause
    _check(kind, given)
    return Asked(made, _subject(made))


def _check(kind: str, given: dict[str, Any]) -> None:
    """Whether ids look like ids, and texts that are needed are there."""
    for name, shape, what in (("message_id", UUID, "a UUID, as clients see it"), ("user_id", NUMBER, "decimal digits")):
        if name in given and not shape.fullmatch(given[name]):
            raise InvalidCommandError(f"{kind}: {name} is {given[name][:50]!r}; it is {what}.")
    for name in ("text", "term"):
        if given.get(name) == "":
            raise InvalidCommandError(f"{kind}: {name} is empty.")
    if given.get("accent", ACCENTS[0]) not in ACCENTS:
        raise InvalidCommandError(f"{kind}: accent is one of {', '.join(ACCENTS)}.")


def _subject(event: Event) -> str | None:
    """Whose texts the event holds."""
    if isinstance(event, Announce) or (isinstance(event, SanctionUser) and event.reason):
        return event.user_id
    return None
