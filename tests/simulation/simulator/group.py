"""The consumer group's coordinator: members, sessions, eager rebalances, and committed offsets, which are a hint."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from tests.simulation.simulator.broker import Broker
from tests.simulation.simulator.trace import Trace

SESSION_S = 10.0
HEARTBEAT_S = 2.0
REBALANCE_S = 30.0
"""A member that does not come back to a rebalance for so long is left out."""

NOBODY = -1
"""Generation of one that is no member: its first heartbeat tells it to join again."""


class Membership(NamedTuple):
    """What a member is given."""

    generation: int
    partitions: tuple[int, ...]
    committed: dict[int, int]


class Member:
    """A member as the coordinator knows it."""

    def __init__(self, now: float) -> None:
        self.heard = now
        self.joining: asyncio.Future[Membership] | None = None


class Group:
    """One group on one topic."""

    def __init__(self, partitions: Sequence[int], broker: Broker, trace: Trace, rng: Random) -> None:
        self._partitions = list(partitions)
        self._broker = broker
        self._trace = trace
        self._rng = rng
        self._members: dict[str, Member] = {}
        self._owners: dict[int, str] = {}
        self._history: dict[int, list[int]] = defaultdict(list)
        self._rebalancing_since: float | None = None
        self.generation = 0
        self.stale = False

    def committed(self, partition: int) -> int:
        """What the group says; 0 where nothing was committed or it was lost."""
        history = self._history[partition]
        if not history:
            return 0
        return self._rng.choice(history) if self.stale else history[-1]

    def forget(self, partition: int) -> None:
        """The committed offset is lost."""
        self._history[partition].clear()

    async def join(self, name: str) -> Membership:
        """Asks for partitions; returns when all members have asked."""
        loop = asyncio.get_running_loop()
        member = self._members.setdefault(name, Member(loop.time()))
        member.heard = loop.time()
        member.joining = joining = loop.create_future()
        self._begin()
        self._complete()
        return await joining

    def beat(self, name: str, generation: int) -> bool:
        """A heartbeat; False where the member has to join again."""
        member = self._members.get(name)
        if member is None:
            return False
        member.heard = asyncio.get_running_loop().time()
        return generation == self.generation and self._rebalancing_since is None

    def commit(self, name: str, generation: int, offsets: dict[int, int]) -> dict[int, int]:
        """Keeps offsets, if the member is one of this generation: a zombie is fenced. What was taken."""
        if name not in self._members or generation != self.generation:
            self._trace(name, "fenced", f"generation {generation}, now {self.generation}")
            return {}
        taken = {p: offset for p, offset in offsets.items() if self._owners.get(p) == name}
        for partition, offset in taken.items():
            self._history[partition].append(offset)
        return taken

    def leave(self, name: str) -> None:
        """A member goes."""
        member = self._members.pop(name, None)
        if member is not None:
            if member.joining is not None and not member.joining.done():
                member.joining.set_result(Membership(NOBODY, (), {}))
            self._begin()
            self._complete()

    def look(self) -> None:
        """Ends sessions; called every second. A coordinator that is away ends none."""
        now = asyncio.get_running_loop().time()
        for name, member in list(self._members.items()):
            if self._broker.away() > 0:
                member.heard = now
            limit = REBALANCE_S if member.joining is not None else SESSION_S
            if now - member.heard > limit:
                self._trace(name, "expires")
                self.leave(name)
        if self._rebalancing_since is not None and now - self._rebalancing_since > REBALANCE_S:
            for name in [name for name, member in self._members.items() if member.joining is None]:
                self._trace(name, "left out")
                del self._members[name]
            self._complete()

    def _begin(self) -> None:
        if self._rebalancing_since is None:
            self._rebalancing_since = asyncio.get_running_loop().time()

    def _complete(self) -> None:
        """Assigns once every member waits. Who gets what is left to chance: a partition moves as often as it can."""
        if not self._members or any(member.joining is None for member in self._members.values()):
            return
        self._rebalancing_since = None
        self.generation += 1
        shuffled = self._rng.sample(self._partitions, len(self._partitions))
        names = list(self._members)
        self._owners = {partition: names[number % len(names)] for number, partition in enumerate(shuffled)}
        for name, member in self._members.items():
            mine = tuple(partition for partition in shuffled if self._owners[partition] == name)
            joining, member.joining = member.joining, None
            member.heard = asyncio.get_running_loop().time()
            if joining is not None and not joining.done():
                joining.set_result(Membership(self.generation, mine, {p: self.committed(p) for p in mine}))
