"""Runs a fold without Faust and without a group: the partitions are given, one process has them all.

For bulk replay, and for a view that needs no hand-over. Works on any log.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import groupby

from streams.log import Log, Record
from streams.runner import Runner


async def follow(runner: Runner, log: Log, stopping: asyncio.Event) -> None:
    """Folds all partitions of the runner's topic, from where their stores are, until `stopping` is set.

    Raises:
        FatalError: the runner gave up; nothing wrong is stored.
    """
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()

    async def fold(records: Sequence[Record]) -> None:
        try:
            for partition, batch in groupby(records, lambda record: record.partition):
                await runner.run_batch(partition, list(batch))
        except Exception as cause:
            if not failed.done():
                failed.set_exception(cause)

    def deliver(records: Sequence[Record]) -> None:
        """On the tail's thread: waits for the fold, so that reading is never far ahead."""
        if not stopping.is_set() and not failed.done():
            with suppress(CancelledError):  # the loop ends
                asyncio.run_coroutine_threadsafe(fold(records), loop).result()

    ends = await asyncio.to_thread(log.ends, runner.topic)
    tail = log.tail({(runner.topic, partition): await runner.open(partition) for partition in ends}, deliver)
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((stop, failed), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
        for partition in ends:
            await runner.close(partition)
        await asyncio.to_thread(tail.close)
    if failed.done():
        failed.result()


async def replay(runner: Runner, log: Log, ends: Mapping[int, int]) -> None:
    """Folds each partition from where its store is up to an offset, silently: no output is sent. The stores hold the result.

    It holds the event loop: for a process that does nothing else.
    """
    for partition, end in ends.items():
        start = await runner.open(partition, emitted=end)
        for batch in log.read(runner.topic, partition, start, end):
            await runner.run_batch(partition, batch)
        await runner.close(partition)
