"""What the ranker learns from: the generated log, labels that were cut, places that are seldom looked at, and what comes of it."""

import json
import zlib
from collections.abc import Iterator

import lightgbm
import numpy as np
import pytest

from processors.recommend.estimates import mean
from processors.recommend.experiment import Experiment, arm_of
from processors.recommend.features import NAMES, VERSION
from processors.recommend.live import Observed
from processors.recommend.outcomes import Outcomes
from processors.recommend.position import examined
from processors.recommend.rankers import FILE, MAGIC, Model, known
from processors.recommend.training import world
from processors.recommend.training.dataset import Dataset
from processors.recommend.training.labels import labelled
from processors.recommend.training.log import SECOND_US, World, watched
from processors.recommend.training.study import Ahead, Prepared, measured, moment, prepare, trained
from processors.recommend.training.trainer import train
from processors.recommend.training.unbiased import looked_at, precision
from processors.recommend.training.world import Size
from processors.recommend.trees import Trees, TreesError
from processors.recommend.whatif import Pages
from schemas.events import ChannelProfile, RecommendationClicked, RecommendationServed
from schemas.events.discovery import ServedItem
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.topics import OF_EVENT

SMALL = Size(channels=500, viewers=700, days=12)
BASELINES = ("most frequent", "most recent", "ALS", "BPR", "popularity", "viewers now")


@pytest.fixture(scope="module")
def log() -> World:
    return World(SMALL, seed=7)


@pytest.fixture(scope="module")
def prepared(log: World) -> Prepared:
    return prepare(log)


@pytest.fixture(scope="module")
def packed(prepared: Prepared) -> bytes:
    return trained(prepared)


@pytest.mark.row("L11")
def test_the_log_has_the_published_shape(log: World) -> None:
    minutes = np.array([(visit.end_s - visit.start_s) / 60 for visit in log.visits])
    assert 9 < np.median(minutes) < 11
    assert 27 < minutes.mean() < 35
    hours = np.bincount([visit.start_s // 3_600 % 24 for visit in log.visits], minlength=24)
    assert hours.argmax() in range(18, 23)
    pairs = [(visit.viewer, int(log.streams.channel[visit.stream])) for visit in log.visits]
    first = {pair: at for at, pair in reversed(list(enumerate(pairs)))}
    assert np.mean([first[pair] < at for at, pair in enumerate(pairs) if at > len(pairs) // 2]) > 0.5


@pytest.mark.row("L11")
def test_the_median_stream_has_few_viewers_and_the_head_most() -> None:
    viewers = np.floor(world.MEAN_VIEWERS * 100_000 * world.audience_weights(100_000))
    assert np.median(viewers) <= 20
    assert viewers[:1_000].sum() / viewers.sum() > 0.4
    ratio = world.audience_weights(100)
    assert ratio[0] / ratio[9] == pytest.approx((12.5 / 3.5) ** 0.88)


def test_the_same_seed_gives_the_same_events_that_go_over_the_wire_and_back() -> None:
    size = Size(channels=40, viewers=30, days=4)
    codec = Codec(LocalRegistry())
    first, second = (list(World(size, seed=3).events()) for _ in range(2))
    assert len(first) == len(second) > 500
    times = [moment(event) for event in first]
    assert times == sorted(times)
    for one, other in zip(first, second, strict=True):
        if isinstance(one, Observed) or isinstance(other, Observed):
            assert str(one) == str(other)
        else:
            assert one == other == codec.decode(codec.encode(OF_EVENT[type(one)].name, one))


@pytest.mark.row("R5")
def test_visits_that_were_cut_have_no_label_and_the_share_of_long_ones_stays_unbiased() -> None:
    rng = np.random.default_rng(4)
    whole = rng.exponential(400, 40_000)
    end = rng.exponential(300, 40_000)
    cut = end < whole
    label, weight = labelled(np.minimum(whole, end), cut)
    assert (weight[cut & (end < 300)] == 0).all()
    true = float((whole >= 300).mean())
    assert float((weight * label).sum() / weight.sum()) == pytest.approx(true, abs=0.01)
    assert abs(label[~cut].mean() - true) > 0.1


@pytest.mark.row("R12")
def test_weighing_places_ranks_better_on_pages_that_are_looked_at_as_a_whole() -> None:
    rng = np.random.default_rng(5)
    pages, column = 3_000, NAMES.index("similarity")
    shown, truth = [], []
    for _ in range(pages):
        table = np.zeros((20, len(NAMES)))
        table[:, column] = rng.normal(0, 1, 20)
        table[:, NAMES.index("log_viewers")] = np.sort(rng.normal(0, 1, 20))[::-1]  # places are given by viewers alone
        shown.append(table)
        truth.append(1 / (1 + np.exp(-(table[:, column] - 2))))
    features, chance = np.concatenate(shown), np.concatenate(truth)
    place = np.tile(np.arange(20), pages)
    label = rng.random(len(chance)) < chance * examined()[place]
    rows = Dataset(features, label, np.ones(len(label)), place, np.zeros(len(label), np.int64), np.arange(len(label)))
    anew = np.zeros((4_000, len(NAMES)))
    anew[:, column], anew[:, NAMES.index("log_viewers")] = rng.normal(0, 1, (2, 4_000))
    wanted = anew[:, column]
    agreement = [float(np.corrcoef(Model(train(rows, [""], weigh_places=weigh)).log_odds(anew), wanted)[0, 1]) for weigh in (True, False)]
    assert agreement[0] > 0.95
    assert agreement[0] > agreement[1] + 0.03


@pytest.mark.row("R12")
def test_the_trained_ranker_finds_what_viewers_would_watch_on_random_pages(log: World, prepared: Prepared, packed: bytes) -> None:
    pages = looked_at(log, prepared, 300)
    anything = float(np.mean([page.chance.mean() for page in pages]))
    assert precision(Model(packed), pages) > 1.6 * anything


def test_the_same_rows_give_the_same_model(prepared: Prepared, packed: bytes) -> None:
    assert trained(prepared) == packed


@pytest.mark.row("R2")
def test_what_is_known_and_what_is_new_are_judged_by_rankers_of_their_own_in_one_order(packed: bytes) -> None:
    found, content = Model(packed), json.loads(zlib.decompress(packed[len(MAGIC) :]))
    assert content["known"]["light"] != content["new"]["light"]
    table = np.random.default_rng(5).normal(0, 3, (200, len(NAMES)))
    table[:, NAMES.index("times_watched")] = np.arange(200) % 3
    swapped = Model(MAGIC + zlib.compress(json.dumps({**content, "known": content["new"], "new": content["known"]}).encode()))
    is_known = known(table)
    assert is_known.sum() == 133
    for name in ("light", "log_odds", "contributions"):
        whole, other = getattr(found, name)(table), getattr(swapped, name)(table)
        assert np.array_equal(whole[is_known], getattr(found, name)(table[is_known]))
        assert np.array_equal(whole[~is_known], getattr(found, name)(table[~is_known]))
        assert not np.allclose(whole[is_known], other[is_known])
        assert not np.allclose(whole[~is_known], other[~is_known])


@pytest.mark.row("R6")
def test_trees_judge_as_the_package_that_grew_them(packed: bytes) -> None:
    text = json.loads(zlib.decompress(packed[len(MAGIC) :]))["new"]["trees"]
    grown, trees = lightgbm.Booster(model_str=text), Trees(text, len(NAMES))
    table = np.random.default_rng(3).normal(scale=20, size=(500, len(NAMES)))
    assert np.array_equal(trees.log_odds(table), grown.predict(table, raw_score=True))
    assert np.array_equal(trees.contributions(table), grown.predict(table, pred_contrib=True)[:, :-1])
    assert np.array_equal(trees.log_odds(table[::2]), trees.log_odds(table)[::2]), "a table that lies with gaps in memory"
    with pytest.raises(TreesError, match=r"\(500, 16\), not of 17 columns"):
        trees.log_odds(table[:, 1:])
    with pytest.raises(TreesError, match="number of classes"):
        Trees("no model", len(NAMES))


@pytest.mark.row("R11")
def test_calibrated_chances_say_how_often_what_is_looked_at_gets_a_long_visit(prepared: Prepared, packed: bytes) -> None:
    rows, model = prepared.rows, Model(packed)
    shown = rows.where((rows.place >= 0) & (rows.weight > 0))
    names = prepared.state.catalog.categories.names
    odds = model.log_odds(shown.features)
    before, after = (1 / (1 + np.exp(-odds - shift)) for shift in (0, np.array([model.shift(names[at]) for at in shown.category])))
    seen = (shown.unbiased() * shown.label).sum()
    assert abs(np.log(after.sum() / seen)) < min(0.15, abs(np.log(before.sum() / seen)))


def test_the_ranker_is_ahead_of_every_baseline_on_repeated_and_new_visits(prepared: Prepared, packed: bytes) -> None:
    ranked = measured(prepared, Model(packed), {})
    ours = ranked.figures("Chronicast")
    assert ours["all"].cases > 1_000
    for name in BASELINES:
        others = ranked.figures(name)
        assert ours["all"].ndcg > others["all"].ndcg, name
        assert ours["all"].hits > others["all"].hits, name
        assert ours["new among new"].ndcg > others["new among new"].ndcg, name
        assert ours["new"].hits[1:] > others["new"].hits[1:], name
        assert ours["repeat"].ndcg > others["repeat"].ndcg - 0.01, name


def pages(order: np.random.Generator, count: int, *, reverse: bool) -> Iterator[object]:
    """Pages of the same five streams, whose chances to be wanted fall with the place or rise; clicks by looking and wanting."""
    wanted = np.array([0.5, 0.4, 0.3, 0.2, 0.1])[:: -1 if reverse else 1]
    for page in range(count):
        at, user_id = 1_000 * page + 10, str(page % 100)
        items = tuple(
            ServedItem(
                channel_id=str(n), probability=0.2, score=float(np.log(0.25)), propensity=1.0, features=(float(wanted[n]),) + (0.0,) * 16
            )
            for n in range(5)
        )
        yield RecommendationServed(
            occurred_at=at * SECOND_US,
            user_id=user_id,
            request_id=str(page),
            model="m",
            feature_version=VERSION,
            place_limit=5,
            as_of=0,
            items=items,
        )
        for place in np.flatnonzero(order.random(5) < wanted * examined(5)):
            yield RecommendationClicked(
                occurred_at=(at + 1) * SECOND_US, user_id=user_id, request_id=str(page), channel_id=str(place), place=int(place)
            )
            yield from watched(user_id, str(place), at + 2, 600)


class Best(Model):
    """Ranks by the first feature."""

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        return features[:, 0]

    def shift(self, category: str) -> float:
        return 0.0


@pytest.mark.row("E11")
@pytest.mark.parametrize("reverse", [True, False])
def test_what_if_tells_what_another_order_would_have_brought(prepared: Prepared, *, reverse: bool) -> None:
    collected = Pages(prepared.state.catalog)
    for event in pages(np.random.default_rng(6), 3_000, reverse=reverse):
        collected.apply(event)
    found = collected.compare(Best(FILE.read_bytes()), 10**16)
    assert found is not None
    best = float((np.array([0.5, 0.4, 0.3, 0.2, 0.1]) * examined(5)).sum())
    assert found.pages == 3_000
    assert found.would.low < best < found.would.high
    assert found.moved == (0.8 if reverse else 0)
    assert (found.gain.low > 0) == reverse


def test_what_if_without_a_page_says_nothing(prepared: Prepared) -> None:
    assert Pages(prepared.state.catalog).compare(Model(FILE.read_bytes()), 1) is None


@pytest.mark.row("R13")
def test_an_experiment_tells_both_figures_of_each_arm_with_their_intervals() -> None:
    users = [str(n) for n in range(2_000)]
    arms = [arm_of(user, "wider", ("as-is", "wider")) for user in users]
    assert arms == [arm_of(user, "wider", ("as-is", "wider")) for user in users]
    assert 900 < arms.count("wider") < 1_100
    other = [arm_of(user, "another", ("as-is", "wider")) for user in users]
    assert 0.45 < np.mean([one == two for one, two in zip(arms, other, strict=True)]) < 0.55
    view = Experiment("wider", ("as-is", "wider", "empty")[:2])
    view.apply(
        ChannelProfile(channel_id="9", login="new", display_name="New", tier="regular", client_id="", created_at=90 * 86_400 * SECOND_US)
    )
    for user, arm in zip(users, arms, strict=True):
        for channel in ("1", "2", "9") if arm == "wider" else ("1",):
            for event in watched(user, channel, 100 * 86_400, 60):
                view.apply(event)
    found = view.figures()
    assert found["wider"].streamers.value == 3
    assert found["as-is"].streamers == (1, 1, 1)
    assert (found["as-is"].grown.value, found["wider"].grown.value) == (0, 1)


def test_an_interval_holds_the_mean_and_is_wider_for_fewer_viewers() -> None:
    values = np.random.default_rng(1).normal(2, 1, 4_000)
    many, few = mean(values, np.arange(4_000)), mean(values, np.arange(4_000) // 400)
    assert many.low < 2 < many.high
    assert 0.05 < many.high - many.low < 0.08
    assert str(few).startswith(f"{few.value:.4f} (")


@pytest.mark.row("R5")
def test_a_visit_is_bound_to_its_page_and_one_under_way_is_cut_by_the_end() -> None:
    outcomes = Outcomes()
    joined, left = watched("7", "1", 100, 400)
    click = RecommendationClicked(occurred_at=99 * SECOND_US, user_id="7", request_id="page", channel_id="1", place=4)
    for event in (click, joined, left, watched("7", "1", 600, 1)[0]):
        outcomes.apply(event)
    first, second = outcomes.until(700 * SECOND_US)
    assert (first.request_id, first.place, first.seconds, first.cut) == ("page", 4, 400, True)
    assert (second.request_id, second.seconds, second.cut) == ("", 100, True)


def test_events_are_taken_up_to_a_moment_and_the_rest_later(log: World) -> None:
    events = Ahead(log.events())
    middle = (world.EPOCH_S + 86_400) * SECOND_US
    first, second = list(events.until(middle)), list(events.until(10**18))
    assert moment(first[-1]) < middle <= moment(second[0])
    assert len(first) + len(second) == sum(1 for _ in log.events())
