"""A million events of the golden log, folded by every view that reads them, give the pinned rows and outputs."""

import pytest

from streams.fold import Fold
from streams.outputs import view_name
from tests.golden.golden_log import COUNTS, FOLDS, content, folded, pinned

AGAIN = "python -m tests.golden.golden_log"


@pytest.mark.row("E1")
@pytest.mark.parametrize("fold", FOLDS, ids=view_name)
def test_a_view_makes_of_the_golden_log_what_it_always_made(fold: Fold) -> None:
    found, expected = folded(fold), pinned().get(view_name(fold))
    assert expected is not None, f"a new view or version: pin it with {AGAIN}"
    assert found == expected, (
        f"{view_name(fold)} folds the same events into something else. Is that meant, then it is another meaning: count its version up, "
        f"and pin that with {AGAIN}. Where the events themselves are others, the test below fails too"
    )


@pytest.mark.parametrize("topic", COUNTS)
def test_the_golden_log_has_the_same_bytes(topic: str) -> None:
    assert content(topic) == pinned().get(topic), (
        f"the generator, the codec or a schema of {topic} writes other bytes. A schema that gained a field does: pin them with {AGAIN}, "
        "in a commit that changes no fold"
    )


def test_the_golden_log_has_a_million_events() -> None:
    assert sum(COUNTS.values()) == 1_000_000
