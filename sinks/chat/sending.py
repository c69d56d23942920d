"""What a gateway hands on and never does itself: commands of the people connected to it. The chat edge does it.

A command is handed in and gets an id at once; what the chat view made of it arrives on the log as events whose causation_id is that id.
"""

from typing import Any, Protocol

from streams.edges.chat.request import InvalidCommandError, Origin, Person, ShedError

__all__ = ["InvalidCommandError", "Origin", "Person", "Sending", "ShedError"]


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
