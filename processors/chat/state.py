"""What the chat view keeps of a channel: few rows a message, none of which grows with the users.

Who writes how much is in `users`, one row a user. What many users share is in rows that a message reads whole, and these are kept
small: `room` holds rules but neither the roster nor the terms, which are read where they change or where a cache does not know them.
What expires is queued in the order of the log (`heard_order`, `held_order`), so that it is found without a search.
"""

from typing import Literal

import msgspec

from schemas.events.chat import EmoteSpan
from streams.fold import Rows, Table

SELF = "self"
"""Key of a row that its table has one of."""
SECOND_US = 1_000_000
SKEW_US = 10 * SECOND_US
"""How far clocks of edges may be apart, at most: a stamp that lies further ahead is a broken clock's and binds nobody."""


class User(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user in the channel, under the user's id; times in UTC microseconds."""

    last: int = 0
    """Time of the newest message that was taken; 0 before the first."""
    moderator: bool = False
    vip: bool = False
    banned: bool = False
    silent_until: int = 0
    """End of a time-out."""
    throttled_until: int = 0
    """What the pace over all channels allows next."""
    follows_since: int = 0
    """0 is not following."""
    plan: str = ""
    """Price tier of the newest subscription."""
    months: int = 0
    """Months subscribed in all."""
    subscribed_until: int = 0

    def sanctioned(self, now: int) -> bool:
        """Whether a ban or a time-out holds."""
        return self.banned or now < self.silent_until

    def subscribes(self, now: int) -> bool:
        """Whether a subscription runs."""
        return now < self.subscribed_until


class Room(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rules that a message meets."""

    slow_seconds: int = 0
    """As moderators set it."""
    followers_only_minutes: int = -1
    subscribers_only: bool = False
    emote_only: bool = False
    unique_chat: bool = False
    automod_level: int = 2
    terms: str = ""
    """Hash of the channel's blocked terms, by which the matcher is cached; empty without any."""
    auto_slow: bool = False
    """Whether the platform slows the room by its backlog."""
    pressed: int = 0
    """While it does: when the backlog was last above the lower limit, UTC microseconds."""


class Roster(msgspec.Struct, frozen=True, omit_defaults=True):
    """What messages need not read: lists, each sorted."""

    moderators: tuple[str, ...] = ()
    vips: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


class Flow(msgspec.Struct, frozen=True, omit_defaults=True):
    """What changes with each message. `first` and `next` are places in queues: the oldest entry, and where the next will be."""

    context: float = 0.0
    """Decayed mean of AutoMod's recent scores."""
    heard_first: int = 0
    heard_next: int = 0
    held_first: int = 0
    held_next: int = 0


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message that waits for a moderator, under its id. Names and text are sealed."""

    user_id: str
    user_login: str
    display_name: str
    text: str
    until: int
    """When it is denied by itself, UTC microseconds."""
    color: str = ""
    badges: tuple[str, ...] = ()
    badge_info: tuple[str, ...] = ()
    emotes: tuple[EmoteSpan, ...] = ()
    reply_to: str | None = None
    action: bool = False
    first_message: bool = False
    score: float = 0.0
    model: str = ""


class Heard(msgspec.Struct, frozen=True):
    """A text that was said, under its keyed fingerprint."""

    time: int
    """UTC microseconds."""
    place: int
    """Of its entry in the queue."""


class HeardEntry(msgspec.Struct, frozen=True):
    """An entry of the queue of texts, under its place."""

    fingerprint: str
    time: int


class HeldEntry(msgspec.Struct, frozen=True):
    """An entry of the queue of held messages, under its place."""

    message_id: str


class Node(msgspec.Struct, frozen=True):
    """What an edge reported last, under its name."""

    waiting: int
    time: int


USERS = Table("users", User)
ROOM = Table("room", Room)
ROSTER = Table("roster", Roster)
FLOW = Table("flow", Flow)
HELD = Table("held", Held)
HELD_ORDER = Table("held_order", HeldEntry)
HEARD = Table("heard", Heard)
HEARD_ORDER = Table("heard_order", HeardEntry)
NODES = Table("nodes", Node)
TABLES = (USERS, ROOM, ROSTER, FLOW, HELD, HELD_ORDER, HEARD, HEARD_ORDER, NODES)

NEW_USER, NEW_ROOM, NEW_ROSTER, NEW_FLOW = User(), Room(), Roster(), Flow()
Power = Literal["none", "vip", "moderator", "broadcaster"]
"""What a user may do in a channel, from least to most."""


def user_of(rows: Rows, user_id: str) -> User:
    """A user's row, or that of one who was never seen."""
    found: User = rows[USERS].get(user_id, NEW_USER)
    return found


def room_of(rows: Rows) -> Room:
    """The channel's rules, or those of a new one."""
    found: Room = rows[ROOM].get(SELF, NEW_ROOM)
    return found


def roster_of(rows: Rows) -> Roster:
    """The channel's lists, or empty ones."""
    found: Roster = rows[ROSTER].get(SELF, NEW_ROSTER)
    return found


def flow_of(rows: Rows) -> Flow:
    """The channel's counters, or new ones."""
    found: Flow = rows[FLOW].get(SELF, NEW_FLOW)
    return found


def power(channel_id: str, user_id: str, user: User) -> Power:
    """What a user may do in a channel."""
    if user_id == channel_id:
        return "broadcaster"
    return "moderator" if user.moderator else "vip" if user.vip else "none"


def may_moderate(rows: Rows, channel_id: str, user_id: str, now: int) -> bool:
    """Whether a user is the broadcaster, or a moderator who is not silenced."""
    if user_id == channel_id:
        return True
    user = user_of(rows, user_id)
    return user.moderator and not user.sanctioned(now)
