"""Workers are killed at random moments on a real broker; then everything is recomputed from the log."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from schemas.events import Followed
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher
from tests.broker.verifying import Verdict, verify_outputs, verify_stores
from tests.simulation.counting import INPUT, OUTPUT, preloaded

EVENTS = 100_000
KILLS = 12
pytestmark = [pytest.mark.broker, pytest.mark.kill, pytest.mark.timeout(420)]


class Worker:
    """A worker process with its own directory."""

    def __init__(self, bootstrap: str, directory: Path, instance: str | None = None) -> None:
        self._command = [sys.executable, "-m", "tests.broker.counting_worker", bootstrap, str(directory), *([instance] if instance else [])]
        directory.mkdir()
        self._log = (directory / "worker.log").open("ab")
        self.directory = directory
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)
        self.started = time.monotonic()

    def end(self, sign: signal.Signals) -> int:
        os.kill(self._process.pid, sign)
        return self._process.wait(30)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def assert_alive(self) -> None:
        assert self._process.poll() is None, (self.directory / "worker.log").read_text()[-3000:]


class System:
    """A broker with its input, and what is on it."""

    def __init__(self, bootstrap: str) -> None:
        ensure_topics(bootstrap)
        self.log = KafkaLog(bootstrap, linger_ms=5)
        self.codec = Codec(preloaded(LocalRegistry()))
        self._publisher = Publisher(self.log, self.codec, "fans-1")
        self.published = 0

    def publish(self, count: int) -> None:
        for _ in range(count):
            self.published += 1
            self._publisher.publish(Followed(channel_id=str(self.published % 1_009), user_id=str(self.published % 77)))
        assert self.log.flush(60)

    def outputs(self) -> int:
        return sum(self.log.ends(OUTPUT).values())

    def wait_for_outputs(self, count: int, workers: list[Worker]) -> None:
        deadline = time.monotonic() + 120
        while self.outputs() < count or time.monotonic() < max(worker.started for worker in workers) + 1:
            for worker in workers:
                worker.assert_alive()
            assert time.monotonic() < deadline, f"{self.outputs()} outputs of {self.published} events"
            time.sleep(0.05)


@pytest.fixture
def system(private_kafka):
    system = System(private_kafka.bootstrap)
    yield system
    system.log.close()


async def test_a_worker_killed_twelve_times_loses_nothing_and_contradicts_nothing(system: System, private_kafka, tmp_path: Path) -> None:
    dice = random.Random(11)
    slices = EVENTS // (2 * KILLS)
    system.publish(EVENTS - KILLS * slices)
    worker = Worker(private_kafka.bootstrap, tmp_path / "a", instance="a")
    try:
        for _ in range(KILLS):
            # At work again, then a moment later dead in the middle of something.
            before = system.outputs()
            system.publish(slices)
            system.wait_for_outputs(before + 1, [worker])
            time.sleep(dice.uniform(0, 0.4))
            assert worker.end(signal.SIGKILL) == -signal.SIGKILL
            worker.start()
        ends = system.log.ends(INPUT)
        system.wait_for_outputs(EVENTS, [worker])
        deadline = time.monotonic() + 60
        while verify_outputs(system.log, system.codec).lost:
            worker.assert_alive()
            assert time.monotonic() < deadline
        assert worker.end(signal.SIGTERM) == 0
    finally:
        worker.close()
    verdict = verify_outputs(system.log, system.codec)
    print(verdict)
    assert verdict == Verdict(EVENTS, 0, 0, 0, verdict.repeats)
    watermarks = await verify_stores(system.log, system.codec, tmp_path / "a")
    assert watermarks == {partition: end - 1 for partition, end in ends.items()}


async def test_two_workers_that_join_die_and_rejoin_lose_nothing(system: System, private_kafka, tmp_path: Path) -> None:
    dice = random.Random(12)
    workers = [Worker(private_kafka.bootstrap, tmp_path / "a")]
    system.publish(20_000)
    try:
        system.wait_for_outputs(1, workers)
        workers.append(Worker(private_kafka.bootstrap, tmp_path / "b"))
        for sign in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            before = system.outputs()
            system.publish(10_000)
            system.wait_for_outputs(before + 1, workers)
            victim = dice.choice(workers)
            time.sleep(dice.uniform(0, 1))
            victim.end(sign)
            time.sleep(dice.choice((0, 4)))  # back before or after its session is over
            victim.start()
        deadline = time.monotonic() + 90
        while verify_outputs(system.log, system.codec).lost:
            for worker in workers:
                worker.assert_alive()
            assert time.monotonic() < deadline
        for worker in workers:
            assert worker.end(signal.SIGTERM) == 0
    finally:
        for worker in workers:
            worker.close()
    verdict = verify_outputs(system.log, system.codec)
    print(verdict)
    assert verdict == Verdict(system.published, 0, 0, 0, verdict.repeats)
    found = [await verify_stores(system.log, system.codec, tmp_path / name) for name in "ab"]
    newest = {partition: max(w.get(partition, -1) for w in found) for partition in range(4)}
    assert newest == {partition: end - 1 for partition, end in system.log.ends(INPUT).items()}
