"""Who asks a chat for something, from where, and how the edge says no."""

from typing import NamedTuple


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
    """Number of the connection in this process, from 1; 0 is a request that stands for itself."""


class ShedError(Exception):
    """Too much comes from this connection or address: nothing was handed in. The text is for the one who sent it."""

    def __init__(self, text: str, wait_ms: int) -> None:
        super().__init__(text)
        self.wait_ms = wait_ms
        """Milliseconds until it may be tried again."""


class InvalidCommandError(ValueError):
    """It cannot be handed in like this. The text says cause and fix, for the one who sent it."""
