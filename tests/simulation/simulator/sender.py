"""A process's own end of the log: the Log port, with requests on their way, late acknowledgements and a backlog that may be full."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import groupby

from streams.errors import BacklogFullError, NotAppendedError
from streams.keys import partition_for
from streams.log import Headers, Outgoing, Position, Record
from streams.topics import PARTITIONS
from tests.simulation.simulator.broker import Broker, Where
from tests.simulation.simulator.faults import Plan
from tests.simulation.simulator.process import Injected, Process

APART = 1e-6
"""Seconds between two things that must not swap."""


class RefusedError(NotAppendedError, Injected):
    """The broker refused a record."""


class Call:
    """An append that waits for its acknowledgements."""

    def __init__(self, requests: int) -> None:
        self.future: Future[list[int]] = Future()
        self.offsets: list[int] = []
        self._open = requests
        if requests == 0:
            self.future.set_result([])

    def acknowledged(self, offset: int) -> None:
        """One request less is open."""
        self._open -= 1
        self.offsets.append(offset)
        if self._open == 0 and not self.future.done():
            self.future.set_result(self.offsets)


class Lane:
    """A process's requests to one partition: they land and are acknowledged in order, each at its own time."""

    def __init__(self, sender: "Sender", where: Where) -> None:
        self._sender = sender
        self._where = where
        self._queue: deque[tuple[float, list[Outgoing], Call]] = deque()
        self._on_wire = 0
        """Requests that have left the process: neither its death nor its stop holds them up."""
        self._acknowledged = 0.0
        self._pumping = False

    def send(self, records: list[Outgoing], call: Call) -> None:
        """Queues a request."""
        ready = self._sender.now() + self._sender.plan.landing()
        self._queue.append((ready, records, call))
        self._pump()

    def cut(self) -> None:
        """The process died or was stopped: a random number of its requests had left."""
        self._on_wire = self._sender.plan.rng.randint(0, len(self._queue))

    def drop(self) -> None:
        """The process died: what had not left is gone."""
        while len(self._queue) > self._on_wire:
            self._queue.pop()

    def _pump(self) -> None:
        if self._queue and not self._pumping:
            self._pumping = True
            asyncio.get_running_loop().call_at(max(self._sender.now() + APART, self._queue[0][0]), self._land)

    def _land(self) -> None:
        self._pumping = False
        if not self._queue:
            return
        held = self._sender.held(on_wire=self._on_wire > 0)
        if held > 0:
            self._pumping = True
            asyncio.get_running_loop().call_later(held, self._land)
            return
        _, records, call = self._queue.popleft()
        self._on_wire = max(0, self._on_wire - 1)
        refused = self._sender.refuse()
        if refused is not None:
            self._fail(call, refused)
        else:
            offset = self._sender.broker.append(*self._where, records)
            self._sender.trace("lands", f"{self._where[0]}/{self._where[1]}", f"{offset}+{len(records)}")
            self._acknowledged = max(self._acknowledged + APART, self._sender.now() + self._sender.plan.acknowledging())
            asyncio.get_running_loop().call_at(self._acknowledged, self._sender.acknowledge, call, offset)
        self._pump()

    def _fail(self, call: Call, refused: RefusedError) -> None:
        """Nothing may pass a refused record: what is behind it fails too."""
        for failed in (call, *(each for _, _, each in self._queue)):
            if not failed.future.done():
                failed.future.set_exception(refused)
        self._queue.clear()


class Sender:
    """The Log port of one process, without tails: the driver here polls."""

    def __init__(self, process: Process, broker: Broker, plan: Plan, reach: Callable[[], float]) -> None:
        """`reach` tells the seconds until the broker can be reached from here."""
        self.process = process
        self.broker = broker
        self.plan = plan
        self._reach = reach
        self._lanes: dict[Where, Lane] = {}
        process.on_death.append(self._die)

    def append(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        *,
        headers: Headers = (),
        timestamp: int | None = None,
        partition: int | None = None,
    ) -> "Future[Position]":
        """Appends one record."""
        record = Outgoing(topic, key, value, headers, timestamp, partition)
        at = Position(topic, self._place(record), 0)
        done: Future[Position] = Future()

        def answer(sent: "Future[list[int]]") -> None:
            if cause := sent.exception():
                done.set_exception(cause)
            else:
                done.set_result(at._replace(offset=sent.result()[0]))

        self._send([record]).add_done_callback(answer)
        return done

    def append_all(self, records: Sequence[Outgoing]) -> "Future[None]":
        """Appends them; the backlog may be full after some."""
        if self.plan.full():
            taken = self.plan.rng.randint(0, len(records))
            self.trace("full", f"takes {taken} of {len(records)}")
            self._send(records[:taken])
            raise BacklogFullError("the backlog is full")
        return self._send(records)  # type: ignore[return-value]

    def _send(self, records: Sequence[Outgoing]) -> "Future[list[int]]":
        self.process.step("append")
        by_partition: dict[Where, list[Outgoing]] = defaultdict(list)
        for record in records:
            by_partition[record.topic, self._place(record)].append(record)
        requests = [(where, part) for where, whole in by_partition.items() for part in self.plan.cut(whole)]
        call = Call(len(requests))
        for where, part in requests:
            self._lanes.setdefault(where, Lane(self, where)).send(part, call)
        self.process.step("appended")
        return call.future

    def _place(self, record: Outgoing) -> int:
        return partition_for(record.key, PARTITIONS[record.topic]) if record.partition is None else record.partition

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        """The records of a range that are there."""
        self.process.step("read")
        found = self.broker.read(topic, partition, start, end, end - start)
        for _, batch in groupby(enumerate(found), lambda numbered: numbered[0] // self.plan.batch):
            yield [record for _, record in batch]

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        """The log's start, or the first record at or past a time."""
        found = {}
        for partition in range(PARTITIONS[topic]):
            start, end = self.broker.start(topic, partition), self.broker.end(topic, partition)
            later = (r.offset for r in self.broker.read(topic, partition, start, end, end) if timestamp is None or r.timestamp >= timestamp)
            found[partition] = start if timestamp is None else next(later, end)
        return found

    def ends(self, topic: str) -> dict[int, int]:
        """The offsets that the next records get."""
        return {partition: self.broker.end(topic, partition) for partition in range(PARTITIONS[topic])}

    def flush(self, timeout: float) -> bool:
        """Nobody here waits for what was appended without looking at its future."""
        return True

    def close(self) -> None:
        """What was appended lands."""

    def now(self) -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()

    def trace(self, what: str, *details: object) -> None:
        """Notes a step of this process."""
        self.process.trace(self.process.name, what, *details)

    def held(self, *, on_wire: bool) -> float:
        """Seconds that a request has to wait yet."""
        if on_wire:
            return self.broker.away()
        return max(self._reach(), self.process.stopped_until - self.now())

    def refuse(self) -> RefusedError | None:
        """Whether the broker refuses the request that lands."""
        if not self.plan.refuse():
            return None
        self.trace("refused")
        return RefusedError("the broker refuses the record")

    def acknowledge(self, call: Call, offset: int) -> None:
        """An acknowledgement arrives, if the process can take it."""
        if not self.process.alive:
            return
        wait = max(self._reach(), self.process.stopped_until - self.now())
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.acknowledge, call, offset)
            return
        call.acknowledged(offset)

    def stop(self) -> None:
        """The process is stopped: some requests have left it."""
        for lane in self._lanes.values():
            lane.cut()

    def _die(self) -> None:
        for lane in self._lanes.values():
            lane.cut()
            lane.drop()
