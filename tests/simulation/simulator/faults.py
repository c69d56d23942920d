"""What goes wrong in a run, drawn from its seed. A seed has some kinds of faults only, so that it can have much of each (swarm testing)."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple, TypeVar

T = TypeVar("T")

WINDOW_S = 30.0
"""Virtual seconds in which input arrives and faults happen: three sessions' time-outs."""
EARLY_S = 8.0
"""The registry is asked at the first events only: later it may be away unnoticed."""
CALM_S = 0.002
"""Slowest request of a sound system here, so that what waits long after the faults waits for something else."""
TIMED = (
    "kill",  # SIGKILL
    "stop",  # SIGSTOP for a while: a zombie where its session ends meanwhile
    "cut",  # one worker does not reach the broker for a while
    "away",  # the broker answers nobody
    "leave",  # an orderly end, as in a rolling restart
    "power",  # kill, and the last commits of the host's disk are gone
    "lost-disk",  # kill, and the host's disk is gone
    "full-disk",  # commits fail for a while
    "lost-hint",  # the group forgets what was committed
    "stale-hint",  # the group answers with what was committed earlier
    "retention",  # what all stores have folded leaves the log
    "registry",  # schemas cannot be asked for
)
RATES = (
    "kill-at-step",  # between two steps of the protocol, or within one
    "redeliver",  # reading begins before the watermark
    "skip",  # the transport leaves records out
    "stale-queue",  # what was fetched before a rebalance is delivered after it
    "full",  # the producer's backlog is full
    "refuse",  # the broker refuses a record
)


class Fault(NamedTuple):
    """A fault at a time."""

    at: float
    kind: str
    seconds: float
    pick: int
    """Which of the workers or partitions there are."""


class Plan:
    """The faults of a run, and the small decisions in it."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(f"faults of {seed}")
        self.kinds = {kind for kind in (*TIMED, *RATES) if rng.random() < 0.3}
        if "retention" in self.kinds:
            self.kinds -= {"power", "lost-disk"}  # a store and the input before it lost together cannot be had back
        self.hosts = rng.choice((1, 2, 2, 3))
        self.shared_disk = rng.random() < 0.4
        self.parallel = rng.random() < 0.3
        """Whether a worker folds its partitions side by side."""
        self.cold = "registry" in self.kinds
        self.batch = rng.choice((1, 3, 10, 50))
        self.buffered = rng.choice((1, 4))
        self._chunk = rng.choice((1, 4, 30))
        self._slow = rng.choice((0.0, 0.002, 0.05, 1.0))
        self._kill_in = rng.choice((3, 15, 60))
        self._until_kill = self._next_kill()
        self.quiet = False
        self.timed: list[Fault] = sorted(self._draw(kind) for kind in TIMED if kind in self.kinds for _ in range(rng.randint(1, 4)))

    def _draw(self, kind: str) -> Fault:
        return Fault(
            self.rng.uniform(0.0, EARLY_S if kind == "registry" else WINDOW_S),
            kind,
            self.rng.choice((0.5, 5.0, 25.0)),
            self.rng.randrange(60),
        )

    def _next_kill(self) -> int:
        return self.rng.randint(1, 2 * self._kill_in)

    def _happens(self, kind: str, chance: float) -> bool:
        return kind in self.kinds and not self.quiet and self.rng.random() < chance

    def doomed(self) -> bool:
        """Whether a process dies at this step. Kills get rarer: a worker that dies at every third step gets nowhere."""
        if "kill-at-step" not in self.kinds or self.quiet:
            return False
        self._until_kill -= 1
        if self._until_kill > 0:
            return False
        self._kill_in = int(self._kill_in * 1.3) + 1
        self._until_kill = self._next_kill()
        return True

    def full(self) -> bool:
        """Whether the producer takes no more."""
        return self._happens("full", 0.1)

    def refuse(self) -> bool:
        """Whether the broker refuses a request."""
        return self._happens("refuse", 0.02)

    def redelivered(self) -> int:
        """Records before its watermark that a partition is read from."""
        return self.rng.randint(1, 40) if self._happens("redeliver", 0.7) else 0

    def skipped(self) -> int:
        """Records that the transport leaves out before a fetch."""
        return self.rng.randint(1, 20) if self._happens("skip", 0.1) else 0

    def keeps_queue(self) -> bool:
        """Whether what was fetched outlives a rebalance."""
        return self._happens("stale-queue", 0.7)

    def landing(self) -> float:
        """Seconds from a request to its place on the log."""
        return self.rng.random() * (CALM_S if self.quiet else self._slow)

    acknowledging = landing
    """Seconds from there to its acknowledgement."""
    blocking = landing
    """Seconds that a blocking read takes."""
    committing = landing
    """Seconds that an offset commit takes to arrive."""

    def cut(self, records: Sequence[T]) -> list[list[T]]:
        """Records of a partition as they go into produce requests."""
        parts, at = [], 0
        while at < len(records):
            size = self.rng.randint(1, self._chunk)
            parts.append(list(records[at : at + size]))
            at += size
        return parts

    def fetched(self) -> int:
        """Records of a fetch at most."""
        return self.rng.randint(1, self.batch)

    def describe(self) -> str:
        """The plan in a line."""
        disks = "one disk" if self.shared_disk else "a disk each"
        return f"{self.hosts} hosts, {disks}, batches up to {self.batch}, faults: {' '.join(sorted(self.kinds)) or 'none'}"
