"""What a gateway and the dialects spoken on its connections (IRC, JSON) are to each other.

The gateway owns sockets, rooms and fan-out; a dialect owns words. What a room's members all get is rendered once per variant of a
dialect and handed to every socket as the same bytes; what concerns one connection goes through `Connection.send`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from schemas.event import Event
from schemas.events import MessagePosted, RoomState
from sinks.chat.sending import Origin, Person, Sending
from streams.edges.accounts import Accounts
from streams.fold import At

ROOMS_MOST = 100
"""Rooms that one connection may be in: Twitch's limit for most clients. A dialect refuses the next; `enter` would close with 1008."""
Answered = Callable[[Event], None]
"""Takes the event that the chat view made of a command: its causation_id is the command's id."""


class Standing(NamedTuple):
    """What a user is in a room, as far as the gateway has seen."""

    broadcaster: bool
    moderator: bool
    """The broadcaster is not one by this."""
    vip: bool
    badges: Sequence[str]
    """`set/version`, as at the user's last message; before the first those that follow from the roles."""
    badge_info: Sequence[str]


class Shown(Protocol):
    """What is on view in a channel's chat."""

    def message(self, message_id: str) -> MessagePosted | None:
        """A message that is shown and among the newest hundreds: for replies and deletions."""


class Room(Shown, Protocol):
    """A channel's chat, as a gateway has it."""

    channel_id: str
    auto_slow: bool
    """Whether the platform itself made it slow, by a backlog."""
    replays: bool
    """Whether what is being rendered and joined is history, or what was missed before joining."""

    @property
    def login(self) -> str:
        """Of the channel."""

    @property
    def display_name(self) -> str:
        """The channel's name as shown."""

    @property
    def state(self) -> RoomState:
        """Its rules; those of a new room before the first row."""

    def standing(self, user_id: str) -> Standing:
        """What a user is in it."""

    def present(self) -> Sequence[str]:
        """Logins of some who are connected to it here, at most 100, in order."""

    def token(self) -> str:
        """Where the room's stream is: resumes behind what has been sent."""


class Variant(Protocol):
    """One of the ways in which a dialect renders a room's events, such as IRC with tags. Compared by identity."""

    def render(self, room: Room, event: Event, at: At) -> str:
        """What every member gets of an event; empty for nothing. Called as it comes, in the log's order, and again when it is replayed.

        What only the one who asked hears of (MessageRefused, CommandRefused, CommandDone) does not come here.
        """

    def joined(self, room: Room, rendered: Sequence[str], skipped: int) -> str:
        """The frame of one tick: what was rendered, joined. `skipped`: messages that a sample left out.

        After `enter` it is called with nothing rendered where there is no history. Empty is not sent.
        """

    def moderates(self, event: Event) -> bool:
        """Whether an event is for moderators and the broadcaster alone."""


class Connection(Protocol):
    """One client. For one event loop."""

    origin: Origin
    person: Person | None
    """Who is signed in on it: the session sets this. It decides who gets what is for moderators, and which lines a sample keeps."""

    def send(self, text: str) -> None:
        """A frame (on TCP: whole lines) to this client alone, in order with what its rooms send."""

    def enter(self, room: Room, variant: Variant, *, resume: str | None = None, history: int = 0) -> bool:
        """Joins: the room's stream goes to this client from now on, without gap or repeat.

        With a token first what was missed since, else the newest `history` messages, are rendered and sent, after what the session
        sends in the same turn of the loop. Whether it resumes where the token was; False too where there was none.
        """

    def leave(self, room: Room) -> None:
        """Ends that."""

    def own(self, message_id: str) -> None:
        """The message with this id is this client's own and is not sent to it. Call it right after `say`."""

    def expect(self, command_id: str, answered: Answered) -> None:
        """`answered` is called once with what comes of a command; never where the connection ends before."""

    def close(self, code: int, reason: str) -> None:
        """Ends it after what is sent has gone out; on TCP the code is not told."""


class Session(Protocol):
    """A dialect's side of one connection."""

    def received(self, text: str) -> None:
        """A text frame, or on TCP a line. It may hold several lines."""

    def silent(self) -> None:
        """Called about every 30 s in which nothing was received: time to ping."""

    def ending(self) -> None:
        """The gateway is about to stop: say so. The socket is closed soon after."""

    def closed(self) -> None:
        """The connection has ended."""


class Hub(Protocol):
    """What a gateway offers its sessions."""

    accounts: Accounts
    sending: Sending

    def room(self, login: str) -> Room | None:
        """The chat of a channel; None where there is no such channel, or another gateway serves it."""

    def elsewhere(self, login: str) -> str | None:
        """URL of the gateway that serves a channel that this one does not; None where this one does, or there is no such channel."""

    def spawn(self, connection: Connection, work: Callable[[], Awaitable[None]]) -> None:
        """Runs a coroutine function beside the session, in order with the connection's other work; errors are logged."""


Dialect = Callable[[Connection, Hub], Session]
"""Makes the session of a new connection."""
