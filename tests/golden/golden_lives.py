"""Lives of the views that the golden log has no events for, the same for ever, and what the views make of them.

`python -m tests.golden.golden_lives` pins it anew. The lives are the simulator's: a change of theirs changes the events, whose digest is
pinned too, so that it is told apart from a change of a fold.
"""

import json
import sys
from functools import cache
from pathlib import Path
from random import Random

from infra.views import VIEWS
from schemas.contract import subjects
from schemas.events import Tick
from schemas.registry import preload
from schemas.wire import Codec
from streams.fold import Fold
from streams.log_memory import MemoryLog
from streams.outputs import view_name
from streams.publisher import Publisher
from streams.replay.bounded import replay
from streams.replay.manifest import Manifest
from streams.replay.partition import Connection, Plan
from streams.topics import CATALOGUE, CHANNEL_PARTITIONS
from tests.golden.golden_log import COUNTS, ContentRegistry, Digests
from tests.simulation.simulator.lives import life_of
from tests.simulation.simulator.workloads import Edges

PINS = Path(__file__).with_name("golden_lives.json")
LIVES, EVENTS = 12, 400
"""Of each view, and of each life: some thousand events, among them those that no sound edge would send."""
FOLDS = [fold for fold in VIEWS.values() if fold.inputs[0] not in COUNTS]


@cache
def lived(fold: Fold) -> Connection:
    """A log on which a view's lives are, one after the other."""
    topic = fold.inputs[0]
    registry = ContentRegistry()
    for each in CATALOGUE:
        preload(registry, subjects(each.name, (Tick, *each.events)))
    log, codec = MemoryLog(), Codec(registry)
    publisher = Publisher(log, codec, "golden-1")
    for number in range(LIVES):
        edges = Edges(Random(f"golden {number}"))
        life = life_of(fold.name, topic)(edges)
        for _, event in zip(range(EVENTS), life, strict=False):
            stamped = edges.stamp(event)
            if isinstance(stamped, Tick):
                for partition in range(CHANNEL_PARTITIONS):
                    publisher.tick(stamped, topic, partition)
            else:
                publisher.publish(stamped)
    return Connection(log, codec, registry)


def folded(fold: Fold | None, lives: Fold) -> Manifest:
    """What a view makes of the lives of one; without a view, what the events are."""
    connection = lived(lives)
    ranges = {partition: range(end) for partition, end in connection.source.ends(lives.inputs[0]).items()}
    return replay(Plan(lives.inputs[0], ranges, fold), lambda: connection, processes=1)


def digests(fold: Fold) -> Digests:
    """Of the events of a view's lives, and of its rows and outputs."""
    view = folded(fold, fold)
    return {"content": folded(None, fold).content, "rows": view.state, "outputs": view.outputs}


def pinned() -> dict[str, Digests]:
    """What is pinned, by view."""
    found: dict[str, Digests] = json.loads(PINS.read_text())
    return found


if __name__ == "__main__":
    PINS.write_text(json.dumps({view_name(fold): digests(fold) for fold in FOLDS}, indent=2) + "\n")
    sys.stdout.write(PINS.read_text())
