"""Whatever dies, stalls or comes twice: views and outputs come out as the plain fold says (docs/why/simulation.md)."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from infra.views import VIEWS
from streams.store_rocksdict import RocksStores
from tests.simulation.simulator.faults import RATES, TIMED, Plan
from tests.simulation.simulator.lives import LIVES
from tests.simulation.simulator.many import play
from tests.simulation.simulator.run import FOLDS, Result, prepared, run

SEEDS = 400
"""Of each fold: about five seconds of one core. `./chronicast bench simulate` plays more."""
SAME = (3, 11, 42, 99)
"""Seeds that are run again elsewhere."""


def told(results: list[Result]) -> str:
    """Failures as what to type, and what will be seen."""
    return "".join(f"\n{r.again()}\n    {r.plan}\n    " + "\n    ".join(r.problems[:3]) for r in results[:5])


@pytest.mark.row("U10")
@pytest.mark.parametrize("fold", sorted(FOLDS))
def test_no_seed_finds_a_difference_from_the_plain_fold(fold: str) -> None:
    seeds, _, _, failures = play((fold, 0, SEEDS, None))
    assert seeds == SEEDS
    assert not failures, f"{len(failures)} of {SEEDS} seeds:{told(failures)}"


def test_every_view_has_a_life_to_fold() -> None:
    assert {fold.inputs[0] for fold in VIEWS.values()} <= set(LIVES)
    assert set(VIEWS) <= set(FOLDS)


def test_every_kind_of_fault_is_drawn_and_some_seeds_have_none() -> None:
    plans = [Plan(seed) for seed in range(SEEDS)]
    assert set().union(*(plan.kinds for plan in plans)) == {*TIMED, *RATES}
    assert {fault.kind for plan in plans for fault in plan.timed} == set(TIMED)
    assert min(len(plan.kinds) for plan in plans) <= 1


@pytest.mark.parametrize("fold", sorted(FOLDS))
def test_the_input_is_worth_folding(fold: str) -> None:
    """Most records change rows; folds that decide say something; poison, repeats, holes and tombstones are among the input."""
    partitions = [p for seed in range(20) for p in prepared(fold, seed)[1].partitions.values()]
    inputs = [given for seed in range(20) for p in prepared(fold, seed)[0].partitions.values() for given in p]
    assert not FOLDS[fold].tables or sum(len(p.rows()) for p in partitions) > 50
    assert not FOLDS[fold].outputs or sum(len(p.sequence) for p in partitions) > 100
    assert sum(len(p.letters) for p in partitions) > 20
    assert None in inputs
    assert any(given is not None and given.record.value is None for given in inputs)
    assert any(given is not None and given.repeats for given in inputs)


def test_a_seed_runs_the_same_again() -> None:
    for fold in FOLDS:
        for seed in SAME:
            first, second = run(seed, fold, keep=True), run(seed, fold, keep=True)
            assert first == second
            assert len(first.lines) == first.steps > 20


def test_a_seed_runs_the_same_in_another_process() -> None:
    script = f"from tests.simulation.simulator.run import *\nfor f in sorted(FOLDS):\n  for s in {SAME}: print(run(s, f).trace)"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    there = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.split() == [run(seed, fold).trace for fold in sorted(FOLDS) for seed in SAME]


@pytest.fixture
def rocks(tmp_path: Path) -> Callable[[], RocksStores]:
    """A new disk at each call."""
    numbers = count()
    return lambda: RocksStores(tmp_path / str(next(numbers)))


def test_on_rocksdb_every_step_is_the_same_as_in_memory(rocks: Callable[[], RocksStores]) -> None:
    for seed in range(0, 48, 8):
        on_disk, in_memory = run(seed, "scheduler", stores=rocks), run(seed, "scheduler")
        assert on_disk.problems == ()
        assert on_disk.trace == in_memory.trace


def test_a_failing_seed_is_one_line_to_run_again() -> None:
    command = [sys.executable, "-m", "tests.simulation.simulator"]
    many = subprocess.run(
        [*command, "--mutant", "gap-not-read", "--fold", "counting", "--seeds", "32", "--jobs", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert many.returncode == 1
    [line, *_] = [line for line in many.stdout.splitlines() if line.startswith("python -m tests.simulation.simulator --seed")]
    again = subprocess.run([*command, *line.split()[3:]], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "PROBLEM" in again.stdout
    assert "commits" in again.stdout
