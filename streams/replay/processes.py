"""Partitions replayed by several processes. Each has its own reader; what they find comes back over pipes."""

import multiprocessing
import signal
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from pathlib import Path

from streams.errors import FatalError, StreamingError
from streams.replay.partition import Connect, Plan, Replayed, Told, replay_partition

REPORT = 20_000
"""Records between two messages about progress: a few a second."""


def in_processes(plan: Plan, connect: Connect, stores: Path, count: int, told: Told) -> list[Replayed]:
    """Replays all partitions of a plan. The processes end with this one, or with the first failure.

    Raises:
        FatalError: a process failed or died; StreamingErrors of theirs are raised as they are.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy librdkafka's and RocksDB's locks without their threads
    working = {}
    for partitions in shares(plan.ranges, count):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(theirs, plan, connect, partitions, stores), daemon=True)
        process.start()
        theirs.close()
        working[ours] = process
    found: list[Replayed] = []
    try:
        while working:
            for pipe in wait(list(working)):
                assert isinstance(pipe, Pipe)
                try:
                    said = pipe.recv()
                except EOFError:
                    working.pop(pipe).join()
                    continue
                if isinstance(said, Exception):
                    raise said
                if isinstance(said, Replayed):
                    found.append(said)
                else:
                    told(*said)
        if len(found) < len(plan.ranges):
            done = {each.part.partition for each in found}
            raise FatalError(f"a process died and left partitions {sorted(set(plan.ranges) - done)}; out of memory? Try again with fewer")
    finally:
        for process in working.values():
            process.kill()
    return found


def shares(ranges: Mapping[int, range], count: int) -> list[list[int]]:
    """Partitions by process: the longest first, each to the process that has least."""
    sizes, given = [0] * count, [list[int]() for _ in range(count)]
    for partition in sorted(ranges, key=lambda partition: len(ranges[partition]), reverse=True):
        least = sizes.index(min(sizes))
        sizes[least] += len(ranges[partition])
        given[least].append(partition)
    return [partitions for partitions in given if partitions]


def _work(pipe: Pipe, plan: Plan, connect: Connect, partitions: Sequence[int], stores: Path) -> None:
    """In the process: replays its partitions one after another."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C: the parent ends this process
    reported = dict.fromkeys(partitions, 0)

    def told(partition: int, offset: int) -> None:
        if offset - reported[partition] >= REPORT or offset >= plan.ranges[partition].stop:
            reported[partition] = offset
            pipe.send((partition, offset))

    try:
        connection = connect()
        for partition in partitions:
            pipe.send(replay_partition(connection, plan, partition, stores, told))
    except StreamingError as cause:
        pipe.send(cause)
    except Exception as cause:  # it may be one that cannot be sent
        pipe.send(FatalError(f"the replay of partitions {list(partitions)} failed: {cause!r}"))
