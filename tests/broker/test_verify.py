"""The commands beside the folds' own process, on a real broker: verify finds what is wrong, rebuild mends it while the worker goes on."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import ports
from infra.parts import Parts
from infra.settings import Settings
from processors.transcode import DEMAND
from processors.transcode.demand import Live
from schemas.events import StreamEnded, StreamStarted
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.rows import ENCODER
from streams.store import table_prefix
from streams.store_rocksdict import RocksStores
from streams.views.store_reading import open_reading, progress_at
from tests.registry_server import serving

pytestmark = [pytest.mark.broker, pytest.mark.row("E2", "U4"), pytest.mark.timeout(180)]
TOPIC = DEMAND.inputs[0]


class Platform:
    """A broker, a registry, and the process that runs the deciding folds."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        self.views = settings.folder / "views"
        self.parts = Parts(settings)
        self.publisher = self.parts.publisher("test-1")
        self.sessions = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = settings.environment()

    def start(self) -> None:
        with (self.folder / "folds.log").open("ab") as log:
            command = [sys.executable, "-m", "infra.apps.folds"]
            self._process = subprocess.Popen(command, env={"PATH": "/usr/bin:/bin", **self._environment}, stdout=log, stderr=log)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(20) == 0, (self.folder / "folds.log").read_text()[-3000:]
            self._process = None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.parts.log.close()

    def run(self, *arguments: str) -> tuple[int, Any]:
        """A command's exit code, and what it said."""
        command = [sys.executable, "-m", "infra.cli", *arguments, "--json"]
        done = subprocess.run(command, env={"PATH": "/usr/bin:/bin", **self._environment}, capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def stream(self, count: int) -> None:
        """Channels go live and half of them end; returns when the view `demand` has folded it."""
        for _ in range(count):
            self.sessions += 1
            channel, session = str(self.sessions % 50), f"s{self.sessions}"
            self.publisher.publish(
                StreamStarted(
                    channel_id=channel, session_id=session, login="ada", tier="partner", region="local", ingest_node="i", width=1280,
                    height=720, frame_rate=30.0, has_audio=True,
                )
            )  # fmt: skip
            if self.sessions % 2:
                self.publisher.publish(
                    StreamEnded(
                        channel_id=channel, session_id=session, reason="unpublished", media_sequence=9, frames_in=1, frames_out=1,
                        frames_dropped=0, bytes_in=1, media_ms=1,
                    )
                )  # fmt: skip
        assert self.parts.log.flush(20)

    def folded(self, stores: str) -> None:
        """Waits until stores are at the log's end."""
        deadline = time.monotonic() + 40
        ends = self.parts.log.ends(TOPIC)
        while any(self._at(stores, partition) < end - 1 for partition, end in ends.items()):
            assert self._process is None or self._process.poll() is None, (self.folder / "folds.log").read_text()[-3000:]
            assert time.monotonic() < deadline, (stores, ends, (self.folder / "folds.log").read_text()[-3000:])
            time.sleep(0.05)

    def _at(self, stores: str, partition: int) -> int:
        path = self.views / stores / str(partition)
        return progress_at(path).watermark if (path / "CURRENT").exists() else -1


@pytest.fixture
def platform(private_kafka, tmp_path: Path) -> Iterator[Platform]:
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    [port] = ports.free(1)
    with serving(log) as registry:
        home = Settings(home=str(tmp_path / "home"), kafka=private_kafka.bootstrap, registry=registry, port_offset=port - 9_102)
        found = Platform(home, tmp_path)
        try:
            yield found
        finally:
            found.kill()
            log.close()


def test_a_view_is_verified_rebuilt_and_mended_while_its_worker_goes_on(platform: Platform) -> None:
    platform.start()
    platform.stream(300)
    platform.folded("demand.v1")

    # Beside the worker, which holds the stores.
    code, verdict = platform.run("verify", "demand", "--outputs")
    assert (code, verdict["equal"], verdict["events"]) == (0, True, 450)
    assert verdict["outputs"]["expected"] > 450  # a channel that is live again cancels its former session too
    assert verdict["outputs"]["faults"] == []

    # Rebuilt: the worker goes on with the new stores, and sends nothing twice.
    code, told = platform.run("rebuild", "demand")
    assert (code, told["in_use"], told["kept"], told["caught_up"], told["built"]["proven"]) == (0, "demand.v1+1", "demand.v1", True, True)
    platform.stream(50)
    platform.folded("demand.v1+1")
    code, verdict = platform.run("verify", "demand", "--outputs")
    assert (code, verdict["view"], verdict["outputs"]["repeats"]) == (0, "demand.v1+1", 0)

    # Killed: its directory is removed beneath the worker.
    shutil.rmtree(platform.views / "demand.v1+1")
    code, told = platform.run("rebuild", "demand")
    assert (code, told["in_use"]) == (0, "demand.v1+2")
    platform.stream(50)
    platform.folded("demand.v1+2")
    code, verdict = platform.run("verify", "demand", "--outputs")
    assert (code, verdict["view"]) == (0, "demand.v1+2")

    # Damaged while the worker is down: named with its event, and mended.
    platform.stop()
    reading = open_reading(platform.views / "demand.v1+2" / "0")
    partition, address = 0, [address for address, _ in reading.store.scan(b"")][-1]  # of a channel that is not live again below
    reading.store.close()
    store = RocksStores(platform.views).open("demand.v1+2", partition)
    store.commit({address: ENCODER.encode(Live("mars", "regular", requested=False))}, store.progress())
    store.close()
    code, verdict = platform.run("verify", "demand")
    assert code == 1
    [wrong] = [each for each in verdict["partitions"] if each["differing"]]
    [row] = wrong["shown"]
    assert (wrong["partition"], row["kind"], row["live"]["region"], row["fresh"]["region"]) == (partition, "changed", "mars", "local")
    assert (wrong["parting"]["key"], wrong["parting"]["type"]) == (row["key"], "chronicast.media.StreamStarted")
    [event] = platform.parts.log.read(TOPIC, partition, wrong["parting"]["offset"], wrong["parting"]["offset"] + 1)
    assert platform.parts.codec.decode(event[0].value).session_id == row["row"]
    assert table_prefix(row["key"].encode(), "live") + row["row"].encode() == address
    code, told = platform.run("rebuild", "demand")
    assert (code, told["in_use"], told["built"]["proven"]) == (0, "demand.v1+3", True)
    platform.start()
    platform.stream(20)
    platform.folded("demand.v1+3")
    assert platform.run("verify", "demand", "--outputs")[0] == 0

    # Back to the stores before, whose damage is known: the row is the one difference.
    code, told = platform.run("rebuild", "demand", "--roll-back")
    assert (code, told["in_use"], told["reason"]) == (0, "demand.v1+2", "rolled_back")
    platform.folded("demand.v1+2")
    platform.run("rebuild", "demand", "--roll-back")
    code, told = platform.run("diff", "demand", "demand.v1+2", "live")
    assert (code, told["counts"]) == (1, {"changed": 1})
    code, told = platform.run("diff", "demand", "live", "end")
    assert (code, told["counts"]) == (0, {})
    code, told = platform.run("view", "demand", "--key", row["key"])
    assert code == 0
    assert {each["key"] for each in told["rows"]} == {row["key"]}
    whole = platform.run("view", "demand", "--at", "-1h")[1]["rows"]
    assert whole == []
