"""The channel's own blocked terms."""

from collections.abc import Iterable
from hashlib import blake2b

from msgspec.structs import replace

from processors.chat.answers import refused
from processors.chat.rooms import room_state
from processors.chat.state import ROOM, ROSTER, SELF, Room, may_moderate, room_of, roster_of
from processors.chat.text.canonical import canonical
from processors.chat.text.terms import Terms
from schemas.event import Event
from schemas.events import ChangeTerm, CommandDone, TermChanged
from streams.fold import At, Rows

MOST = 500
"""Terms of a channel: the list is in one row and in one event, at most 50 KB of it."""
SHORTEST, LONGEST = 2, 100
"""Characters of a term, as the command's schema says."""
KEPT = 4_096
"""Channels whose matchers are at hand."""


def change_term(rows: Rows, event: ChangeTerm, at: At) -> Iterable[Event]:
    """Blocks a term, or does so no more."""
    channel_id, asker = event.channel_id, event.moderator_id
    term = " ".join(event.term.lower().split())
    if not may_moderate(rows, channel_id, asker, at.time):
        return refused(channel_id, asker, "no_permission")
    if not SHORTEST <= len(term) <= LONGEST:
        return refused(channel_id, asker, "bad_value")
    roster = roster_of(rows)
    if (term in roster.terms) == event.blocked:
        return (CommandDone(channel_id=channel_id, moderator_id=asker),)
    if event.blocked and len(roster.terms) >= MOST:
        return refused(channel_id, asker, "too_many_terms")
    terms = tuple(sorted({*roster.terms, term} if event.blocked else {*roster.terms} - {term}))
    room, roster = replace(room_of(rows), terms=_hash(terms)), replace(roster, terms=terms)
    rows[ROSTER][SELF], rows[ROOM][SELF] = roster, room
    return (
        TermChanged(channel_id=channel_id, moderator_id=asker, blocked=event.blocked, terms=len(terms)),
        room_state(rows, channel_id, room, roster),
    )


class Matchers:
    """Compiled terms by their hash, so that a message of a channel with terms reads its list only where it is new here."""

    def __init__(self, beside: tuple[str, ...] = (), allowed: tuple[str, ...] = ()) -> None:
        """`beside`: terms that every channel blocks; `allowed`: terms that none does."""
        self._beside = Terms(beside) if beside else None
        self._allowed = frozenset(map(canonical, allowed))
        self._kept: dict[str, Terms] = {}

    def blocked(self, rows: Rows, room: Room, text: str) -> bool:
        """Whether a text holds one of the channel's terms."""
        if self._beside is not None and self._beside.found(text) is not None:
            return True
        if not room.terms:
            return False
        matcher = self._kept.get(room.terms)
        if matcher is None:
            if len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            matcher = self._kept[room.terms] = Terms(term for term in roster_of(rows).terms if canonical(term) not in self._allowed)
        return matcher.found(text) is not None


def _hash(terms: tuple[str, ...]) -> str:
    return blake2b("\n".join(terms).encode(), digest_size=16).hexdigest() if terms else ""
