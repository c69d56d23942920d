"""Caps hold on any page while they can be held, are given up in the declared order, and the chances of exploration add up."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.recommend.exploration import OFTEN, distribution, explore
from processors.recommend.page import RELAXED, Kinds, caps, fill

LIMITS = st.integers(1, 40)


@st.composite
def streams(draw: st.DrawFn) -> tuple[np.ndarray, Kinds]:
    """Scores and kinds of some streams; a game has one category."""
    count = draw(st.integers(1, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    games = draw(st.integers(1, 40))
    category_of = rng.integers(0, draw(st.integers(1, 12)), games)
    game = rng.integers(0, games, count)
    return np.round(rng.normal(0, 1, count), draw(st.integers(0, 6))), Kinds(category_of[game], game, rng.integers(0, 3, count))


def broken(chosen: list[int], kinds: Kinds, limit: int) -> set[str]:
    """Caps that a page exceeds."""
    return {name for name in RELAXED if max(Counter(getattr(kinds, name)[chosen].tolist()).values(), default=0) > caps(limit)[name]}


@pytest.mark.row("R7", "R8")
@given(streams(), LIMITS)
def test_caps_are_exceeded_only_where_they_were_given_up_in_order(given_streams: tuple[np.ndarray, Kinds], limit: int) -> None:
    scores, kinds = given_streams
    page = fill(scores, kinds, limit)
    assert len(page.chosen) == min(limit, len(scores)) == len(set(page.chosen))
    assert page.relaxed == RELAXED[: len(page.relaxed)]
    assert broken(page.chosen, kinds, limit) <= set(page.relaxed)


@pytest.mark.row("R7")
@given(streams(), LIMITS)
def test_no_stream_that_the_caps_let_through_is_passed_over_for_a_lower_one(given_streams: tuple[np.ndarray, Kinds], limit: int) -> None:
    scores, kinds = given_streams
    page = fill(scores, kinds, limit)
    if page.relaxed:
        return
    for place, at in enumerate(page.chosen):
        better = [other for other in range(len(scores)) if scores[other] > scores[at] and other not in page.chosen]
        assert all(broken([*page.chosen[:place], other], kinds, limit) for other in better)


@pytest.mark.row("R8")
def test_three_tiers_fill_twenty_places_without_giving_a_cap_up() -> None:
    kinds = Kinds(np.arange(60) % 11, np.arange(60) % 30, np.arange(60) % 3)
    page = fill(np.arange(60.0), kinds, 20)
    assert page.relaxed == ()
    assert max(Counter(kinds.tier[page.chosen].tolist()).values()) <= 8


@pytest.mark.row("R9")
@given(streams(), LIMITS, st.integers(0, 2**32))
@settings(deadline=None)
def test_the_chances_of_a_place_add_up_and_draws_break_no_cap(given_streams: tuple[np.ndarray, Kinds], limit: int, seed: int) -> None:
    scores, kinds = given_streams
    page = fill(scores, kinds, limit)
    pool = np.setdiff1d(np.arange(len(scores)), page.chosen)
    found = explore(page.chosen, pool, kinds, limit, str(seed))
    assert found == explore(page.chosen, pool, kinds, limit, str(seed))
    assert len(set(found.chosen)) == len(page.chosen)
    assert sum(found.drawn) <= 2
    for place, at in enumerate(found.chosen):
        chances = distribution(page.chosen, place, pool, kinds, limit)
        assert sum(chances.values()) == pytest.approx(1)
        assert chances[at] == pytest.approx(found.propensity[place])
        assert found.drawn[place] == (at != page.chosen[place])
    assert broken(found.chosen, kinds, limit) & {"category", "game"} <= broken(page.chosen, kinds, limit)


@pytest.mark.row("R9")
def test_one_or_two_of_twenty_places_are_drawn_as_often_as_their_chances_say() -> None:
    kinds = Kinds(np.arange(200) % 10, np.arange(200) % 50, np.arange(200) % 3)
    page = fill(np.arange(200.0), kinds, 20).chosen
    pool = np.setdiff1d(np.arange(200), page)
    seen: Counter[tuple[int, int]] = Counter()
    drawn = Counter()
    for request in range(2_000):
        found = explore(page, pool, kinds, 20, str(request))
        drawn[sum(found.drawn)] += 1
        seen.update((place, at) for place, at in enumerate(found.chosen) if found.drawn[place])
    assert set(drawn) == {1, 2}
    assert sum(OFTEN) * 20 == pytest.approx(1.5)
    assert abs(drawn[2] - 1_000) < 5 * 22
    for place in range(20):
        expected = 2_000 * (1 - distribution(page, place, pool, kinds, 20)[page[place]])
        count = sum(times for (at, _), times in seen.items() if at == place)
        assert abs(count - expected) <= 5 * expected**0.5
