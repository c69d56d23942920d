"""The chat view: commands of a channel in, what is shown and what is answered out."""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from processors.chat.backlog import relieve, report
from processors.chat.blocking import change_term
from processors.chat.memory import Fingerprint, forget
from processors.chat.modes import change_mode
from processors.chat.notices import announce, follow, raid, subscribe, throttle
from processors.chat.policy import LIVE, Policy
from processors.chat.posting import Poster
from processors.chat.removal import clear, delete
from processors.chat.reviews import expire, review
from processors.chat.roles import grant
from processors.chat.sanctions import lift, sanction
from processors.chat.state import FLOW, SELF, TABLES, flow_of, room_of
from schemas import events as e
from schemas.event import Event
from streams.fold import At, Rows

Handler = Callable[[Rows, Any, At], Iterable[Event]]


def plain(text: str) -> str:
    """A fingerprint without a key, where nothing is sealed either."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


class ChatFold:
    """Decides what is said in a channel.

    Each command has one direct answer, the first of its outputs; what was due anyway comes behind it.
    """

    name = "chat"
    version = 1
    inputs = ("chat.message.commands.v1",)
    outputs: tuple[type[Event], ...] = (
        e.MessagePosted,
        e.MessageHeld,
        e.MessageDenied,
        e.MessageRefused,
        e.MessageDeleted,
        e.ChatCleared,
        e.UserTimedOut,
        e.UserBanned,
        e.UserUnbanned,
        e.ModeChanged,
        e.RoleChanged,
        e.TermChanged,
        e.NoticePosted,
        e.CommandRefused,
        e.CommandDone,
        e.RoomState,
        e.BanState,
    )
    tables = TABLES
    opens = {e.PostMessage: ("text",), e.Announce: ("text",)}  # noqa: RUF012
    fingerprints = "unique-chat"

    def __init__(self, fingerprint: Fingerprint = plain, policy: Policy = LIVE) -> None:
        """`policy`: what texts are judged by; another than live gives decisions that are compared, and never sent."""
        self._policy = policy
        self._handlers: dict[type[Event], Handler] = {
            e.PostMessage: Poster(fingerprint, policy).post,
            e.DeleteMessage: delete,
            e.SanctionUser: sanction,
            e.LiftSanction: lift,
            e.ClearChat: clear,
            e.ChangeMode: change_mode,
            e.ChangeTerm: change_term,
            e.ReviewMessage: review,
            e.GrantRole: grant,
            e.Announce: announce,
            e.ReportBacklog: report,
            e.ThrottleUser: throttle,
            e.RecordFollow: follow,
            e.RecordSubscription: subscribe,
            e.RecordRaid: raid,
        }

    def keyed(self, fingerprint: Fingerprint) -> "ChatFold":
        """The same fold with the fingerprints of a key."""
        return ChatFold(fingerprint, self._policy)

    def apply(self, rows: Rows, event: Event, at: At) -> Iterable[Event]:
        """Folds one command in."""
        handler = self._handlers.get(type(event))
        if handler is None:
            return ()
        made = handler(rows, event, at)
        due = _due(rows, event.channel_id, at.time)  # type: ignore[attr-defined]
        return (*made, *due) if due else made


def _due(rows: Rows, channel_id: str, now: int) -> list[Event]:
    """What time alone brings; a few rows at most."""
    flow = flow_of(rows)
    if flow.heard_first == flow.heard_next and flow.held_first == flow.held_next and not room_of(rows).auto_slow:
        return []
    swept, denied = expire(rows, forget(rows, flow, now), channel_id, now)
    if swept is not flow:
        rows[FLOW][SELF] = swept
    return [*denied, *relieve(rows, channel_id, now)]
