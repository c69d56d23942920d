"""The directory in memory: every channel's listing, what is live in order, who follows whom. Folded from the log by `views.Views`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from processors.directory import AUDIENCE
from processors.directory.audience import FOLLOWERS, SUBSCRIBERS, Follower, Subscriber
from processors.directory.categories import COMMON, Category, category_id
from processors.directory.listing import Listing, listing, rank, words
from processors.directory.ranking import Ranking
from processors.directory.rows import Row, shown
from processors.directory.search import Search
from processors.playlist import BROADCAST
from processors.playlist.broadcast import BROADCASTS, NEWEST
from processors.viewers import VIEWERS
from processors.viewers.fold import SESSIONS, present
from schemas.event import Event
from schemas.events import ChannelInfo, ChannelProfile, EditorialRow, Followed, Unfollowed
from streams.edges.accounts import Accounts
from streams.fold import At, Table
from streams.topics import OF_EVENT

INFO = OF_EVENT[ChannelInfo].name
CHOSEN = OF_EVENT[EditorialRow].name
TOPICS = (INFO, CHOSEN, *AUDIENCE.inputs, *BROADCAST.inputs, *VIEWERS.inputs)
"""What it is folded from, beside the accounts' topics."""


MANY = 1_000
"""Channels found from which on the live ones are picked from the order of all, not sorted: that takes some milliseconds."""


class Live(NamedTuple):
    """What is on in a category."""

    channels: int
    viewers: int


class Directory:
    """All channels. For one event loop."""

    def __init__(self, accounts: Accounts) -> None:
        """The accounts are applied first: a channel without one is not listed."""
        self._accounts = accounts
        self._rows: defaultdict[str, defaultdict[Table[Any], dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
        self._infos: dict[str, ChannelInfo] = {}
        self._viewers: dict[str, int] = {}
        self._most: dict[str, int] = {}
        """Most viewers at once."""
        self._audiences: set[str] = set()
        """Channels with sessions that watch, or did."""
        self._listings: dict[str, Listing] = {}
        self._chosen: dict[str, EditorialRow] = {}
        """Editorial rows by name."""
        self._following: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """By user: channel -> since when."""
        self._search = Search()
        self._names = {category_id(name): Category(category_id(name), name) for name in COMMON}
        self._named = Search()
        for category in self._names.values():
            self._find_category(category)
        self.live = Ranking()
        self._live_in: defaultdict[str, Ranking] = defaultdict(Ranking)
        self._viewers_in: defaultdict[str, int] = defaultdict(int)

    def apply(self, event: Event, at: At) -> None:
        """Takes an event in."""
        if isinstance(event, EditorialRow):
            self._chosen[event.row] = event
        channel_id: str | None = getattr(event, "channel_id", None)
        if channel_id is None:
            return
        if at.topic in BROADCAST.inputs:
            BROADCAST.apply(self._rows[channel_id], event, at)
        elif at.topic in AUDIENCE.inputs:
            AUDIENCE.apply(self._rows[channel_id], event, at)
            if isinstance(event, Followed):
                self._following[event.user_id].setdefault(channel_id, at.time)
            elif isinstance(event, Unfollowed):
                self._following[event.user_id].pop(channel_id, None)
            return
        elif at.topic in VIEWERS.inputs:
            VIEWERS.apply(self._rows[channel_id], event, at)
            self._audiences.add(channel_id)
            return
        elif isinstance(event, ChannelInfo):
            self._infos[channel_id] = event
        elif not isinstance(event, ChannelProfile):
            return
        self._list(channel_id)

    def deleted(self, channel_id: str) -> None:
        """An account is gone."""
        self._list(channel_id)

    def count(self, now: int) -> Iterator[None]:
        """Counts who watches at a moment, microseconds: a channel a step, for there may be a hundred thousand."""
        for channel_id in list(self._audiences):
            rows = self._rows[channel_id]
            viewers = present(rows, now)
            if viewers != self._viewers.get(channel_id, 0):
                self.watched(channel_id, viewers)
            if not rows[SESSIONS]:
                self._audiences.discard(channel_id)
            yield

    def watched(self, channel_id: str, viewers: int) -> None:
        """So many watch a channel now."""
        self._viewers[channel_id] = viewers
        self._most[channel_id] = max(viewers, self._most.get(channel_id, 0))
        before = self._listings.get(channel_id)
        if before is not None and before.live:
            now = self._listings[channel_id] = msgspec.structs.replace(before, viewers=viewers)
            self._rank(before, now)

    def most(self, channel_id: str) -> int:
        """Most viewers of a channel at once, of all counts that were taken."""
        return self._most.get(channel_id, 0)

    def viewers(self) -> dict[str, int]:
        """A copy of the last count by channel, of those that anybody watches or did. For any thread."""
        return self._viewers.copy()

    def channel(self, channel_id: str) -> Listing | None:
        """A channel's listing."""
        return self._listings.get(channel_id)

    def info(self, channel_id: str) -> ChannelInfo | None:
        """What its owner said of it; None where he said nothing yet."""
        return self._infos.get(channel_id)

    def rows(self, *, adult: bool) -> list[Row]:
        """Editorial rows that have a channel live."""
        return shown(self._chosen.values(), self.channel, adult=adult)

    def ranking(self, category: str | None) -> Ranking:
        """What is live, of all categories or of one by its id."""
        return self.live if category is None else self._live_in.get(category) or Ranking()

    def followers(self, channel_id: str) -> dict[str, Follower]:
        """By user, in the order in which they began to follow."""
        return self._audience(channel_id, FOLLOWERS)

    def subscribers(self, channel_id: str) -> dict[str, Subscriber]:
        """By user."""
        return self._audience(channel_id, SUBSCRIBERS)

    def following(self, user_id: str) -> dict[str, int]:
        """By channel since when a user follows it, UTC microseconds, in that order."""
        return self._following.get(user_id, {})

    def category(self, identity: str) -> Category | None:
        """A category by its id."""
        return self._names.get(identity)

    def categories(self) -> list[Category]:
        """All, those with most viewers first, then with most live channels, then by name."""
        return sorted(self._names.values(), key=lambda each: (*(-number for number in self.live_in(each.id)), each.name))

    def live_in(self, category: str) -> Live:
        """What is on in a category."""
        return Live(len(self.ranking(category)), self._viewers_in.get(category, 0))

    def find(self, text: str, *, live_only: bool = False) -> Iterator[Listing]:
        """Channels by a text: each of its words begins one of theirs, or does with one error. Live first, then the one with just that
        login, then exact ones, then by rank.
        """
        exact, alike = _found(self._search, text)
        named = self._accounts.by_login(text.strip().casefold())
        asked = self._listings.get(named.channel_id) if named is not None and named.channel_id in exact else None
        for live in (True,) if live_only else (True, False):
            if asked is not None and asked.live == live:
                yield asked
            for group in (exact, alike):
                yield from (each for each in self._ranked(group, live=live) if each != asked)

    def find_categories(self, text: str) -> list[Category]:
        """Categories by a text, those with most viewers first."""
        exact, alike = _found(self._named, text)
        found = (self._names[one] for one in exact | alike)
        return sorted(found, key=lambda each: (each.id not in exact, -self._viewers_in.get(each.id, 0), each.name))

    def _ranked(self, group: set[str], *, live: bool) -> Iterator[Listing]:
        """Those of some channels that are live, or are not, by rank."""
        if live and len(group) > MANY:  # by one letter a tenth of all channels is found: who asks takes a few, not all in their order
            return (self._listings[one] for _, _, one in self.live if one in group)
        listings = (each for one in group if (each := self._listings.get(one)) is not None and each.live == live)
        return iter(sorted(listings, key=rank))

    def _audience(self, channel_id: str, table: Table[Any]) -> dict[str, Any]:
        rows = self._rows.get(channel_id)
        return rows[table] if rows is not None else {}

    def _list(self, channel_id: str) -> None:
        """Lists a channel anew."""
        profile = self._accounts.by_id(channel_id)
        rows = self._rows.get(channel_id)
        broadcast = rows[BROADCASTS].get(NEWEST) if rows is not None else None
        now = None if profile is None else listing(profile, self._infos.get(channel_id), broadcast, self._viewers.get(channel_id, 0))
        before = self._listings.pop(channel_id, None)
        if now is not None:
            self._listings[channel_id] = now
            self._name(now.category)
        self._index(before, now)
        self._rank(before, now)

    def _index(self, before: Listing | None, now: Listing | None) -> None:
        old = {(word, before.channel_id) for word in words(before)} if before else set()
        new = {(word, now.channel_id) for word in words(now)} if now else set()
        for pair in old - new:
            self._search.remove(*pair)
        for pair in new - old:
            self._search.add(*pair)

    def _rank(self, before: Listing | None, now: Listing | None) -> None:
        if before is not None and before.live:
            for ranking in (self.live, self._live_in[category_id(before.category)]):
                ranking.discard(rank(before))
            self._viewers_in[category_id(before.category)] -= before.viewers
        if now is not None and now.live:
            for ranking in (self.live, self._live_in[category_id(now.category)]):
                ranking.add(rank(now))
            self._viewers_in[category_id(now.category)] += now.viewers

    def _name(self, name: str) -> None:
        """Makes a category known."""
        identity = category_id(name)
        if identity and identity not in self._names:
            self._names[identity] = Category(identity, name)
            self._find_category(self._names[identity])

    def _find_category(self, category: Category) -> None:
        for word in {category.name.casefold(), *category.name.casefold().split()}:
            self._named.add(word, category.id)


def _found(search: Search, text: str) -> tuple[set[str], set[str]]:
    """(what has words that begin so, what else has words that do with an error) for all words of a text."""
    asked = [(search.beginning(word), search.alike(word)) for word in text.casefold().replace("_", " ").split()]
    if len(asked) == 1:
        [(exact, alike)] = asked
    else:
        exact, alike = _all(begun for begun, _ in asked), _all(begun | near for begun, near in asked)
    return exact, alike - exact


def _all(found: Iterable[set[str]]) -> set[str]:
    """What is in each of them."""
    each = list(found)
    return set.intersection(*each) if each else set()
