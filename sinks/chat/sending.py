"""What a gateway hands on and never does itself: commands of the people connected to it. The chat edge does it.

A command is handed in and gets an id at once; what the chat view made of it arrives on the log as events whose causation_id is that id.
"""

from typing import Any, NamedTuple, Protocol


class Person(NamedTuple):
    """Who is signed in on a connection."""

    user_id: str
    login: str
    display_name: str
    color: str


class Origin(NamedTuple):
    """Where a command comes from, for shedding."""

    address: str
    """IP address of the client."""
    connection: int
    """Number of the connection in this process."""


class ShedError(Exception):
    """Too much comes from this connection or address: nothing was handed in. The text is for the one who sent it."""

    def __init__(self, text: str, wait_ms: int) -> None:
        super().__init__(text)
        self.wait_ms = wait_ms
        """Milliseconds until it may be tried again."""


class InvalidCommandError(ValueError):
    """It cannot be handed in like this. The text says cause and fix, for the one who sent it."""


class Sending(Protocol):
    """The chat edge, as gateways and the API see it. For one event loop."""

    async def say(
        self, who: Person, channel_id: str, text: str, *, origin: Origin, action: bool = False, reply_to: str | None = None
    ) -> str:
        """Hands a message in; the id under which clients will see it, which is the command's id too.

        Returns once the command is on its way; it waits there while the broker is away.

        Raises:
            ShedError, InvalidCommandError: nothing was handed in.
        """

    async def command(self, who: Person, kind: str, channel_id: str, *, origin: Origin, **values: Any) -> str:
        """Hands a moderator's command in; its id. `kind` is an event type's name, such as `SanctionUser`; `values` its fields.

        Fields that say who asks are filled in from `who`.

        Raises:
            ShedError, InvalidCommandError: nothing was handed in.
        """

    async def color(self, who: Person, color: str) -> None:
        """Sets how the name is shown, #RRGGBB.

        Raises:
            InvalidCommandError: no colour.
        """

    def answered(self, command_id: str) -> None:
        """What the chat view made of a command has been seen: it no longer counts as waiting."""
