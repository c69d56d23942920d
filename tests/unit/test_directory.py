"""The directory's parts: audiences, order, and what a text with an error in it finds."""

from collections import defaultdict
from random import Random
from typing import Any

import pytest

from processors.directory import AUDIENCE
from processors.directory.audience import FOLLOWERS, SUBSCRIBERS
from processors.directory.categories import COMMON, category_id
from processors.directory.listing import Listing, rank
from processors.directory.ranking import Ranking
from processors.directory.rows import shown
from processors.directory.search import LETTERS, SHORTEST, Search
from schemas.event import Event
from schemas.events import ChannelProfile, EditorialRow, Followed, Raided, StreamStarted, Subscribed, Unfollowed
from sinks.helix.directory import MANY, Directory
from streams.edges.accounts import Accounts
from streams.fold import At, Table
from streams.topics import OF_EVENT


@pytest.mark.row("S2")
def test_an_audience_follows_since_the_first_time_and_subscribes_as_told_last() -> None:
    rows: defaultdict[Table[Any], dict[str, Any]] = defaultdict(dict)
    events = (
        Followed(channel_id="1", user_id="7"),
        Followed(channel_id="1", user_id="8"),
        Followed(channel_id="1", user_id="7"),
        Unfollowed(channel_id="1", user_id="8"),
        Unfollowed(channel_id="1", user_id="9"),
        Subscribed(channel_id="1", user_id="7", plan="tier1", cumulative_months=1),
        Subscribed(channel_id="1", user_id="7", plan="tier2", cumulative_months=2, gifter_id="8"),
        Raided(channel_id="1", from_channel_id="2", viewers=3),
    )
    for number, event in enumerate(events):
        assert not list(AUDIENCE.apply(rows, event, At("channel.social.events.v1", 0, number, number)))
    assert {user: each.since for user, each in rows[FOLLOWERS].items()} == {"7": 0}
    assert [(each.plan, each.months, each.gifter_id) for each in rows[SUBSCRIBERS].values()] == [("tier2", 2, "8")]


def distance(word: str, other: str) -> int:
    """Restricted edit distance, from its definition."""
    table = {(-1, column): column + 1 for column in range(-1, len(other))} | {(row, -1): row + 1 for row in range(-1, len(word))}
    for row, letter in enumerate(word):
        for column, their in enumerate(other):
            cost = letter != their
            best = min(table[row - 1, column] + 1, table[row, column - 1] + 1, table[row - 1, column - 1] + cost)
            if row and column and letter == other[column - 1] and word[row - 1] == their:
                best = min(best, table[row - 2, column - 2] + cost)
            table[row, column] = best
    return table[len(word) - 1, len(other) - 1]


@pytest.mark.row("R1")
def test_a_search_finds_exactly_the_words_whose_beginning_is_one_error_away() -> None:
    rng = Random(5)
    words = list({"".join(rng.choice("abc") for _ in range(rng.randint(3, 7))) for _ in range(300)})
    search = Search()
    for word in words:
        search.add(word, word)
    for word in rng.sample(words, 40):
        search.remove(word, word)
        words.remove(word)
    for _ in range(20):
        asked = "".join(rng.choice("abc") for _ in range(rng.randint(SHORTEST, 6)))
        found = search.beginning(asked) | search.alike(asked)
        beginnings = {word: [word[:end] for end in range(len(asked) - 1, len(asked) + 2)] for word in words}
        assert found == {word for word, begun in beginnings.items() if any(distance(asked, each) <= 1 for each in begun)}
    assert not search.alike("abc"), "of short words too many are one apart"
    assert len(LETTERS) == 36


@pytest.mark.row("R1")
def test_a_page_begins_behind_a_rank_whatever_comes_and_goes() -> None:
    rng, ranking = Random(6), Ranking()
    ranks = [(-rng.randrange(50), -number, str(number)) for number in range(200)]
    for each in ranks:
        ranking.add(each)
    ranking.discard((0, 0, "nobody"))
    seen, after = [], None
    while page := ranking.page(7, after):
        seen += page
        after = page[-1]
        ranking.discard(page[0])
        ranking.add((-1_000, 0, f"new {len(seen)}"))
    assert seen == sorted(ranks)
    up = ranking.page(3, None, upwards=True, wanted=lambda one: one.startswith("new"))
    assert [rank[0] for rank in up] == [-1_000] * 3


def test_categories_have_ids_of_their_own_that_follow_from_the_name() -> None:
    assert len({category_id(name) for name in COMMON}) == len(COMMON)
    assert category_id("chess") == category_id("Chess")
    assert category_id("") == ""
    assert int(category_id("Chess")) < 1 << 53


@pytest.mark.row("R15")
def test_a_curated_row_shows_its_live_channels_in_their_order_under_its_label() -> None:
    def listed(channel_id: str) -> Listing | None:
        about = {"login": channel_id, "display_name": "", "title": "", "category": "", "language": "", "tags": ()}
        session = "" if channel_id == "off" else "s"
        return None if channel_id == "gone" else Listing(channel_id=channel_id, **about, mature=channel_id == "mature", session_id=session)

    rows = [
        EditorialRow(row="rising-stars", label="Rising Stars", channel_ids=("b", "off", "mature", "gone", "a")),
        EditorialRow(row="promoted", label="", channel_ids=("a",)),
        EditorialRow(row="hidden-gems", label="Hidden Gems", channel_ids=("mature",)),
        EditorialRow(row="empty", label="Empty"),
    ]
    told = {
        adult: [(row.label, [each.login for each in row.channels]) for row in shown(rows, listed, adult=adult)] for adult in (True, False)
    }
    assert told[False] == [("Rising Stars", ["b", "a"])]
    assert told[True] == [("Hidden Gems", ["mature"]), ("Rising Stars", ["b", "mature", "a"])]


@pytest.mark.row("R1")
@pytest.mark.parametrize("live_only", [True, False])
def test_however_many_channels_are_found_they_come_live_first_then_by_exactness_and_rank(*, live_only: bool) -> None:
    rng, accounts = Random(8), Accounts()
    directory = Directory(accounts)

    def fold(event: Event) -> None:
        at = At(OF_EVENT[type(event)].name, 0, 0, event.occurred_at)
        accounts.apply(event, at)
        directory.apply(event, at)

    size = {"width": 1, "height": 1, "frame_rate": 30.0, "has_audio": True, "region": "iad", "ingest_node": "n", "tier": "regular"}
    logins = list({"".join(rng.choice("abc") for _ in range(rng.randint(1, 9))) for _ in range(3 * MANY)})
    for number, login in enumerate(logins):
        who = {"login": login, "display_name": f"A{login}", "client_id": "", "tier": "regular"}
        fold(ChannelProfile(channel_id=str(number), **who, created_at=1))
        if number % 3:
            fold(StreamStarted(occurred_at=1, channel_id=str(number), session_id="s", login=login, **size))
            directory.watched(str(number), rng.randrange(50))
    assert len(list(directory.find("a"))) > MANY > len(list(directory.find("abca")))
    for text in ("a", "ab", "abca", "bbac", "zz"):
        found = list(directory.find(text, live_only=live_only))
        exact = {each.channel_id for each in found if any(word.startswith(text) for word in (each.login, each.display_name.casefold()))}
        assert exact >= {str(number) for number, each in enumerate(logins) if each.startswith(text) and (number % 3 or not live_only)}
        assert found == sorted(found, key=lambda each: (not each.live, each.login != text, each.channel_id not in exact, rank(each)))
        assert len({each.channel_id for each in found}) == len(found)
