"""Partitions worked on by several processes. Each has its own reader; what they find comes back over pipes."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import TypeVar

from streams.errors import FatalError, StreamingError

WORTH_A_PROCESS = 200_000
"""Records for which another process pays: it starts in about a second, and reads or folds this many in two to four."""
REPORT_S = 0.2
"""Between two messages of a process about its progress."""

Found = TypeVar("Found")
Told = Callable[[int, int], None]
"""Hears (partition, offset that is next)."""
Work = Callable[[Sequence[int], Told], Found]
"""Does some partitions, blocking. It goes to other processes: a module's function, or an instance of a module's class."""


def in_processes(work: Work[Found], sizes: Mapping[int, int], told: Told, count: int | None = None) -> list[Found]:
    """Has all partitions done, by as many processes as help, or by `count`; one is this process. Blocking, for a thread without event loop.

    `sizes`: records by partition. The processes end with this one, or with the first failure.

    Raises:
        FatalError: a process failed or died; StreamingErrors of theirs are raised as they are.
    """
    parts = shares(sizes, count or helping(sizes))
    if len(parts) <= 1:
        return [work(partitions, told) for partitions in parts]
    context = multiprocessing.get_context("spawn")  # a fork would copy librdkafka's and RocksDB's locks without their threads
    working = {}
    for partitions in parts:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_do, args=(theirs, work, partitions), daemon=True)
        process.start()
        theirs.close()
        working[ours] = process, partitions
    done: list[Found] = []
    try:
        while working:
            for pipe in wait(list(working)):
                assert isinstance(pipe, Pipe)
                try:
                    kind, said = pipe.recv()
                except EOFError:
                    raise FatalError(
                        f"a process died and left partitions {sorted(working[pipe][1])}; out of memory? Try again with fewer"
                    ) from None
                if kind == "failed":
                    raise said
                if kind == "done":
                    done.append(said)
                    working.pop(pipe)[0].join()
                else:
                    told(*said)
    finally:
        for process, _ in working.values():
            process.kill()
    return done


def helping(sizes: Mapping[int, int]) -> int:
    """How many processes help with so many records by partition, at least 1."""
    return max(1, min(len(os.sched_getaffinity(0)), sum(sizes.values()) // WORTH_A_PROCESS, len(sizes)))


def shares(sizes: Mapping[int, int], count: int) -> list[list[int]]:
    """Partitions by process: the longest first, each to the process that has least."""
    loads, given = [0] * count, [list[int]() for _ in range(count)]
    for partition in sorted(sizes, key=lambda partition: sizes[partition], reverse=True):
        least = loads.index(min(loads))
        loads[least] += sizes[partition]
        given[least].append(partition)
    return [partitions for partitions in given if partitions]


class Sum:
    """Makes one progress of those of the partitions."""

    def __init__(self, ranges: Mapping[int, range], told: Callable[[int, int], None]) -> None:
        """`told` hears (records done, records in all)."""
        self._ranges = ranges
        self._done = dict.fromkeys(ranges, 0)
        self._total = sum(map(len, ranges.values()))
        self._told = told

    def __call__(self, partition: int, offset: int) -> None:
        """A partition is before an offset."""
        self._done[partition] = offset - self._ranges[partition].start
        self._told(sum(self._done.values()), self._total)


def _do(pipe: Pipe, work: Work[Found], partitions: Sequence[int]) -> None:
    """In the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C: the parent ends this process
    said, news = time.monotonic(), dict[int, int]()

    def told(partition: int, offset: int) -> None:
        news[partition] = offset
        if time.monotonic() - said >= REPORT_S:
            report()

    def report() -> None:
        nonlocal said
        said = time.monotonic()
        for each in news.items():
            pipe.send(("told", each))
        news.clear()

    try:
        found = work(partitions, told)
        report()
        pipe.send(("done", found))
    except StreamingError as cause:
        pipe.send(("failed", cause))
    except Exception as cause:  # it may be one that cannot be sent
        pipe.send(("failed", FatalError(f"partitions {list(partitions)} failed: {cause!r}")))
