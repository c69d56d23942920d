"""On a real broker: a view goes on from its snapshots on another host, and a replay beside it leaves no trace."""

import asyncio
import shutil
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.kafka_source import KafkaSource
from streams.objects import StoredObjects
from streams.replay.bounded import replay
from streams.replay.partition import Connection, Plan
from streams.replay.ranges import Moment, ranges
from streams.snapshots import Snapshots
from tests.broker.kill_stage import System, Worker, committed, wait_until_all_is_committed
from tests.broker.verifying import Verdict, verify_outputs, verify_stores
from tests.conftest import Broker
from tests.simulation.counting import INPUT, CountingFold, preloaded

VIEW = "counting.v1"
pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


def connection(bootstrap: str, objects: str) -> Connection:
    registry = preloaded(LocalRegistry())
    return Connection(KafkaSource(bootstrap), Codec(registry), registry, Snapshots(StoredObjects.at(objects), [CountingFold()]))


def wait_until_nothing_is_lost(system: System, worker: Worker) -> None:
    deadline = time.monotonic() + 60
    while verify_outputs(system.log).lost:
        worker.assert_alive()
        assert time.monotonic() < deadline


def wait_until_each_partition_has_a_snapshot(objects: Path) -> None:
    """They are sent beside the work: outputs say nothing of them."""
    deadline = time.monotonic() + 60
    while len({manifest.parent for manifest in objects.glob(f"snapshots/{VIEW}/*/*.json")}) < 4:
        assert time.monotonic() < deadline, list(objects.rglob("*.json"))
        time.sleep(0.05)


@pytest.fixture
def system(private_kafka: Broker):
    system = System(private_kafka.bootstrap)
    yield system
    system.log.close()


@pytest.mark.row("E1")
async def test_a_view_goes_on_elsewhere_and_is_replayed_without_a_trace(
    system: System, private_kafka: Broker, tmp_path: Path, monkeypatch
) -> None:
    objects = f"file://{tmp_path / 'objects'}"
    monkeypatch.setenv("SNAPSHOTS", objects)
    system.publish(12_000)
    middle = int(time.time() * 1_000)
    first = Worker(private_kafka.bootstrap, tmp_path / "a")
    try:
        system.wait_for_outputs(11_000, [first])
        system.publish(5_000)
        system.wait_for_outputs(13_500, [first])
        wait_until_each_partition_has_a_snapshot(tmp_path / "objects")
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
    finally:
        first.close()
    shutil.rmtree(tmp_path / "a")

    second = Worker(private_kafka.bootstrap, tmp_path / "b")
    try:
        groups, ends = wait_until_all_is_committed(system, private_kafka.bootstrap), system.log.ends(INPUT)
        print(f"recovered in {time.monotonic() - second.started:.1f} s, process start and session included")
        restored = (tmp_path / "b" / "worker.log").read_text().count("store restored")

        source = KafkaSource(private_kafka.bootstrap)
        connect = partial(connection, private_kafka.bootstrap, objects)
        plan = Plan(INPUT, ranges(source, INPUT, None, Moment(middle)), CountingFold())
        manifest = await asyncio.to_thread(replay, plan, connect, processes=1)
        assert manifest == await asyncio.to_thread(replay, plan, connect, processes=2)
        assert (manifest.records, manifest.view) == (12_000, VIEW)
        whole = Plan(INPUT, ranges(source, INPUT, None, None), CountingFold(), outputs=False)
        all_records = await asyncio.to_thread(replay, whole, connect, processes=1)
        rest = await asyncio.to_thread(replay, whole._replace(from_snapshot=True), connect, processes=1)
        assert rest.records < 12_000 < all_records.records == 17_000
        assert rest.state == all_records.state
        assert committed(private_kafka.bootstrap) == groups
        assert system.log.ends(INPUT) == ends
        second.assert_alive()
        system.publish(500)
        wait_until_nothing_is_lost(system, second)  # it is live as before
        assert second.end(signal.SIGTERM) == 0
    finally:
        second.close()
    verdict = verify_outputs(system.log)
    print(verdict)
    assert verdict == Verdict(17_500, 0, 0, 0, verdict.repeats, 17_500)
    assert restored == 4
    assert sum(watermark + 1 for watermark in (await verify_stores(system.log, system.codec, tmp_path / "b")).values()) == 17_500
