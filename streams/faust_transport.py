"""Faust's aiokafka transport, changed to deliver record batches and to take positions from the folds' own stores.

Faust costs a future, a task and a queue hop for each message, about 40 us. Here a message is all that one fetch brought of
one partition, so that cost is shared. And Faust's book-keeping of acknowledgements skips records and takes failed commits
for done (faust-streaming 606, 316); here what is committed is what the stores say.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, cast

from aiokafka.consumer import fetcher
from faust.transport.drivers import aiokafka
from faust.types import TP, ConsumerMessage
from mode import Service
from mode.utils.futures import maybe_async

from streams.log import Record


class Work(Protocol):
    """What the folds of a worker do with the partitions that it has."""

    async def deliver(self, tp: TP, records: Sequence[Record]) -> None:
        """Takes the records that a fetch brought of a partition; returns once more may come."""

    async def take_over(self, assigned: Mapping[TP, int]) -> dict[TP, int]:
        """Opens what is assigned, given what the group has committed (0 for nothing); where to read on."""

    def next_offset(self, tp: TP) -> int | None:
        """What may be committed; None where nothing may."""


ANSWER_S = 1.5
"""A broker that is there commits, or lets a member go, within milliseconds. Twice this is less than a worker's time to end."""


FETCH_WAIT_MS = 100
"""Longest wait of a fetch for data; Faust's is 1500, unchangeably. One fetch at a time is under way to a broker, and a partition whose
records were not taken within 100 ms is not in it: under load such partitions stood still for up to that long (p99 1.8 s at 1,000
events a second)."""


class LoopConsumer(aiokafka.AIOKafkaConsumerThread):
    """Faust's fetching thread without the thread: aiokafka runs on the worker's own event loop.

    A thread takes turns at the interpreter with the folding, 5 ms each (`sys.getswitchinterval`), and each hand-over wakes a loop.
    Where the broker is away it gives up in time instead of waiting for it.
    """

    wait_for_shutdown = False

    def _create_worker_consumer(self, transport: aiokafka.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def start(self) -> None:
        """Joins the group."""
        await self._default_start()

    async def stop(self) -> None:
        """Ends it."""
        await Service.stop(self)

    async def on_stop(self) -> None:
        """Leaves the group, if the broker answers; it notices by itself otherwise."""
        if self._consumer is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._consumer.stop(), ANSWER_S)

    async def _stop_futures(self) -> None:
        await self._default_stop_futures()

    async def _stop_exit_stacks(self) -> None:
        await self._default_stop_exit_stacks()

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls."""
        return await maybe_async(fun(*args, **kwargs))

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commits, or does not: a commit is a hint."""
        try:
            return bool(await asyncio.wait_for(super().commit(offsets), ANSWER_S))
        except TimeoutError:
            return False


class Consumer(aiokafka.Consumer):
    """Delivers a message per partition and fetch: its value is the list of records, its offset the last one's."""

    @property
    def _work(self) -> Work:
        return cast(Transport, self.transport).work

    def _new_consumer_thread(self) -> aiokafka.AIOKafkaConsumerThread:
        return LoopConsumer(self, loop=self.loop, thread_loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's signature
        """Hands over what the fetcher has, partition by partition. Faust itself gets no message."""
        records, _ = await self._wait_next_records(timeout)
        # While a rebalance has stopped the flow, what was fetched is dropped: `perform_seek` goes before the next fetch.
        if records is not None and self.flow_active and not self.should_stop:
            for tp, batch in records.items():
                if batch:
                    await self._work.deliver(tp, batch)
        none: tuple[tuple[TP, ConsumerMessage], ...] = ()
        for message in none:
            yield message

    async def perform_seek(self) -> None:
        """Called before fetching begins or goes on after each rebalance: from the stores' watermarks."""
        held = await self.seek_to_committed()
        committed = {TP(*tp): offset if offset is not None and offset > 0 else 0 for tp, offset in held.items()}
        starts = await self._work.take_over(committed)
        self._committed_offset.update(committed)
        for tp in starts:
            self._read_offset[tp] = None
        await self.seek_wait(starts)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        """The partitions that a commit is about: what is assigned, or of that the topics and partitions asked for."""
        return (tp for tp in self.assignment() if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        """What is committed for a partition: the stores' word."""
        return self._work.next_offset(tp)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """The watchdog looks after that; Faust would miss its messages."""


class Transport(aiokafka.Transport):
    """The transport of a worker."""

    Consumer = Consumer
    work: Work


class FetchedRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """Records as the port has them, made as they are unpacked: aiokafka's own took 2 us each, and the way from there 1 us."""

    def _consumer_record(self, tp: Any, record: Any) -> Record:
        return Record(tp.topic, tp.partition, record.offset, record.key or b"", record.value, tuple(record.headers), record.timestamp)


def unpack_as_records() -> None:
    """Lets this process's aiokafka consumers, which are Faust's only, unpack what they fetch as the port's records."""
    fetcher.PartitionRecords = FetchedRecords
