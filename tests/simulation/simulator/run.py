"""One run: a seed and a fold in, what came of it out."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from logging import CRITICAL
from typing import NamedTuple

import structlog

from infra.views import VIEWS
from schemas.contract import released, subject
from schemas.events import Tick
from schemas.registry import LocalRegistry, preload
from schemas.wire import Codec
from streams.fold import Fold
from streams.store import Stores
from streams.store_memory import MemoryStores
from streams.topics import CATALOGUE
from tests.simulation.counting import CountingFold
from tests.simulation.simulator.lives import life_of
from tests.simulation.simulator.oracle import Oracle
from tests.simulation.simulator.variant import SOUND, Variant
from tests.simulation.simulator.workloads import Workload, workload
from tests.simulation.simulator.world import World

FOLDS: dict[str, Fold] = {**VIEWS, "counting": CountingFold()}
SHARED = 8
"""Seeds in a row that share an input, each with faults of its own: making and folding an input costs as much as a run."""


class Result(NamedTuple):
    """What a run came to."""

    seed: int
    fold: str
    variant: str
    problems: tuple[str, ...]
    trace: str
    """Equal for equal runs."""
    steps: int
    events: int
    plan: str
    lines: tuple[str, ...]

    def again(self) -> str:
        """The command that runs it again."""
        variant = "" if self.variant == SOUND.name else f" --mutant {self.variant}"
        return f"python -m tests.simulation.simulator --seed {self.seed} --fold {self.fold}{variant}"


@cache
def known() -> tuple[LocalRegistry, Codec]:
    """A registry that holds every schema, filled in one order so that ids are the same in every process; and a codec on it."""
    registry, contract = LocalRegistry(), released()
    preload(registry, [(subject(t.name, event), contract.current(event.SCHEMA)) for t in CATALOGUE for event in (*t.events, Tick)])
    return registry, Codec(registry)


@lru_cache(8)
def prepared(fold: str, seed: int) -> tuple[Workload, Oracle]:
    """Input of a fold, and what must come of it."""
    topic = FOLDS[fold].inputs[0]
    given = workload(topic, life_of(fold, topic), seed, known()[1])
    return given, Oracle(FOLDS[fold], given)


@contextmanager
def silence() -> Iterator[None]:
    """No log lines: the trace says more."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def run(seed: int, fold: str, variant: Variant = SOUND, *, keep: bool = False, stores: Callable[[], Stores] = MemoryStores) -> Result:
    """Plays a seed. `keep` keeps the trace's text; `stores` makes what lies on a host's disk."""
    given, oracle = prepared(fold, seed // SHARED)
    registry, codec = known()
    world = World(seed, FOLDS[fold], given, oracle, codec, registry, variant, stores, keep=keep)
    with silence():
        try:
            world.loop.run_until_complete(world.live())
            world.loop.run_until_complete(asyncio.sleep(0))
            assert not world.loop.faults, world.loop.faults
        finally:
            world.loop.close()
    events = sum(map(len, given.partitions.values()))
    trace = world.trace
    problems = tuple(world.verdict.problems)
    return Result(seed, fold, variant.name, problems, trace.digest(), trace.steps, events, world.plan.describe(), tuple(trace.lines))
