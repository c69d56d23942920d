"""A million events of the golden log, folded by every view that reads them, give the pinned rows and outputs; so do lives of the others."""

import pytest

from infra.views import VIEWS
from streams.fold import Fold
from streams.outputs import view_name
from tests.golden import golden_lives
from tests.golden.golden_log import COUNTS, FOLDS, content, folded, pinned

AGAIN, LIVES_AGAIN = "python -m tests.golden.golden_log", "python -m tests.golden.golden_lives"


@pytest.mark.row("E1")
@pytest.mark.parametrize("fold", FOLDS, ids=view_name)
def test_a_view_makes_of_the_golden_log_what_it_always_made(fold: Fold) -> None:
    found, expected = folded(fold), pinned().get(view_name(fold))
    assert expected is not None, f"a new view or version: pin it with {AGAIN}"
    assert found == expected, (
        f"{view_name(fold)} folds the same events into something else. Is that meant, then it is another meaning: count its version up, "
        f"and pin that with {AGAIN}. Where the events themselves are others, the test below fails too"
    )


@pytest.mark.row("E1")
@pytest.mark.parametrize("fold", golden_lives.FOLDS, ids=view_name)
def test_a_view_makes_of_its_golden_lives_what_it_always_made(fold: Fold) -> None:
    found, expected = golden_lives.digests(fold), golden_lives.pinned().get(view_name(fold))
    assert expected is not None, f"a new view or version: pin it with {LIVES_AGAIN}"
    assert found["content"] == expected["content"], (
        f"the lives of {view_name(fold)} have other events: the simulator, the codec or a schema has changed. Pin them with {LIVES_AGAIN}, "
        "in a commit that changes no fold"
    )
    assert found == expected, (
        f"{view_name(fold)} folds the same events into something else. Is that meant, then it is another meaning: count its version up, "
        f"and pin that with {LIVES_AGAIN}"
    )


def test_every_view_is_pinned_and_no_other() -> None:
    assert {*pinned(), *golden_lives.pinned()} == {*COUNTS, *map(view_name, VIEWS.values())}


@pytest.mark.parametrize("fold", golden_lives.FOLDS, ids=view_name)
def test_the_golden_lives_are_worth_folding(fold: Fold) -> None:
    manifest = golden_lives.folded(fold, fold)
    assert manifest.records > 1_000
    assert not fold.outputs or sum(part.sent for part in manifest.partitions) > 20
    assert not fold.tables or any(int(part.state or "0", 16) for part in manifest.partitions)


@pytest.mark.parametrize("topic", COUNTS)
def test_the_golden_log_has_the_same_bytes(topic: str) -> None:
    assert content(topic) == pinned().get(topic), (
        f"the generator, the codec or a schema of {topic} writes other bytes. A schema that gained a field does: pin them with {AGAIN}, "
        "in a commit that changes no fold"
    )


def test_the_golden_log_has_a_million_events() -> None:
    assert sum(COUNTS.values()) == 1_000_000
