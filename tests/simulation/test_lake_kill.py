"""A lake whose writers are killed again and again holds every record once, at every moment."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lake_stage import TOPIC, codec, expected, places

from streams.lake.shelf import Shelf
from streams.log_lake import LakeLog
from tests.simulation.lake_writer import PARTITIONS

ROUNDS = 24
START_S = 30.0


class Writers:
    """Processes that write to one lake."""

    def __init__(self, store: Path) -> None:
        command = [sys.executable, "-m", "tests.simulation.lake_writer", str(store), str(time.monotonic())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.set_blocking(self._process.stdout.fileno(), False)
        self._rest = b""

    def start(self, count: int) -> set[int]:
        """Starts so many; returns their ids once each has been heard."""
        self._process.stdin.write(b"\n" * count)
        self._process.stdin.flush()
        found: set[int] = set()
        deadline = time.monotonic() + START_S
        while len(found) < count:
            assert time.monotonic() < deadline, "no writer came up"
            time.sleep(0.005)
            found |= {pid for pid, _ in self.heard()}
        return found

    def heard(self) -> list[tuple[int, str]]:
        """What they have said since the last call: process id and words. A kill may cut a line."""
        lines = (self._rest + (self._process.stdout.read() or b"")).split(b"\n")
        self._rest = lines.pop()
        said = [line.decode().split(" ", 2) for line in lines if line.startswith(b"at ")]  # the rest is logged
        return [(int(pid), words) for _, pid, words in said]

    def kill(self, pids: set[int]) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            while Path(f"/proc/{pid}").exists():
                time.sleep(0.001)
        self._process.stdout.read()  # the last words of the killed would be taken for those of the next
        self._rest = b""

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Writers]:
    found = Writers(tmp_path)
    yield found
    found.close()


@pytest.mark.kill
@pytest.mark.row("U11")
def test_thirty_six_kills_of_one_and_two_writers_leave_every_record_once(tmp_path: Path, writers: Writers) -> None:
    dice = random.Random(5)
    lake = LakeLog(Shelf.at(f"file://{tmp_path}"), PARTITIONS)
    committed = within = 0
    for turn in range(ROUNDS):
        pids = writers.start(1 + turn % 2)
        time.sleep(dice.uniform(0, 0.1))
        said = [words for _, words in writers.heard()]
        writers.kill(pids)
        assert [words for words in said if not words.isdecimal()] == [], "a writer gave up"
        assert max(places(tmp_path).values(), default=1) == 1, f"a row is visible twice after round {turn}"
        within += bool(Shelf.at(f"file://{tmp_path}").names("lake/_plans"))
        ends = lake.ends(TOPIC)
        assert ends[0] >= committed
        committed = ends[0]
    assert committed > 2_000
    assert within > ROUNDS // 4, "the kills met no writer between plan and commit"
    code = codec()[0]
    for partition, end in ends.items():
        read = [record for batch in lake.read(TOPIC, partition, 0, end) for record in batch]
        assert read == [expected(code, partition, offset) for offset in range(end)]
