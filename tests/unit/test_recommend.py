"""Recommendations: what each part of a page promises."""

from collections import Counter

import numpy as np
import pytest

from processors.recommend.candidates import CAPS, LiveIndex, Shelves, gather, names
from processors.recommend.embeddings import Embeddings, Past, fit
from processors.recommend.explain import RULES as TOLD_RULES
from processors.recommend.explain import moved, reasons
from processors.recommend.features import NAMES, REGISTRY, Scene, vectors
from processors.recommend.live import RAID_US, Observed
from processors.recommend.rankers import FILE, Model, ModelError
from processors.recommend.recommender import Asked, Recommender
from processors.recommend.rules import RULES, allowed, lifts
from processors.recommend.state import State
from processors.recommend.training.crowd import crowd
from schemas.events import ChannelInfo, ChannelProfile, EditorialRow, Followed, Raided, StreamEnded
from schemas.events.discovery import ServedItem

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def evening() -> tuple[Recommender, int, list[str]]:
    """3,000 live streams, 60 viewers with a past, embeddings of it, the packaged model."""
    state, now, users = crowd(3_000, 60)
    recommender = Recommender(state, Model(FILE.read_bytes()))
    recommender.embed(LiveIndex(fit(Past.of(state.audience, state.catalog), state.catalog)))
    recommender.refresh(now)
    return recommender, now, users


@pytest.mark.row("R6")
def test_the_registry_has_the_seventeen_features_with_type_and_freshness() -> None:
    assert (
        *("similarity", "shared_viewers", "category", "language", "viewers", "log_viewers", "viewers_delta", "chat_rate", "duration"),
        *("times_watched", "days_since", "follows", "subscribed", "hour", "weekday", "sessions", "mobile"),
    ) == NAMES
    assert all(feature.type and feature.freshness and feature.meaning for feature in REGISTRY)


@pytest.mark.row("R6")
def test_a_viewer_without_a_past_and_a_stream_without_observations_have_the_defaults() -> None:
    state, now, _ = crowd(50, 0)
    state.live.viewers[:] = state.live.trend[:] = state.live.chat_rate[:] = 0
    rows = np.arange(50)
    table = vectors(Scene(state.live, Embeddings.none(state.catalog), state.audience.viewer("nobody"), now), rows)
    for column, feature in enumerate(REGISTRY):
        if feature.name not in {"duration", "hour", "weekday"}:
            assert (table[:, column] == feature.default).all(), feature.name
    assert (table[:, NAMES.index("duration")] == 60).all()
    assert (table[:, NAMES.index("hour")] == 20).all()


@pytest.mark.row("R6", "E3")
def test_a_logged_vector_is_rebuilt_exactly_from_the_log(evening: tuple[Recommender, int, list[str]]) -> None:
    recommender, now, users = evening
    again, _, _ = crowd(3_000, 60)
    embeddings = fit(Past.of(again.audience, again.catalog), again.catalog)
    compared = 0
    for user_id in users:
        page = recommender.page(Asked(f"rebuilt {user_id}", now, user_id))
        rows = again.live.rows(np.array([again.catalog.number(item.channel_id) for item in page.items]))
        rebuilt = vectors(Scene(again.live, embeddings, again.audience.viewer(user_id), page.as_of), rows)
        assert np.array_equal(rebuilt, np.array([item.features for item in page.items]))
        compared += len(rows)
    assert compared == 20 * len(users)


@pytest.mark.row("R3")
def test_each_source_keeps_its_cap_and_the_union_has_each_live_stream_once(evening: tuple[Recommender, int, list[str]]) -> None:
    recommender, now, users = evening
    live = recommender.state.live
    shelves, index = Shelves.of(live, now), LiveIndex(recommender.embeddings)
    index.hold(live.channel[: live.size])
    for user_id in users:
        found = gather(Scene(live, recommender.embeddings, recommender.state.audience.viewer(user_id), now), shelves, index)
        assert all(count <= CAPS[source] for source, count in found.counts.items())
        assert found.counts["embedding"] == CAPS["embedding"]
        assert len(np.unique(found.rows)) == len(found.rows)
        assert (found.rows < live.size).all()
        named = {source: sum(source in names(int(bits)) for bits in found.sources) for source in CAPS}
        assert named == found.counts


@pytest.mark.row("R3")
def test_followed_streams_are_candidates_while_they_are_live_and_ended_ones_never() -> None:
    state, now, _ = crowd(400, 5)
    ids = state.catalog.channels.names
    for channel_id in ids[:6]:
        state.apply(Followed(channel_id=channel_id, user_id="fan"))
    state.apply(StreamEnded(channel_id=ids[0], session_id="", reason="", media_sequence=0, **dict.fromkeys(ENDED, 0)))
    index = LiveIndex(fit(Past.of(state.audience, state.catalog), state.catalog))
    index.hold(np.arange(400))
    index.hold(state.live.channel[: state.live.size])
    found = gather(Scene(state.live, index.embeddings, state.audience.viewer("fan"), now), Shelves.of(state.live, now), index)
    assert found.counts["followed"] == 5
    near = index.near(np.ones(32), 500)
    assert len(near) == 399
    assert 0 not in near


ENDED = ("frames_in", "frames_out", "frames_dropped", "bytes_in", "media_ms")


@pytest.mark.row("R3")
def test_the_index_finds_nearly_all_of_the_true_neighbours(evening: tuple[Recommender, int, list[str]]) -> None:
    recommender, now, users = evening
    live = recommender.state.live
    index = LiveIndex(recommender.embeddings)
    index.hold(live.channel[: live.size])
    for user_id in users[:20]:
        vector = Scene(live, recommender.embeddings, recommender.state.audience.viewer(user_id), now).vector
        assert index.recall(vector, 500) > 0.9


@pytest.mark.row("R2")
def test_a_page_has_twenty_places_with_its_stages_sources_and_reasons(evening: tuple[Recommender, int, list[str]]) -> None:
    recommender, now, users = evening
    page = recommender.page(Asked("one", now, users[0]))
    assert len({item.channel_id for item in page.items}) == 20
    stages = {stage.name: stage.count for stage in page.stages}
    assert stages["union"] >= stages["rules"] >= stages["light"] == 300 >= stages["page"] == 20
    assert all(item.sources and reasons(item) and 0 < item.probability < 1 for item in page.items)
    assert all(len(why) == 3 for why in moved(page, recommender.model))
    scores = [item.score for item in page.items if not item.explored]
    assert scores == sorted(scores, reverse=True)
    assert recommender.page(Asked("one", now, users[0])) == page


@pytest.mark.row("R10", "M9")
def test_who_has_no_past_gets_a_page_of_the_categories_that_are_watched_now(evening: tuple[Recommender, int, list[str]]) -> None:
    recommender, now, _ = evening
    page = recommender.page(Asked("anonymous", now, None))
    assert len(page.items) == 20
    assert any("categories" in item.sources for item in page.items)


@pytest.mark.row("M9", "R14")
def test_mature_streams_are_for_who_is_of_age_alone(evening: tuple[Recommender, int, list[str]]) -> None:
    recommender, now, users = evening
    state = recommender.state
    mature = {state.catalog.channels.names[at] for at in np.flatnonzero(state.catalog.mature)}
    seen = set()
    for user_id in users:
        assert not mature & {item.channel_id for item in recommender.page(Asked(user_id, now, user_id)).items}
        seen |= mature & {item.channel_id for item in recommender.page(Asked(user_id, now, user_id, adult=True)).items}
    assert seen
    rows = np.arange(state.live.size)
    assert allowed(state.live, rows, adult=False).sum() == state.live.size - len(mature)


@pytest.mark.row("R7", "R9")
def test_no_page_exceeds_a_cap_that_it_did_not_give_up(evening: tuple[Recommender, int, list[str]]) -> None:
    recommender, now, users = evening
    for request, user_id in enumerate(users * 3):
        page = recommender.page(Asked(f"cap {request}", now, user_id))
        shown = [recommender.state.describe(item.channel_id) for item in page.items]
        for kind, cap in (("category", 3), ("game", 2)):
            assert max(Counter(each[kind] for each in shown).values()) <= cap or kind in page.relaxed
        assert sum(item.explored for item in page.items) in (1, 2)


@pytest.mark.row("R14")
def test_a_rule_turned_off_moves_nothing_and_turned_on_says_what_it_moved(evening: tuple[Recommender, int, list[str]]) -> None:
    recommender, now, users = evening
    off = frozenset({"partner", "promoted", "raid", "new", "velocity"})
    without = recommender.page(Asked("same", now, users[3], off=off))
    assert not any(item.rules for item in without.items)
    with_rules = recommender.page(Asked("same", now, users[3]))
    assert any(item.rules for item in with_rules.items)
    for item in with_rules.items:
        lift = item.score - np.log(item.probability / (1 - item.probability))
        assert lift == pytest.approx(sum(float(rule.split(" ")[1]) for rule in item.rules), abs=2e-3)


@pytest.mark.row("R10", "R14")
def test_raids_fade_in_a_quarter_of_an_hour_and_what_is_new_in_thirty_days() -> None:
    state, now, _ = crowd(10, 0)
    live = state.live
    channel_id = state.catalog.channels.names[4]
    state.catalog.created[:10] = 1
    state.catalog.tier[:10] = 0
    row = live.rows(np.array([4]))
    state.apply(Raided(occurred_at=now, channel_id=channel_id, from_channel_id="1", viewers=9))
    raid = [float(lifts(live, row, now + RAID_US * part // 4)[0].sum()) for part in range(5)]
    assert raid == sorted(raid, reverse=True)
    assert raid[0] == pytest.approx(0.6)
    assert raid[4] == 0
    state.catalog.created[4] = now
    new = [float(lifts(live, row, now + 40 * RAID_US + day * DAY_US, frozenset({"velocity"}))[0].sum()) for day in (0, 15, 29, 30)]
    assert new[0] > new[1] > new[2] > new[3] == 0


@pytest.mark.row("R14")
def test_the_promoted_row_lifts_its_channels_until_it_is_chosen_anew() -> None:
    state, now, _ = crowd(30, 0)
    ids = state.catalog.channels.names
    state.apply(EditorialRow(row="hidden-gems", label="Hidden Gems", channel_ids=(ids[5], ids[7])))
    state.apply(EditorialRow(row="promoted", label="", channel_ids=(ids[3],)))
    off = frozenset({"partner", "raid", "new", "velocity"})
    assert lifts(state.live, state.live.rows(np.arange(30)), now, off).sum(axis=1).tolist() == [0.5 if at == 3 else 0 for at in range(30)]
    state.apply(EditorialRow(row="promoted", label="", channel_ids=()))
    assert not state.catalog.promoted.any()


@pytest.mark.row("R10")
def test_a_new_channel_is_shown_within_a_day() -> None:
    state, now, users = crowd(1_500, 40)
    recommender = Recommender(state, Model(FILE.read_bytes()))
    recommender.embed(LiveIndex(fit(Past.of(state.audience, state.catalog), state.catalog)))
    unseen = [at for at in range(1_500) if now - state.catalog.created[at] < DAY_US * 30 and not state.catalog.mature[at]]
    shown: set[str] = set()
    for hour in range(24):
        recommender.refresh(now)
        for user_id in users:
            page = recommender.page(Asked(f"{user_id} {hour}", now + hour * DAY_US // 24, user_id))
            shown |= {item.channel_id for item in page.items}
    few = [at for at in unseen if state.live.viewers[state.live.rows(np.array([at]))[0]] < 20]
    assert len([at for at in few if state.catalog.channels.names[at] in shown]) > len(few) / 4


def test_observations_of_streams_that_are_not_live_are_left() -> None:
    state = State()
    state.apply(Observed(1, ("1", "2"), np.ones(2), np.ones(2), np.ones(2)))
    assert state.live.size == 0


def test_a_page_of_nothing_live_is_empty_and_says_so() -> None:
    recommender = Recommender(State(), Model(FILE.read_bytes()))
    recommender.refresh(1)
    page = recommender.page(Asked("empty", 1, "1"))
    assert page.items == ()
    assert {stage.count for stage in page.stages} == {0}
    assert moved(page, recommender.model) == []


def test_what_the_owner_says_he_streams_counts_whatever_the_account_was_made_with() -> None:
    state, _, _ = crowd(3, 0)
    channel_id = state.catalog.channels.names[0]
    profile = ChannelProfile(
        channel_id=channel_id, login="a", display_name="A", tier="regular", category="Poker", client_id="", created_at=1
    )
    for event in (profile, ChannelInfo(channel_id=channel_id, category="Chess", language="de"), profile):
        state.apply(event)
    assert (state.describe(channel_id)["game"], state.describe(channel_id)["category"]) == ("Chess", "Table")
    assert state.describe(channel_id)["language"] == "de"


def test_another_file_is_no_model() -> None:
    with pytest.raises(ModelError, match="recommend train"):
        Model(b"CAM1 and more")
    assert len(FILE.read_bytes()) < 1_000_000


def test_an_unknown_source_is_told_by_its_name() -> None:
    assert reasons(ServedItem(channel_id="1", sources=("x",), probability=0.5, score=0, explored=True, propensity=0.1))[0] == "x"


@pytest.mark.row("U10")
def test_a_viewer_is_told_nothing_of_himself_that_is_not_so(evening: tuple[Recommender, int, list[str]]) -> None:
    recommender, now, users = evening
    of_himself = {"you watched it before", "you follow it", "like what you watch", "of a category that you watch"}
    of_himself |= {"its viewers watch what you watch"}
    for user_id in (None, "nobody"):
        told = [reasons(item) for item in recommender.page(Asked(f"stranger {user_id}", now, user_id)).items]
        assert all(told), "every stream has a reason"
        assert not of_himself & {words for each in told for words in each}
    seen: set[str] = set()
    for user_id in users:
        viewer = recommender.state.audience.viewer(user_id)
        past = {recommender.state.catalog.channels.names[at] for at in viewer.past()[0]}
        for item in recommender.page(Asked(f"told {user_id}", now, user_id)).items:
            told_of = reasons(item)
            seen |= set(told_of)
            assert ("you watched it before" in told_of) == (item.channel_id in past)
            assert len(set(told_of)) == len(told_of)
    assert {"you watched it before", "like what you watch", "of a category that you watch"} <= seen
    assert set(TOLD_RULES) == {rule.name for rule in RULES}, "each rule has words of its own"
