"""Puts dead letters back into their source, where that keeps the order of their key.

The source has moved on: what is put back lands behind events of the same key that were folded meanwhile. So, per key,

1. all cases that are not replayed go together, in the order in which they were; otherwise none does,
2. none goes if an event of the key came behind the first of them, unless the caller says that it may (`after_all`): only who knows
   what the events mean can say that they may change places,
3. none goes whose bytes no view could read: it would come back as a dead letter.

Key, timestamp, headers and bytes stay, so the event's id does. A replay's last header names what it repeats: readers fold it only where the
original is missing (streams/letters/letter.py), and a replay that was interrupted goes on behind what has been put back.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from schemas.errors import RegistryUnavailableError, SchemaError
from schemas.wire import Codec
from streams.letters.cases import Case, Cases, Followed, Group, Later, later
from streams.letters.letter import place, replay, replayed_from
from streams.log import Log, Position


class Refusal(NamedTuple):
    """A key whose letters stay where they are."""

    group: Group
    cases: list[Case]
    """Those that were asked for."""
    reason: str
    """Cause, and what to do."""
    later: Followed


class Plan(NamedTuple):
    """What is to be put back."""

    cases: list[Case]
    """In the order in which they will be."""
    refused: list[Refusal]


class Replayed(NamedTuple):
    """What was put back."""

    positions: dict[str, Position]
    """Place of the source -> position of the replay."""
    overtaken: dict[str, list[Later]]
    """Place of the source -> events of its key that got in between the look at the log and the replay."""


def plan(found: Cases, wanted: Collection[str], codec: Codec, *, after_all: bool = False) -> Plan:
    """Which of the wanted cases (by place of the source) may be put back. Those that are replayed already are left out.

    Raises:
        RegistryUnavailableError: nobody can tell what the bytes are.
    """
    groups: dict[Group, list[Case]] = {}
    for where in wanted:
        case = found.cases[where]
        if case.replayed is None:
            groups.setdefault(case.group, []).append(case)
    cases, refused = [], []
    for group in sorted(groups):
        asked = sorted(groups[group], key=lambda case: case.source)
        pending = [case for case in found.cases.values() if case.group == group and case.replayed is None]
        reason = _partial(asked, pending) or _unreadable(asked, codec) or ("" if after_all else _late(found, group))
        if reason:
            refused.append(Refusal(group, asked, reason, found.later[group]))
        else:
            cases += asked
    return Plan(cases, refused)


def put_back(log: Log, cases: Sequence[Case], ends: dict[tuple[str, int], int]) -> Replayed:
    """Puts cases back, in the given order, and looks whether an event of their key came first since their source was read up to `ends`.

    Raises:
        StreamingError: the log took none, or not all: asking again goes on with the rest.
    """
    records = [replay(case.current) for case in cases]
    sent = [
        log.append(r.topic, r.key, r.value, headers=r.headers, timestamp=r.timestamp, partition=case.source.partition)
        for r, case in zip(records, cases, strict=True)
    ]
    positions = {place(case.source): future.result() for case, future in zip(cases, sent, strict=True)}
    overtaken: dict[str, list[Later]] = defaultdict(list)
    for (topic, partition), end in ends.items():
        here = {where: at for where, at in positions.items() if (at.topic, at.partition) == (topic, partition)}
        keys = {case.current.record.key: place(case.source) for case in cases if place(case.source) in here}
        for batch in log.read(topic, partition, end, max((at.offset for at in here.values()), default=end)):
            for record in batch:
                where = keys.get(record.key)
                if where is not None and record.offset < here[where].offset and replayed_from(record.headers) not in positions:
                    overtaken[where].append(later(record))
    return Replayed(positions, dict(overtaken))


def _partial(asked: Sequence[Case], pending: Sequence[Case]) -> str:
    others = [place(case.source) for case in pending if case not in asked]
    if not others:
        return ""
    return f"other letters of this key wait too, and one would pass the other: replay them together ({', '.join(others)})"


def _unreadable(asked: Sequence[Case], codec: Codec) -> str:
    for case in asked:
        try:
            codec.decode(case.current.record.value or b"")
        except RegistryUnavailableError:
            raise
        except SchemaError as cause:
            return f"{place(case.source)} would come back as a dead letter: {cause}. Mend it: ./chronicast dlq fix {place(case.source)}"
    return ""


def _late(found: Cases, group: Group) -> str:
    way_out = "If the views may fold it behind them, say so: --after-all"
    if group in found.forgotten:
        return f"what came behind it is no longer on the source (its retention is over), so nobody can tell. {way_out}"
    later = found.later[group]
    if not later.count:
        return ""
    return f"{later.count} event{'s' if later.count > 1 else ''} of this key came behind it and would change places with it. {way_out}"
