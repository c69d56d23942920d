"""What the chat should have done, recomputed from its commands: shares no code with the edge, the folds or the gateways."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.event import Event
from schemas.events import MessagePosted, MessageRefused, PostMessage
from schemas.wire import Codec
from streams.log import Source
from streams.reading import whole


class Verdict(NamedTuple):
    """What was found wrong, and how much there was."""

    commands: int
    posted: int
    repeats: int
    """Identical records that a worker's restart wrote again: readers drop them."""
    unanswered: int
    """Commands on the log that nothing came of."""
    conflicting: int
    """Commands that two different things came of."""
    lost: int
    """Messages whose senders were told that they are accepted, and that are not on the log."""
    out_of_order: int
    """Channels whose messages are in another order than their commands."""
    watchers_wrong: int
    """Viewers who did not see exactly the channel's messages from their first to the last."""
    duplicates_seen: int
    unknown_posted: int
    """Of the messages whose senders heard nothing, those that are there all the same."""

    @property
    def exact(self) -> bool:
        """Whether nothing is wrong."""
        return not any((self.unanswered, self.conflicting, self.lost, self.out_of_order, self.watchers_wrong, self.duplicates_seen))


def verify(
    log: Source, codec: Codec, accepted: Iterable[str], unknown: Iterable[str], seen: Mapping[str, Sequence[Sequence[str]]]
) -> Verdict:
    """Compares the log with what clients were told.

    Args:
        log: the log.
        codec: opens texts.
        accepted: ids of messages that clients were told to be accepted.
        unknown: texts of messages whose clients heard nothing.
        seen: by channel id, what each viewer saw: ids in order.
    """
    asked = [event for event in events(log, codec, "chat.message.commands.v1") if isinstance(event, PostMessage)]
    answers: dict[str, set[bytes]] = defaultdict(set)
    posted: dict[str, MessagePosted] = {}
    repeats = 0
    for record in whole(log, "chat.message.events.v1"):
        event = codec.decode(record.value or b"")
        if isinstance(event, MessagePosted | MessageRefused) and event.causation_id is not None:
            repeats += (record.value or b"") in answers[event.causation_id]
            answers[event.causation_id].add(record.value or b"")
            if isinstance(event, MessagePosted):
                posted.setdefault(event.message_id, event)
    orders: dict[str, list[str]] = defaultdict(list)
    for event in posted.values():
        orders[event.channel_id].append(event.message_id)
    wanted: dict[str, list[str]] = defaultdict(list)
    for post in asked:
        if post.message_id in posted:
            wanted[post.channel_id].append(post.message_id)
    there = {event.text for event in posted.values()}
    views = [(channel_id, view) for channel_id, all_of_them in seen.items() for view in all_of_them]
    return Verdict(
        commands=len(asked),
        posted=len(posted),
        repeats=repeats,
        unanswered=sum(not answers.get(post.event_id) for post in asked),
        conflicting=sum(len(values) > 1 for values in answers.values()),
        lost=sum(message_id not in posted for message_id in accepted),
        out_of_order=sum(orders[channel_id] != order for channel_id, order in wanted.items()),
        watchers_wrong=sum(not is_end_of(view, orders[channel_id]) for channel_id, view in views),
        duplicates_seen=sum(len(view) - len(set(view)) for _, view in views),
        unknown_posted=sum(text in there for text in unknown),
    )


def events(log: Source, codec: Codec, topic: str) -> list[Event]:
    """All events of a topic, partition after partition."""
    return [codec.decode(record.value) for record in whole(log, topic) if record.value is not None]


def is_end_of(view: Sequence[str], order: Sequence[str]) -> bool:
    """Whether a viewer saw an end of the channel's messages, whole and in order."""
    return bool(view) and list(view) == list(order[len(order) - len(view) :])
