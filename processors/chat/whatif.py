"""What if chat had been judged otherwise: decisions of a past period beside those of another policy. Nothing is written."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

import msgspec

from processors.chat.shares import Share
from schemas.event import Event
from schemas.events import MessageDeleted, MessageDenied, MessageHeld, MessagePosted, MessageRefused, PostMessage, UserBanned, UserTimedOut
from schemas.privacy import ERASED

PASSED, HELD = "passed", "held: automod"
AFTERWARDS_US = 300_000_000
"""For how long after a message what moderators do to its author is put down to it: as long as a held one waits."""
OTHERWISE, HELD_BEFORE, HELD_AFTER, BLOCKED_BEFORE, BLOCKED_AFTER = (
    "otherwise",
    "held_before",
    "held_after",
    "blocked_before",
    "blocked_after",
)
STOPPED_RIGHTLY, PASSED_WRONGLY = "stopped_that_moderators_removed", "passed_that_moderators_denied"


class Sample(msgspec.Struct, frozen=True):
    """A message that was decided otherwise."""

    message_id: str
    channel_id: str
    user_id: str
    text: str
    before: str
    after: str


class Report(msgspec.Struct):
    """The comparison. Adds up over partitions: an author counts once in each channel."""

    messages: int = 0
    """Judged both ways."""
    unreadable: int = 0
    """Texts of erased subjects, which cannot be judged again and are left out."""
    unrecorded: int = 0
    """Messages whose decision is on the log no more; left out."""
    as_recorded: int = 0
    """Of the messages judged: those that the live policy, folded again, decides as it did then. The rest is another build's doing."""
    before: Counter[str] = msgspec.field(default_factory=Counter)
    """Messages by what became of them: passed, held, or refused by which rule."""
    after: Counter[str] = msgspec.field(default_factory=Counter)
    changes: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """Messages decided otherwise, by both decisions."""
    channels: dict[str, Share] = msgspec.field(default_factory=dict)
    """Share of messages decided otherwise."""
    shares: dict[str, Share] = msgspec.field(default_factory=dict)
    samples: dict[tuple[str, str], list[Sample]] = msgspec.field(default_factory=dict)

    def plus(self, other: "Report", most: int) -> "Report":
        """Both together, with so many samples of a kind."""
        return Report(
            self.messages + other.messages,
            self.unreadable + other.unreadable,
            self.unrecorded + other.unrecorded,
            self.as_recorded + other.as_recorded,
            self.before + other.before,
            self.after + other.after,
            self.changes + other.changes,
            _added(self.channels, other.channels),
            _added(self.shares, other.shares),
            {
                kind: _first((*self.samples.get(kind, ()), *other.samples.get(kind, ())), most)
                for kind in sorted({*self.samples, *other.samples})
            },
        )


class _Author(NamedTuple):
    channel_id: str
    user_id: str


class Comparison:
    """One partition's decisions, batch by batch in the order of the log."""

    def __init__(self, samples: int) -> None:
        """`samples`: texts that are kept of each kind of change."""
        self._report = Report()
        self._most = samples
        self._counts: dict[_Author, Counter[str]] = defaultdict(Counter)
        self._stopped: dict[_Author, dict[str, int]] = defaultdict(dict)
        """Messages that passed and would not have: by author, id and time."""
        self._let_through: dict[str, _Author] = {}
        """Messages that were held and would have passed."""
        self._removed: set[tuple[_Author, str]] = set()

    def judge(self, asked: Iterable[Event], was: Mapping[str, str], again: Mapping[str, str], would: Mapping[str, str]) -> None:
        """Compares the decisions about some messages: recorded, of the live policy folded again, and of the other one."""
        report = self._report
        for event in asked:
            if not isinstance(event, PostMessage):
                continue
            name = event.message_id
            before, after = was.get(name), would.get(name)
            if event.text == ERASED:
                report.unreadable += 1
            elif before is None or after is None:
                report.unrecorded += 1
            else:
                report.messages += 1
                report.as_recorded += again.get(name) == before
                report.before[before] += 1
                report.after[after] += 1
                author = _Author(event.channel_id, event.user_id)
                counts = self._counts[author]
                counts["all"] += 1
                counts[HELD_BEFORE] += before == HELD
                counts[HELD_AFTER] += after == HELD
                counts[BLOCKED_BEFORE] += before not in (PASSED, HELD)
                counts[BLOCKED_AFTER] += after not in (PASSED, HELD)
                if before != after:
                    counts[OTHERWISE] += 1
                    self._changed(event, author, before, after)

    def follow(self, recorded: Iterable[Event]) -> None:
        """What moderators did, behind the decisions that it is about."""
        for event in recorded:
            match event:
                case MessageDeleted():
                    self._remove(_Author(event.channel_id, event.user_id), event.message_id)
                case UserTimedOut() | UserBanned():
                    author = _Author(event.channel_id, event.user_id)
                    for name, time in self._stopped.get(author, {}).items():
                        if event.occurred_at - AFTERWARDS_US <= time <= event.occurred_at:
                            self._remove(author, name)
                case MessageDenied() | MessagePosted() if (let := self._let_through.pop(event.message_id, None)) is not None:
                    if isinstance(event, MessagePosted) or event.moderator_id is not None:  # time alone is no judgement
                        self._counts[let]["answered"] += 1
                        self._counts[let]["denied"] += isinstance(event, MessageDenied)
                case _:
                    pass

    def result(self) -> Report:
        """All of it. Called once, at the end."""
        report = self._report
        names = (OTHERWISE, HELD_BEFORE, HELD_AFTER, BLOCKED_BEFORE, BLOCKED_AFTER)
        report.shares = {name: Share() for name in (*names, STOPPED_RIGHTLY, PASSED_WRONGLY)}
        removed = Counter(author for author, _ in self._removed)
        for author, counts in self._counts.items():
            for name in names:
                report.shares[name].add(counts["all"], counts[name])
            report.shares[STOPPED_RIGHTLY].add(len(self._stopped.get(author, ())), removed[author])
            report.shares[PASSED_WRONGLY].add(counts["answered"], counts["denied"])
            report.channels.setdefault(author.channel_id, Share()).add(counts["all"], counts[OTHERWISE])
        return report

    def _changed(self, event: PostMessage, author: _Author, before: str, after: str) -> None:
        kind = before, after
        self._report.changes[kind] += 1
        sample = Sample(event.message_id, event.channel_id, event.user_id, str(event.text), before, after)
        self._report.samples[kind] = _first((*self._report.samples.get(kind, ()), sample), self._most)
        if before == PASSED:
            self._stopped[author][event.message_id] = event.occurred_at
        elif kind == (HELD, PASSED):
            self._let_through[event.message_id] = author

    def _remove(self, author: _Author, message_id: str) -> None:
        if message_id in self._stopped.get(author, ()):
            self._removed.add((author, message_id))


def decisions(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    """(message id, what became of it at once) of the events that say so."""
    for event in events:
        match event:
            case MessagePosted() if event.approved_by is None:
                yield event.message_id, PASSED
            case MessageHeld():
                yield event.message_id, HELD
            case MessageRefused():
                yield event.message_id, f"refused: {event.reason}"
            case _:
                pass


def _added(one: Mapping[str, Share], other: Mapping[str, Share]) -> dict[str, Share]:
    found = dict(one)
    for name, share in other.items():
        found[name] = found.get(name, Share()).plus(share)
    return found


def _first(samples: Iterable[Sample], most: int) -> list[Sample]:
    """Those whose ids' hashes are least: any message is as likely among them, and the same ones are each time."""
    return sorted(chain(samples), key=lambda each: blake2b(each.message_id.encode(), digest_size=8).digest())[:most]
