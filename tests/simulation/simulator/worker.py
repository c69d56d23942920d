"""A worker around the real Runner: membership, reading, delivery and commits as the Faust driver has them."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from streams.lanes import Lanes, RunBatch
from streams.log import Record
from streams.runner import Runner
from tests.simulation.simulator.broker import Broker
from tests.simulation.simulator.clock import Alarm
from tests.simulation.simulator.faults import Plan
from tests.simulation.simulator.group import HEARTBEAT_S, Group, Membership
from tests.simulation.simulator.process import Process

COMMIT_S = 2.5
"""Rarer than the Faust driver's, so that the hint is further behind."""


class Worker:
    """One process of the group."""

    def __init__(
        self,
        process: Process,
        runner: Runner,
        lanes: Callable[..., Lanes],
        broker: Broker,
        group: Group,
        plan: Plan,
        reach: Callable[[], float],
        committed: Callable[[str, dict[int, int]], None],
    ) -> None:
        """`reach` tells the seconds until broker and group can be reached; `committed` is told what the group took."""
        self.process = process
        self.runner = runner
        self._make_lanes = lanes
        self._broker = broker
        self._group = group
        self._plan = plan
        self._reach = reach
        self._committed = committed
        self._alarm = Alarm()
        self._read_on: dict[int, int] = {}
        """Where each partition is read on."""
        self._queue: deque[tuple[int, list[Record]]] = deque()
        """Fetched batches of all partitions."""
        self._more = Alarm()
        self.leaving = False
        self.ring = self._alarm.ring

    def start(self) -> None:
        """Starts its tasks."""
        take = self._run
        if self._plan.parallel:
            lanes = self._make_lanes(self._run, self.process.fail, batch=self._plan.batch, waiting=self._plan.buffered)
            loop = asyncio.get_running_loop()
            self.process.on_death.append(lambda: loop.create_task(lanes.close()))
            take = lanes.put
        self.process.spawn(self._fold, take)
        self.process.spawn(self._live)

    def leave(self) -> None:
        """SIGTERM."""
        self.leaving = True
        self._alarm.ring()

    async def _live(self) -> None:
        while True:
            await self._reachable()
            membership = await self._group.join(self.process.name)
            await self.process.awake()
            opening = self.process.spawn(self._take_over, membership)
            await self._work(membership)
            opening.cancel()
            await self._give_back(membership)
            if self.leaving:
                await self._reachable()
                self._group.leave(self.process.name)
                self.process.kill("left")

    async def _reachable(self) -> None:
        while (wait := self._reach()) > 0:
            await self.process.sleep(wait)
        await self.process.awake()

    async def _take_over(self, membership: Membership) -> None:
        """Opens what is assigned; the stores say where to read on. It ends unfinished where the group rebalances meanwhile."""
        for partition in membership.partitions:
            start = await self.runner.open(partition, membership.committed[partition])
            self._read_on[partition] = max(0, start - self._plan.redelivered())
            hint = membership.committed[partition]
            self.process.trace(self.process.name, "opens", f"{partition} at {start}, hint {hint}, reads {self._read_on[partition]}")
            self._alarm.ring()

    async def _work(self, membership: Membership) -> None:
        """Heartbeats, commits and fetches until the group rebalances."""
        loop = asyncio.get_running_loop()
        beat = commit = loop.time()
        while not self.leaving:
            if (wait := self._reach()) > 0:
                await self.process.sleep(wait)
                continue
            if loop.time() >= beat:
                if not self._group.beat(self.process.name, membership.generation):
                    return
                beat = loop.time() + HEARTBEAT_S
            if loop.time() >= commit:
                self._commit(membership, {p: self.runner.next_offset(p) for p in membership.partitions})
                commit = loop.time() + COMMIT_S
            self._fetch()
            await self._alarm.wait(min(beat, commit) - loop.time())
            await self.process.awake()

    def _fetch(self) -> None:
        for partition in list(self._read_on):
            while sum(each == partition for each, _ in self._queue) < self._plan.buffered:
                offset, end = self._read_on[partition], self._broker.end(self.runner.topic, partition)
                if offset >= end:
                    break
                begin = min(offset + self._plan.skipped(), end - 1)
                records = self._broker.read(self.runner.topic, partition, begin, end, self._plan.fetched())
                if begin > offset and not records:
                    continue  # a transport that leaves out the very last records would never be found out
                self._read_on[partition] = records[-1].offset + 1 if records else end
                if records:
                    self._queue.append((partition, records))
                    self._more.ring()

    async def _fold(self, take: RunBatch) -> None:
        """Hands fetched batches on, to the runner or to its lanes."""
        while True:
            while not self._queue:
                await self._more.wait()
            await self.process.awake()
            if self._queue:
                await take(*self._queue.popleft())

    async def _run(self, partition: int, records: Sequence[Record]) -> None:
        self.process.trace(self.process.name, "takes", f"{partition}: {records[0].offset}..{records[-1].offset}")
        self.process.step("take")
        await self.runner.run_batch(partition, records)
        self.process.step("folded")
        self._alarm.ring()

    def _commit(self, membership: Membership, offsets: dict[int, int | None]) -> None:
        """Sends a commit; it arrives later, be the process alive or not."""
        known = {p: offset for p, offset in offsets.items() if offset is not None}
        loop = asyncio.get_running_loop()

        def arrive() -> None:
            if self._broker.away() > 0:
                return
            taken = self._group.commit(self.process.name, membership.generation, known)
            self._committed(self.process.name, taken)

        loop.call_later(self._plan.committing(), arrive)

    async def _give_back(self, membership: Membership) -> None:
        """Closes everything, each partition after its batch in flight, and commits."""
        self._read_on.clear()
        if not self._plan.keeps_queue():
            self._queue.clear()
        ends = {partition: await self.runner.close(partition) for partition in membership.partitions}
        self.process.trace(self.process.name, "gives back", ends)
        if self._reach() == 0:
            taken = self._group.commit(self.process.name, membership.generation, {p: e for p, e in ends.items() if e is not None})
            self._committed(self.process.name, taken)
