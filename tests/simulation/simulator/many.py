"""Many seeds, over all cores, with progress."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence

from tests.simulation.simulator.mutants import MUTANTS
from tests.simulation.simulator.run import SHARED, Result, run
from tests.simulation.simulator.variant import SOUND

CHUNK = 4 * SHARED
"""Seeds of one fold that a process plays in a row: half a second."""
SAY_S = 2.0
"""Between two lines of progress."""
SHOWN = 20
"""Failures told in full; more are counted."""


def many(first: int, count: int, folds: Sequence[str], minutes: float, jobs: int, mutant: str | None) -> int:
    """Plays many seeds; 1 where one found something."""
    chunks = [(fold, seed, min(seed + CHUNK, first + count), mutant) for seed in range(first, first + count, CHUNK) for fold in folds]
    began, said = time.monotonic(), 0.0
    totals: Counter[str] = Counter()
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for seeds, events, steps, failures in pool.imap_unordered(play, chunks):
            totals.update(seeds=seeds, events=events, steps=steps, failures=len(failures))
            for result in failures[: max(0, SHOWN - totals["failures"] + len(failures))]:
                print(f"\n{result.again()}\n    {result.plan}\n    " + "\n    ".join(result.problems[:3]), flush=True)
            took = time.monotonic() - began
            if took > 60 * minutes:
                break
            if took - said > SAY_S:
                said = took
                print(progress(totals, count * len(folds), took, minutes), end="\r", flush=True)
    print("\n" + progress(totals, count * len(folds), time.monotonic() - began, minutes))
    return bool(totals["failures"])


def play(chunk: tuple[str, int, int, str | None]) -> tuple[int, int, int, list[Result]]:
    """Seeds, offsets, steps and failures of a chunk."""
    fold, begin, end, mutant = chunk
    results = [run(seed, fold, MUTANTS[mutant] if mutant else SOUND) for seed in range(begin, end)]
    return len(results), sum(r.events for r in results), sum(r.steps for r in results), [r for r in results if r.problems]


def progress(totals: Counter[str], count: int, took: float, minutes: float) -> str:
    """How far it is, and how long it will take."""
    rate = totals["seeds"] / took if took else 0.0
    left = min((count - totals["seeds"]) / rate if rate else 0.0, max(0.0, 60 * minutes - took))
    return (
        f"{totals['seeds']:,} of {count:,} seeds, {totals['events']:,} offsets, {totals['steps']:,} steps, "
        f"{totals['failures']} failures, {rate:.0f} seeds/s, {took:.0f} s, about {left:.0f} s to go"
    )
