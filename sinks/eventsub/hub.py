"""Who is told of what: subscriptions as the log has them, held against every event, and the lines on which clients are told."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Protocol

import structlog
from msgspec.structs import replace

from schemas.errors import SchemaError
from schemas.event import Event
from schemas.events import ChannelProfile, EventDelivered, EventSubscription, RoomState
from schemas.privacy import Keys, open_event, personal_fields
from schemas.wire import Codec
from sinks.eventsub.kinds import CHANNELS, KINDS, RAID
from sinks.eventsub.messages import Message, notification
from sinks.eventsub.notices import Notice, Told, channels, notices
from streams.edges.accounts import Accounts
from streams.fold import At
from streams.keys import partition_for
from streams.log import Log, Position, Record
from streams.topics import OF_EVENT, PARTITIONS

logger = structlog.get_logger()
TOPICS = (OF_EVENT[EventSubscription].name, OF_EVENT[EventDelivered].name)
"""What it is folded from, beside the events that are told."""
TOLD_ON = {
    "stream": "media.stream.events.v1",
    "channel.update": "channel.info.state.v1",
    "channel.follow": "channel.social.events.v1",
    "channel.subscribe": "channel.social.events.v1",
    "channel.raid": "channel.social.events.v1",
}
"""By type, or by its first part, the topic whose events it is told of; the others are the chat's."""
CHAT = "chat.message.events.v1"
STANDING = ("enabled", "webhook_callback_verification_pending")
"""Statuses of a subscription that is told, or will be."""
Starts = Mapping[tuple[str, int], int]
"""Per (topic, partition) the offset from which on events are told."""


class Line(Protocol):
    """The way to a client."""

    def take(self, subscription: EventSubscription, message: Message) -> None:
        """Takes a message, in order, without waiting."""

    def ended(self, subscription: EventSubscription) -> None:
        """The subscription is no more; its status says why where it is not `enabled`."""


class Hub:
    """All subscriptions. For one event loop.

    A subscription is told nothing until it is opened, so that its client knows of it first; what comes before is kept for it.
    """

    def __init__(
        self,
        log: Log,
        codec: Codec,
        accounts: Accounts,
        keys: Keys,
        *,
        moderates: Callable[[str, str], bool],
        ended: Callable[[EventSubscription], None],
    ) -> None:
        """`moderates` says whether a user may moderate a channel, `ended` writes the end of a subscription on the log."""
        self._log = log
        self._codec = codec
        self._accounts = accounts
        self._keys = keys
        self._moderates = moderates
        self._ended = ended
        self._held: dict[str, EventSubscription] = {}
        self._of_channel: defaultdict[str, dict[str, EventSubscription]] = defaultdict(dict)
        self._lines: dict[str, Line] = {}
        self._kept: dict[str, list[Message]] = {}
        """Of subscriptions that have a line and are not open yet."""
        self._tokens: dict[str, str | None] = {}
        """By user with subscriptions the hash of his access token."""
        self._reached: dict[tuple[str, int], int] = {}
        self.delivered: dict[str, EventDelivered] = {}

    def heard(self, event: Event, at: At) -> None:
        """Takes an event that was applied to the views."""
        self._reached[at.topic, at.partition] = at.offset
        match event:
            case EventSubscription():
                self._hold(event)
            case EventDelivered():
                self.delivered[event.subscription_id] = event
            case ChannelProfile():
                self._check_token(event)
            case RoomState():
                self._check_moderators(event.channel_id)
            case _ if isinstance(event, Told):
                self._tell(event, Position(at.topic, at.partition, at.offset))
            case _:
                pass

    def deleted(self, key: str, at: At) -> None:
        """Takes a tombstone."""
        if at.topic == TOPICS[0]:
            self._drop(key)
        elif at.topic == TOPICS[1]:
            self.delivered.pop(key, None)
        elif key in self._tokens and self._accounts.by_id(key) is None:
            self._end_all(key, "user_removed")

    def get(self, subscription_id: str) -> EventSubscription | None:
        """A subscription."""
        return self._held.get(subscription_id)

    def all(self) -> Iterator[EventSubscription]:
        """Every subscription, in the order in which they were made."""
        return iter(sorted(self._held.values(), key=lambda each: (each.created_at, each.subscription_id)))

    def attach(self, subscription_id: str, line: Line) -> None:
        """Gives a subscription its line. What it is to be told is kept until it is opened."""
        self._lines[subscription_id] = line
        self._kept.setdefault(subscription_id, [])

    def hand_over(self, subscription_id: str, line: Line) -> None:
        """Gives it another line, on which it goes on as it was."""
        if subscription_id in self._lines:
            self._lines[subscription_id] = line

    def detach(self, subscription_id: str) -> None:
        """Takes the line away: nothing is told, nothing kept."""
        self._lines.pop(subscription_id, None)
        self._kept.pop(subscription_id, None)

    async def open(self, subscription_id: str, starts: Starts | None = None) -> None:
        """Begins to tell: what is on the log from some offsets on, then what was kept, then what comes."""
        subscription, line = self._held.get(subscription_id), self._lines.get(subscription_id)
        if subscription is None or line is None:
            return
        ends = {place: self._reached.get(place, -1) + 1 for place in starts or {}}
        for place, start in (starts or {}).items():
            async for message in self._again(subscription, place, start, ends[place]):
                line.take(subscription, message)
        for message in self._kept.pop(subscription_id, ()):
            if message.at is None or message.at.offset >= ends.get(message.at[:2], 0):
                line.take(subscription, message)

    def starts_at(self, subscription: EventSubscription, position: Position | None, since_us: int) -> Starts:
        """From where a subscription is told: a position, or a time on all partitions that its channel may be on. Blocks."""
        topic = topic_of(subscription.kind)
        named = {each.name: each.value for each in subscription.condition}
        channel = next((named[name] for name in CHANNELS if name in named), "")
        everywhere = RAID[0] in named  # a raid lies with the channel that is raided
        only = None if everywhere else partition_for(channel.encode(), PARTITIONS[topic])
        if position is not None and not everywhere:
            return {(topic, position.partition): position.offset}
        found = self._log.starts_at(topic, since_us // 1_000)
        return {(topic, partition): offset for partition, offset in found.items() if only in (None, partition)}

    async def _again(self, subscription: EventSubscription, place: tuple[str, int], start: int, end: int) -> AsyncIterator[Message]:
        """The messages of records on the log."""
        if start >= end:
            return
        batches = self._log.read(*place, start, end)
        while batch := await asyncio.to_thread(next, batches, ()):
            for record in batch:
                for message in self._read(record, subscription):
                    yield message

    def _read(self, record: Record, subscription: EventSubscription) -> Iterator[Message]:
        if record.value is None:
            return
        try:
            event = self._codec.decode(record.value)
        except SchemaError as cause:
            logger.warning("record passed over", topic=record.topic, partition=record.partition, offset=record.offset, cause=str(cause))
            return
        if isinstance(event, Told):
            at = Position(record.topic, record.partition, record.offset)
            yield from (message for _, message in self._messages(event, at, [subscription]))

    def _tell(self, event: Told, at: Position) -> None:
        wanting = [each for channel in channels(event) for each in self._of_channel.get(channel, {}).values()]
        if not wanting:
            return
        for subscription, message in self._messages(event, at, wanting):
            kept = self._kept.get(subscription.subscription_id)
            if kept is not None:
                kept.append(message)
            elif (line := self._lines.get(subscription.subscription_id)) is not None:
                line.take(subscription, message)

    def _messages(self, event: Told, at: Position, wanting: Iterable[EventSubscription]) -> Iterator[tuple[EventSubscription, Message]]:
        fields = personal_fields().get(type(event), ())
        opened = open_event(event, fields, self._keys)
        told = list(notices(opened, self._accounts))
        for subscription in wanting:
            for notice in told:
                if matches(subscription, notice):
                    yield subscription, notification(event.event_id, at, subscription, notice)

    def _hold(self, subscription: EventSubscription) -> None:
        before = self._held.get(subscription.subscription_id)
        if subscription.status not in STANDING:
            self._drop(subscription.subscription_id, subscription)
            return
        self._held[subscription.subscription_id] = subscription
        for channel in _channels(subscription):
            self._of_channel[channel][subscription.subscription_id] = subscription
        user = self._accounts.by_id(subscription.user_id)
        if before is None and user is not None:
            self._tokens.setdefault(subscription.user_id, user.access_token_hash)

    def _drop(self, subscription_id: str, last: EventSubscription | None = None) -> None:
        held = self._held.pop(subscription_id, None)
        if held is None:
            return
        for channel in _channels(held):
            self._of_channel[channel].pop(subscription_id, None)
            if not self._of_channel[channel]:
                del self._of_channel[channel]
        self._kept.pop(subscription_id, None)
        line = self._lines.pop(subscription_id, None)
        if line is not None:
            line.ended(last or held)

    def _check_token(self, profile: ChannelProfile) -> None:
        if profile.channel_id in self._tokens and self._tokens[profile.channel_id] != profile.access_token_hash:
            self._end_all(profile.channel_id, "authorization_revoked")

    def _check_moderators(self, channel_id: str) -> None:
        for subscription in list(self._of_channel.get(channel_id, {}).values()):
            if KINDS[subscription.kind].rule == "moderator" and not self._moderates(subscription.user_id, channel_id):
                self._end(subscription, "moderator_removed")

    def _end_all(self, user_id: str, status: str) -> None:
        self._tokens.pop(user_id)
        for subscription in [each for each in self._held.values() if each.user_id == user_id]:
            self._end(subscription, status)

    def _end(self, subscription: EventSubscription, status: str) -> None:
        if subscription.subscription_id in self._lines:  # whoever tells it, ends it
            self._ended(replace(subscription, status=status))


def matches(subscription: EventSubscription, notice: Notice) -> bool:
    """Whether a subscription wants a notice; what of its condition names its reader has been seen to when it was made."""
    return subscription.kind == notice.kind and all(notice.keys.get(each.name, each.value) == each.value for each in subscription.condition)


def topic_of(kind: str) -> str:
    """The topic on which the events of a type lie."""
    return TOLD_ON.get(kind) or TOLD_ON.get(kind.partition(".")[0]) or CHAT


def _channels(subscription: EventSubscription) -> Iterator[str]:
    return (each.value for each in subscription.condition if each.name in CHANNELS)
