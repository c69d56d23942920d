"""Bounded replay: a range of a topic, folded or only read, in as many processes as help, without a trace on the live system.

There is no producer in it and no group: nothing is sent, no offset committed, no effect repeated.
"""

from collections import Counter
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from streams.outputs import view_name
from streams.replay.manifest import Manifest, over_all
from streams.replay.partition import Connect, Plan, replay_partitions
from streams.replay.processes import Told, in_processes


def replay(plan: Plan, connect: Connect, *, stores: Path | None = None, processes: int | None = None, told: Told | None = None) -> Manifest:
    """Replays a range; blocking, for a thread without event loop. `told` hears the progress.

    `stores` is a directory in which the rows stay, for a view; without it they go. `processes`: None takes what helps.

    Raises:
        FatalError: `stores` holds this view already, the fold cannot take a record, or a process died.
        UnknownTopicError, RegistryUnavailableError: as their names say.
    """
    if stores is None:
        with TemporaryDirectory(prefix="chronicast-replay-") as temporary:
            return replay(plan, connect, stores=Path(temporary), processes=processes, told=told)
    sizes = {partition: len(asked) for partition, asked in plan.ranges.items()}
    work = partial(replay_partitions, connect, plan, stores)
    found = list(chain.from_iterable(in_processes(work, sizes, told or (lambda partition, offset: None), processes)))
    events = sum((Counter(each.events) for each in found), Counter[str]())
    parts = sorted((each.part for each in found), key=lambda part: part.partition)
    return Manifest(
        topic=plan.topic,
        view=None if plan.fold is None else view_name(plan.fold),
        code_version=plan.code_version,
        schemas=dict(sorted(chain.from_iterable(each.schemas.items() for each in found))),
        events=dict(sorted(events.items())),
        partitions=tuple(parts),
        content=over_all({part.partition: part.content for part in parts}),
        state=over_all({part.partition: part.state for part in parts}),
        outputs=over_all({part.partition: part.outputs for part in parts}),
    )
