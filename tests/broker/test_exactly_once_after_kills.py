"""Workers are killed at random moments on a real broker; then everything is recomputed from the log."""

import random
import signal
import time
from pathlib import Path

import pytest

from tests.broker.kill_stage import System, Worker, wait_until_all_is_committed
from tests.broker.verifying import Verdict, verify_outputs, verify_stores
from tests.simulation.counting import INPUT

EVENTS = 100_000
KILLS = 12
pytestmark = [pytest.mark.broker, pytest.mark.kill, pytest.mark.timeout(420)]


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
        while verify_outputs(system.log).lost:
            worker.assert_alive()
            assert time.monotonic() < deadline
        worker.wait_until_assigned()
        wait_until_all_is_committed(system, private_kafka.bootstrap)
        assert worker.end(signal.SIGTERM) == 0
    finally:
        worker.close()
    verdict = verify_outputs(system.log)
    print(verdict)
    assert verdict == Verdict(EVENTS, 0, 0, 0, verdict.repeats, EVENTS)
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
        while verify_outputs(system.log).lost:
            for worker in workers:
                worker.assert_alive()
            assert time.monotonic() < deadline
        for worker in workers:
            worker.wait_until_assigned()
        wait_until_all_is_committed(system, private_kafka.bootstrap)
        for worker in workers:
            assert worker.end(signal.SIGTERM) == 0
    finally:
        for worker in workers:
            worker.close()
    verdict = verify_outputs(system.log)
    print(verdict)
    assert verdict == Verdict(system.published, 0, 0, 0, verdict.repeats, system.published)
    found = [await verify_stores(system.log, system.codec, tmp_path / name) for name in "ab"]
    newest = {partition: max(w.get(partition, -1) for w in found) for partition in range(4)}
    assert newest == {partition: end - 1 for partition, end in system.log.ends(INPUT).items()}
