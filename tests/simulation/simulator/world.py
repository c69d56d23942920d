"""Everything in a run: a broker, a group, hosts whose workers die and come back, input that arrives, faults that happen."""

import asyncio
from collections.abc import Callable
from random import Random

from schemas.errors import RegistryUnavailableError
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.fold import Fold
from streams.outputs import view_name
from streams.store import Stores
from tests.simulation.simulator.broker import Broker
from tests.simulation.simulator.clock import VirtualLoop
from tests.simulation.simulator.disk import Disk, DiskPort
from tests.simulation.simulator.faults import WINDOW_S, Fault, Plan
from tests.simulation.simulator.group import Group
from tests.simulation.simulator.oracle import Oracle
from tests.simulation.simulator.process import Injected, Process
from tests.simulation.simulator.sender import Sender
from tests.simulation.simulator.trace import Trace
from tests.simulation.simulator.variant import Variant
from tests.simulation.simulator.verdict import Verdict
from tests.simulation.simulator.worker import Worker
from tests.simulation.simulator.workloads import Workload, spread

LIVENESS_S = 120.0
"""Virtual seconds after the last fault by which every partition must be folded to its end: the patience of streams/watchdog.py."""
LOOK_S = 2.0
"""Between two looks at the group's sessions, and at whether all is done."""
RESTART_S = 5.0
"""A supervisor brings a process back within this."""


class FlakyRegistry:
    """A registry that is away at times."""

    def __init__(self, registry: LocalRegistry) -> None:
        self._registry = registry
        self.away = False

    def register(self, subject: str, schema: object) -> int:
        """The schema's id, if it answers."""
        return self._answer().register(subject, schema)  # type: ignore[arg-type]

    def schema(self, id: int) -> object:  # noqa: A002 - the port's name
        """The schema of an id, if it answers."""
        return self._answer().schema(id)

    def _answer(self) -> LocalRegistry:
        if self.away:
            raise RegistryUnavailableError("the registry is away")
        return self._registry


class Host:
    """A machine: its disk stays, its processes come and go."""

    def __init__(self, name: str, disk: Disk) -> None:
        self.name = name
        self.disk = disk
        self.cut_until = 0.0
        self.worker: Worker | None = None
        self.sender: Sender | None = None
        self.starts = 0


class World:
    """One run. `live` plays it; the verdict holds what came of it."""

    def __init__(
        self,
        seed: int,
        fold: Fold,
        given: Workload,
        oracle: Oracle,
        codec: Codec,
        registry: LocalRegistry,
        variant: Variant,
        stores: Callable[[], Stores],
        *,
        keep: bool,
    ) -> None:
        self.plan = Plan(seed)
        self._rng = Random(f"world of {seed}")
        self._fold = variant.fold(fold)
        self._given = given
        self._oracle = oracle
        self._variant = variant
        self.loop = VirtualLoop(self._blocking)
        self.trace = Trace(self.loop.time, keep)
        self._broker = Broker(self.loop.time)
        self.verdict = Verdict(given.topic, oracle, self._broker, codec)
        self._group = Group(sorted(given.partitions), self._broker, self.trace, Random(f"group of {seed}"))
        self._registry = FlakyRegistry(registry)
        self._codec = Codec(self._registry) if self.plan.cold else codec  # type: ignore[arg-type]
        disks = [Disk(stores, self.verdict.stored) for _ in range(1 if self.plan.shared_disk else self.plan.hosts)]
        self._hosts = [Host(f"h{number}", disks[number % len(disks)]) for number in range(self.plan.hosts)]
        self._broker.on_append.append(self._ring)

    def _blocking(self) -> float:
        """Seconds that a thread takes for a read."""
        return self._broker.away() + self.plan.blocking()

    def _ring(self) -> None:
        for host in self._hosts:
            if host.worker is not None:
                host.worker.ring()

    # -- processes --

    def _start(self, host: Host) -> None:
        host.starts += 1
        process = Process(f"{host.name}.{host.starts}", self.trace, self.plan.doomed)
        self.trace(process.name, "starts")

        def reach() -> float:
            return max(self._broker.away(), host.cut_until - self.loop.time())

        sender = Sender(process, self._broker, self.plan, reach)
        runner = self._variant.runner(
            self._fold, self._variant.log(sender), self._codec, self._variant.stores(DiskPort(host.disk, process)), process.sleep
        )
        worker = Worker(process, runner, self._variant.lanes, self._broker, self._group, self.plan, reach, self.verdict.committed)
        host.worker, host.sender = worker, sender
        process.on_death.append(lambda: self._died(host, process))
        worker.start()

    def _died(self, host: Host, process: Process) -> None:
        for cause in process.failures:
            if not injected(cause):
                self.verdict.add(f"{process.name} ended by itself: {cause!r}")
        self.loop.call_later(self._rng.uniform(0.1, RESTART_S), self._start, host)

    def _kill(self, host: Host, why: str) -> None:
        if host.worker is not None:
            host.worker.process.kill(why)

    # -- the run --

    async def live(self) -> None:
        """Input arrives and faults happen; then all must come to rest, and is judged."""
        arrivals = spread(self._rng, self._given, WINDOW_S)
        for at, partition, end in arrivals:
            self.loop.call_at(at, self._arrive, partition, end)
        for fault in self.plan.timed:
            self.loop.call_at(fault.at, self._inject, fault)
        for host in self._hosts:
            self.loop.call_later(self._rng.uniform(0.0, RESTART_S), self._start, host)
        while self.loop.time() < WINDOW_S:
            self._group.look()
            await asyncio.sleep(LOOK_S)
        self._calm()
        while not self._done() and self.loop.time() < WINDOW_S + LIVENESS_S:
            self._group.look()
            await asyncio.sleep(LOOK_S)
        self.trace("world", "rests", f"{self.loop.time():.0f} s")
        self._judge()

    def _arrive(self, partition: int, end: int) -> None:
        begin = self._broker.end(self._given.topic, partition)
        records = [given and given.record for given in self._given.partitions[partition][begin:end]]
        if records:
            self.trace("edges", "publish", f"{partition}: {begin}..{end - 1}")
            self._broker.lay(self._given.topic, partition, records)

    def _calm(self) -> None:
        """All faults end."""
        self.trace("world", "calms")
        self.plan.quiet = True
        self._broker.away_until = self.loop.time()
        self._registry.away = self._group.stale = False
        for host in self._hosts:
            host.cut_until, host.disk.full = 0.0, False
            if host.worker is not None:
                host.worker.process.stopped_until = 0.0

    def _owners(self, partition: int) -> list[int]:
        """Next offset of a partition wherever it is open in a process that lives."""
        workers = [host.worker for host in self._hosts if host.worker is not None and host.worker.process.alive]
        return [offset for worker in workers if (offset := worker.runner.next_offset(partition)) is not None]

    def _done(self) -> bool:
        """Whether every partition is folded to its end where it is open, and the group knows."""
        return all(
            min(max(self._owners(number), default=-1), self._group.committed(number)) > oracle.last
            for number, oracle in self._oracle.partitions.items()
        )

    def _judge(self) -> None:
        for number in self._oracle.partitions:
            self.verdict.lag(number, max(self._owners(number), default=None))
        for host in self._hosts:
            self._kill(host, "at the end")
        for disk in {id(host.disk): host.disk for host in self._hosts}.values():
            for (_, partition), store in disk.stores().items():
                self.verdict.rows("a store", partition, store)
                store.close()
        self.verdict.outputs()

    # -- faults --

    def _inject(self, fault: Fault) -> None:
        host = self._hosts[fault.pick % len(self._hosts)]
        self.trace("world", "fault", fault.kind, f"{fault.seconds} s", host.name)
        now, later = self.loop.time(), self.loop.call_later
        match fault.kind:
            case "kill":
                self._kill(host, "killed")
            case "stop" if host.worker is not None and host.sender is not None:
                host.worker.process.stop(fault.seconds)
                host.sender.stop()
            case "cut":
                host.cut_until = now + fault.seconds
            case "away":
                self._broker.away_until = now + fault.seconds
            case "leave" if host.worker is not None:
                host.worker.leave()
            case "power" | "lost-disk":
                for each in self._hosts:
                    if each.disk is host.disk:
                        self._kill(each, fault.kind)
                if fault.kind == "power":
                    host.disk.power_cut(self._rng.randint)
                else:
                    host.disk.lose()
            case "full-disk":
                host.disk.full = True
                later(fault.seconds, setattr, host.disk, "full", False)
            case "lost-hint":
                self._group.forget(self._rng.choice(sorted(self._given.partitions)))
            case "stale-hint":
                self._group.stale = True
                later(fault.seconds, setattr, self._group, "stale", False)
            case "registry":
                self._registry.away = True
                later(fault.seconds, setattr, self._registry, "away", False)
            case "retention":
                self._expire()
            case _:
                pass

    def _expire(self) -> None:
        """What every store has folded may go; what one lacks must stay, for nothing else could tell it."""
        for partition in self._given.partitions:
            watermarks = [host.disk.watermark(view_name(self._fold), partition) for host in self._hosts]
            self._broker.expire(self._given.topic, partition, min(watermarks) + 1)


def injected(cause: BaseException | None) -> bool:
    """Whether a fault is at the root of an exception."""
    return cause is not None and (isinstance(cause, Injected) or injected(cause.__cause__))
