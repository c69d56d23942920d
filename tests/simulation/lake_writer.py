"""Processes that land a log that goes on, until they are killed: `python -m tests.simulation.lake_writer STORE BEGAN`.

Each line on standard input starts one, as a fork: it has nothing to load. It prints its process id and how far the lake is.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from sinks.lake.lake import Lake, Limits
from sinks.lake.tables import Tabulator
from streams.lake.shelf import Shelf
from streams.log import Record
from streams.log_lake import LakeLog
from tests.lake_stage import TOPIC, codec, expected

PARTITIONS = {TOPIC: 2}
LIMITS = Limits(age_s=0.005, rows=300)
RATE = 1_000
"""Records a second and partition."""


class ClockLog:
    """A log that grows with the machine's clock: every process sees the same one, as far as a lake reads it."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._codec = codec()[0]
        self._next: dict[int, int] = {}

    def ends(self, topic: str) -> dict[int, int]:
        return dict.fromkeys(range(2), int((time.monotonic() - self._began) * RATE))

    def starts_at(self, topic: str, timestamp: int | None) -> dict[int, int]:
        return {0: 0, 1: 0}

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        yield [expected(self._codec, partition, offset) for offset in range(start, end)]

    def tail(self, starts, deliver, caught_up=None) -> "ClockLog":
        self._next = {partition: start for (_, partition), start in starts.items()}

        def run() -> None:
            while True:
                for partition, start in self._next.items():
                    end = min(start + 100, self.ends(TOPIC)[partition])
                    for batch in self.read(TOPIC, partition, start, end) if start < end else ():
                        deliver(batch)
                    self._next[partition] = end
                time.sleep(0.001)

        threading.Thread(target=run, daemon=True).start()
        return self

    def lag(self) -> int:
        return sum(end - self._next[partition] for partition, end in self.ends(TOPIC).items())


def say(words: object) -> None:
    os.write(1, f"at {os.getpid()} {words}\n".encode())


def write(store: str, began: float) -> None:
    shelf = Shelf.at(f"file://{store}")
    lake = Lake(ClockLog(began), codec()[1], shelf, PARTITIONS, LIMITS)
    lake.open()
    while lake.failure is None:
        lake.land_due()
        say(LakeLog(shelf, PARTITIONS).ends(TOPIC)[0])
        time.sleep(0.001)
    say(repr(lake.failure))


if __name__ == "__main__":
    Tabulator(codec()[1]).tables([expected(codec()[0], 0, 10)])  # what pyarrow loads at its first array
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the killed
    for _ in sys.stdin:
        if os.fork() == 0:
            write(sys.argv[1], float(sys.argv[2]))
