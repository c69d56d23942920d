"""Plays one seed and shows its trace, or many over all cores.

python -m tests.simulation.simulator --seed 123 --fold scheduler
python -m tests.simulation.simulator --seeds 100000 --minutes 10
"""

import argparse
import os
import sys

from tests.simulation.simulator.many import many
from tests.simulation.simulator.mutants import MUTANTS
from tests.simulation.simulator.run import FOLDS, run
from tests.simulation.simulator.variant import SOUND


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.simulator", description=__doc__.splitlines()[0])
    parser.add_argument("--fold", choices=sorted(FOLDS), help="one fold; all where many seeds are played")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="play a runner that is broken on purpose")
    parser.add_argument("--seed", type=int, help="play this one and show what happens")
    parser.add_argument("--seeds", type=int, default=2_000, help="play so many seeds of each fold")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--minutes", type=float, default=10.0, help="stop after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    given = parser.parse_args(arguments)
    if given.seed is not None:
        return one(given.seed, given.fold or "counting", given.mutant)
    return many(given.first, given.seeds, [given.fold] if given.fold else sorted(FOLDS), given.minutes, given.jobs, given.mutant)


def one(seed: int, fold: str, mutant: str | None) -> int:
    """Plays a seed; 1 where it found something."""
    result = run(seed, fold, MUTANTS[mutant] if mutant else SOUND, keep=True)
    print(f"seed {seed}, {fold}: {result.events} offsets, {result.plan}", *result.lines, f"trace {result.trace}", sep="\n")
    print(*(f"PROBLEM  {problem}" for problem in result.problems or ()), sep="\n" if result.problems else "")
    return bool(result.problems)


if __name__ == "__main__":
    sys.exit(main())
