"""The simulator finds what it is there to find: each runner that is broken on purpose, within some seeds."""

import pytest

from tests.simulation.simulator.mutants import MUTANTS
from tests.simulation.simulator.run import Result, run

WITHIN = 300
"""Seeds: fewer than CI plays of each fold. Most mutants fall within twenty."""


def first_failure(mutant: str) -> Result | None:
    """The first seed that finds a mutant."""
    fold = "scheduler" if "deleted" in mutant else "counting"  # one that removes rows, and one whose every event has an output
    return next((result for seed in range(WITHIN) if (result := run(seed, fold, MUTANTS[mutant])).problems), None)


@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_a_broken_runner_is_found(mutant: str, record_property) -> None:
    found = first_failure(mutant)
    assert found is not None, f"{mutant} was not found by seeds 0 to {WITHIN - 1}"
    record_property("seed", found.seed)
    print(f"{mutant}: {found.again()}: {found.problems[0]}")
