"""A channel's chat on this gateway: its members, and what they get."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from schemas.event import Event
from schemas.events import MessagePosted, ModeChanged, RoomState
from sinks.chat.client import Client
from sinks.chat.dialect import Standing, Variant
from sinks.chat.metrics import BYTES, DELIVERIES, FRAMES, LATENCY, SKIPPED
from sinks.chat.recent import Recent
from sinks.chat.sampling import Sampler, mentioned
from sinks.chat.token import Place, place_of
from streams.clock import now_us
from streams.fold import At

if TYPE_CHECKING:
    from sinks.chat.hall import Hall

PRESENT = 100
"""Logins told at most."""
CHUNK = 200
"""Events of a replay in one frame, some 100 KB."""
HISTORIES = 32
"""Ways of asking for history whose last frame is kept."""
AHEAD_S = 0.02
"""Between two looks whether this gateway has come to where a client was on another."""
AHEAD_MOST = 250
"""Looks: 5 s. A made-up token leads nowhere else."""


class Line(NamedTuple):
    """A rendered event of a tick."""

    event: Event
    text: str
    moderates: bool
    left_out: bool


class Member:
    """A connection in a room."""

    __slots__ = ("client", "enters", "history", "looks", "position", "variant")

    def __init__(self, client: Client, variant: Variant, position: int | None, history: int) -> None:
        self.client = client
        self.variant = variant
        self.position = position
        """Offset up to which it has been sent everything; None before its history."""
        self.history = history
        self.enters = True
        """Whether it has yet to get to the present for the first time."""
        self.looks = 0


class ChatRoom:
    """A room. On one event loop."""

    def __init__(self, hall: "Hall", channel_id: str, partition: int, floor: int) -> None:
        self.channel_id = channel_id
        self.auto_slow = False
        self.replays = False
        self.partition = partition
        self.members: dict[Client, Member] = {}
        self.recent = Recent(floor)
        self._hall = hall
        self._people: dict[str, dict[Client, None]] = {}
        """Signed-in members by user id."""
        self._live: dict[tuple[Variant, object], dict[Client, Member]] = {}
        """By variant and framing: those who get the same bytes."""
        self._joining: dict[Member, None] = {}
        self._buffer: list[tuple[Event, At]] = []
        self._sent = floor
        """Offset up to which everything has been sent to the live ones."""
        self._cursor = floor
        """What the token says."""
        self._histories: dict[tuple[Variant, object, int], tuple[int, bytes]] = {}
        self._sampler = Sampler(hall.config.sample_above)
        self._left_out = 0
        self.sent_at = 0.0
        """When the hall last let it send, by the loop's clock."""

    @property
    def login(self) -> str:
        """The channel's login; its id where the account is gone."""
        account = self._hall.accounts.by_id(self.channel_id)
        return self.channel_id if account is None else account.login

    @property
    def display_name(self) -> str:
        """The channel's name as shown."""
        account = self._hall.accounts.by_id(self.channel_id)
        return self.channel_id if account is None else account.display_name

    @property
    def state(self) -> RoomState:
        """Its rules."""
        return self._hall.state(self.channel_id)

    @property
    def idle(self) -> bool:
        """Whether nothing would be lost with it."""
        return not self.members and not len(self.recent)

    def message(self, message_id: str) -> MessagePosted | None:
        """A message that is shown."""
        return self.recent.message(message_id)

    def standing(self, user_id: str) -> Standing:
        """What a user is in it."""
        broadcaster, moderator, vip = user_id == self.channel_id, user_id in self.state.moderators, user_id in self.state.vips
        last = self.recent.last_of(user_id)
        roles = (("broadcaster/1", broadcaster), ("moderator/1", moderator), ("vip/1", vip))
        badges = last.badges if last is not None else tuple(badge for badge, has in roles if has)
        return Standing(broadcaster, moderator, vip, badges, last.badge_info if last is not None else ())

    def present(self) -> Sequence[str]:
        """Logins of some who are here."""
        accounts = (self._hall.accounts.by_id(user_id) for user_id in islice(self._people, PRESENT))
        return sorted(account.login for account in accounts if account is not None)

    def token(self) -> str:
        """Where its stream is."""
        return str(Place(self.partition, self._cursor))

    def know(self, client: Client) -> None:
        """A member has signed in."""
        if client.person is not None:
            self._people.setdefault(client.person.user_id, {})[client] = None

    def unknow(self, client: Client) -> None:
        """A member is no longer who it was."""
        here = self._people.get(client.person.user_id) if client.person is not None else None
        if here is not None and client.person is not None:
            here.pop(client, None)
            if not here:
                del self._people[client.person.user_id]

    def enter(self, client: Client, variant: Variant, resume: str | None, history: int) -> bool:
        """A client joins; whether it resumes."""
        self._remove(client)
        if not self.members:
            self._hall.entered()
        place = None if resume is None else place_of(resume)
        position = place.offset if place is not None and self._hall.resumable(self.partition, place) else None
        self.members[client] = member = Member(client, variant, position, history)
        self.know(client)
        self._join(member)
        return position is not None

    def leave(self, client: Client) -> None:
        """A client leaves."""
        if self._remove(client) and not self.members:
            self._buffer = []
            self._hall.left(self)

    def fall_behind(self, client: Client) -> None:
        """Too much waits for a client: it has got everything up to now, and nothing for a while."""
        member = self.members[client]
        if self._not_live(member):
            member.position = self._sent

    def catch_up(self, client: Client) -> None:
        """A client takes frames again."""
        self._join(self.members[client])

    def apply(self, event: Event, at: At) -> None:
        """An event comes from the log."""
        if isinstance(event, ModeChanged) and event.slow_seconds is not None:
            self.auto_slow = event.moderator_id is None and event.slow_seconds > 0
        self.recent.add(at.offset, event)
        if self.members:
            self._buffer.append((event, at))
        else:
            self._sent = self._cursor = at.offset

    def forget(self, user_id: str) -> None:
        """A person's texts may not be shown any more."""
        self.recent.forget(user_id)
        self._histories.clear()

    def flush(self) -> None:
        """Sends what has come since the last time to all who are in the present."""
        batch, self._buffer = self._buffer, []
        self._sent = self._cursor = self._hall.head(self.partition)
        if not batch:
            return
        left_out = self._sample(batch)
        rendered: dict[Variant, list[Line]] = {}
        deliveries = frames = written = 0
        told = False
        for (variant, _), group in list(self._live.items()):
            lines = rendered.get(variant)
            if lines is None:
                lines = rendered[variant] = [
                    Line(event, text, variant.moderates(event), number in left_out)
                    for number, (event, at) in enumerate(batch)
                    if (text := variant.render(self, event, at))
                ]
            apart = self._apart(lines)
            common = [line.text for line in lines if not line.moderates and not line.left_out]
            clients = list(group)
            frame = self._frame(clients[0], variant, common, self._left_out)
            if frame:
                told = True
                for client in clients:
                    if client not in apart:
                        client.transport.write(frame)
                alike = len(clients) - sum(client in apart for client in clients) if apart else len(clients)
                deliveries += alike * len(common)
                frames += alike
                written += alike * len(frame)
            for client in apart:
                if client in group:
                    count, size = self._write_apart(client, variant, lines)
                    deliveries, frames, written = deliveries + count, frames + 1, written + size
        if told:
            self._left_out = 0
        DELIVERIES.inc(deliveries)
        FRAMES.inc(frames)
        BYTES.inc(written)
        now = now_us()
        for event, _ in batch:
            LATENCY.observe((now - event.occurred_at) / 1e6)

    def _sample(self, batch: Sequence[tuple[Event, At]]) -> set[int]:
        """Numbers of the messages that most will not get."""
        keep = {self.channel_id, *self.state.moderators}
        candidates = [n for n, (event, _) in enumerate(batch) if isinstance(event, MessagePosted) and event.user_id not in keep]
        left_out = self._sampler.left_out(candidates, time.monotonic())
        self._left_out += len(left_out)
        SKIPPED.inc(len(left_out))
        return left_out

    def _apart(self, lines: Iterable[Line]) -> dict[Client, None]:
        """Who gets another frame than most."""
        found: dict[Client, None] = {}
        for event, _, moderates, left_out in lines:
            if isinstance(event, MessagePosted):
                if self._hall.own and (owner := self._hall.own.get(event.message_id)) is not None:
                    found[owner] = None
                if left_out:
                    for user_id in (event.user_id, *self._mentions(event)):
                        found.update(self._people.get(user_id, {}))
            if moderates:
                for user_id in (self.channel_id, *self.state.moderators):
                    found.update(self._people.get(user_id, {}))
        return found

    def _mentions(self, event: MessagePosted) -> list[str]:
        accounts = (self._hall.accounts.by_login(login) for login in mentioned(event.text))
        return [account.channel_id for account in accounts if account is not None]

    def _write_apart(self, client: Client, variant: Variant, lines: Sequence[Line]) -> tuple[int, int]:
        """One client's own frame: how many events, how many bytes."""
        me = client.person.user_id if client.person is not None else ""
        texts, left_out = [], self._left_out
        for line in lines:
            event = line.event
            if self._own(client, event) or (line.moderates and not self._moderates(client)):
                continue
            if line.left_out and isinstance(event, MessagePosted):
                if event.user_id != me and me not in self._mentions(event):
                    continue
                left_out -= 1
            texts.append(line.text)
        frame = self._frame(client, variant, texts, left_out)
        if frame:
            client.transport.write(frame)
        return len(texts), len(frame)

    def _own(self, client: Client, event: Event) -> bool:
        return isinstance(event, MessagePosted) and event.message_id in client.own_ids

    def _moderates(self, client: Client) -> bool:
        person = client.person
        return person is not None and (person.user_id == self.channel_id or person.user_id in self.state.moderators)

    def _frame(self, client: Client, variant: Variant, texts: Sequence[str], left_out: int) -> bytes:
        """The bytes of a tick; none where nothing is said."""
        joined = variant.joined(self, texts, left_out) if texts else ""
        return client.frame(joined.encode()) if joined else b""

    def _join(self, member: Member) -> None:
        """At the end of this turn of the loop a member gets what lies between its position and the present."""
        if not self._joining:
            asyncio.get_running_loop().call_soon(self._admit)
        self._joining[member] = None

    def _admit(self) -> None:
        self.flush()
        joining, self._joining = self._joining, {}
        for member in joining:
            self._advance(member)

    def _advance(self, member: Member) -> None:
        """Sends a member what it lacks; in the present, it gets what the others get."""
        client, head = member.client, self._hall.head(self.partition)
        while self.members.get(client) is member and not client.paused:
            if member.position is None:
                self._begin(member, head)
            elif member.position > head and member.looks < AHEAD_MOST:
                member.looks += 1
                asyncio.get_running_loop().call_later(AHEAD_S, self._look_again, member)
                return
            elif member.position >= head and not member.enters:
                self._live.setdefault((member.variant, client.frame), {})[client] = member
                client.slow_since = None
                return
            elif member.position >= self.recent.floor:
                self._replay(member, self.recent.after(member.position), head)
            else:
                self._hall.read_missed(self, member)
                return

    def _look_again(self, member: Member) -> None:
        if self.members.get(member.client) is member:
            self._join(member)

    def missed(self, member: Member, events: Recent, end: int) -> None:
        """What a member lacks up to `end` has been read from the log; what was taken away since is left out."""
        self.flush()
        for offset, event in self.recent.after(end):
            events.add(offset, event)
        found = [(offset, event) for offset, event in events.after(member.position or -1) if offset <= end]
        while self.members.get(member.client) is member and not member.client.paused and (found or member.enters):
            self._replay(member, found, end)
            found = [each for each in found if each[0] > (member.position or -1)]
        if not found:
            member.position = max(end, member.position or -1)
        self._advance(member)

    def _begin(self, member: Member, head: int) -> None:
        """The history, which many may ask for at once."""
        client = member.client
        moderates = self._moderates(client)
        key = (member.variant, client.frame, member.history)
        known = self._histories.get(key)
        member.position = head
        if moderates or known is None or known[0] != head:
            frame = self._replayed(member, self.recent.newest(member.history), head)
            if not moderates and len(self._histories) < HISTORIES:
                self._histories[key] = (head, frame)
        else:
            frame = known[1]
        member.enters = False
        if frame:
            client.transport.write(frame)

    def _replay(self, member: Member, events: Sequence[tuple[int, Event]], end: int) -> None:
        """One frame of what was missed."""
        chunk = events[:CHUNK]
        upto = chunk[-1][0] if len(events) > CHUNK else max(end, member.position or -1)
        frame = self._replayed(member, chunk, upto)
        member.position = upto
        member.enters = member.enters and len(events) > CHUNK
        if frame:
            member.client.transport.write(frame)

    def _replayed(self, member: Member, events: Iterable[tuple[int, Event]], upto: int) -> bytes:
        variant, client = member.variant, member.client
        moderates = self._moderates(client)
        self.replays, self._cursor = member.enters, upto
        try:
            texts = [
                text
                for offset, event in events
                if (member.enters or not self._own(client, event))
                and (moderates or not variant.moderates(event))
                and (text := variant.render(self, event, self._hall.at(self.partition, offset, event)))
            ]
            joined = variant.joined(self, texts, 0) if texts or member.enters else ""
        finally:
            self.replays, self._cursor = False, self._sent
        DELIVERIES.inc(len(texts))
        return client.frame(joined.encode()) if joined else b""

    def _remove(self, client: Client) -> bool:
        member = self.members.pop(client, None)
        if member is None:
            return False
        self._not_live(member)
        self._joining.pop(member, None)
        self.unknow(client)
        return True

    def _not_live(self, member: Member) -> bool:
        """Takes a member out of the present; whether it was there."""
        group = self._live.get((member.variant, member.client.frame))
        if group is None or group.pop(member.client, None) is None:
            return False
        if not group:
            del self._live[member.variant, member.client.frame]
        return True
