"""A room's newest events, after moderation: what history, replies, deletions and resumes are served from."""

from collections import OrderedDict
from collections.abc import Iterator

from schemas.event import Event
from schemas.events import ChatCleared, MessageDeleted, MessageDenied, MessageHeld, MessagePosted, NoticePosted, UserBanned, UserTimedOut

Shown = MessagePosted | NoticePosted | MessageHeld
"""What moderation takes away."""


class Recent:
    """Events by offset. What a moderator took away is gone at once; the event that says so stays."""

    def __init__(self, floor: int) -> None:
        self.floor = floor
        """Every event of the room behind this offset is here, or was taken away."""
        self._events: OrderedDict[int, Event] = OrderedDict()
        self._offsets: dict[str, int] = {}
        """Of shown events by message id."""

    def __len__(self) -> int:
        return len(self._events)

    def add(self, offset: int, event: Event) -> None:
        """Takes an event in, with its effect on those before."""
        match event:
            case MessageDeleted() | MessageDenied():
                self._take(event.message_id)
            case UserTimedOut() | UserBanned():
                self.forget(event.user_id)
            case ChatCleared():
                for message_id in [message_id for message_id, at in self._offsets.items() if not isinstance(self._events[at], MessageHeld)]:
                    self._take(message_id)
            case MessagePosted() | NoticePosted() | MessageHeld():
                self._take(event.message_id)  # held until now
                self._offsets[event.message_id] = offset
            case _:
                pass
        self._events[offset] = event

    def drop_oldest(self) -> None:
        """Forgets the oldest: it can be read from the log."""
        offset, event = self._events.popitem(last=False)
        self.floor = offset
        if isinstance(event, Shown):
            self._offsets.pop(event.message_id, None)

    def forget(self, user_id: str) -> None:
        """Takes away what a user wrote."""
        for message_id in [message_id for message_id, at in self._offsets.items() if getattr(self._events[at], "user_id", None) == user_id]:
            self._take(message_id)

    def message(self, message_id: str) -> MessagePosted | None:
        """A message that is shown."""
        event = self._events.get(self._offsets.get(message_id, -1))
        return event if isinstance(event, MessagePosted) else None

    def after(self, offset: int) -> list[tuple[int, Event]]:
        """Everything behind an offset that is not below the floor, oldest first."""
        found = []
        for at, event in reversed(self._events.items()):
            if at <= offset:
                break
            found.append((at, event))
        return found[::-1]

    def newest(self, count: int) -> list[tuple[int, Event]]:
        """The newest `count` messages, and held ones that wait, oldest first."""
        found: list[tuple[int, Event]] = []
        for at, event in reversed(self._events.items()):
            if count == 0:
                break
            if isinstance(event, MessagePosted | MessageHeld):
                found.append((at, event))
                count -= isinstance(event, MessagePosted)
        return found[::-1]

    def last_of(self, user_id: str) -> MessagePosted | None:
        """The newest message of a user."""
        return next((event for event in self._backwards() if isinstance(event, MessagePosted) and event.user_id == user_id), None)

    def _backwards(self) -> Iterator[Event]:
        return reversed(self._events.values())

    def _take(self, message_id: str) -> None:
        offset = self._offsets.pop(message_id, None)
        if offset is not None:
            del self._events[offset]
