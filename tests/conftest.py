"""Fixtures that are shared by all tests: a real broker, an object store, a codec."""

import logging
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import structlog

from infra import ports
from infra.kafka import KafkaNode
from infra.settings import Settings
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.objects import StoredObjects
from tests.s3_server import S3Server
from tests.system import free_offset

ROWS = Path(__file__).with_name("rows.txt")
RETRIES = {"browser": 2, "broker": 1, "contract": 1, "flink": 1, "media": 1}
"""Further tries of a test that fails, by folder; its report says so. Publishers, encoders, servers, and a browser that decodes and paints
in software share the machine's cores, and a stall is as often the machine's as the product's. What kills to prove exactness has none."""
RETRY_DELAY_S = 5
"""What the failed try has started ends meanwhile."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--rows` and `--soak`."""
    parser.addoption("--rows", action="store_true", help="say which requirement rows the collected tests show, and which none shows")
    parser.addoption(
        "--soak", action="store_true", help="ten minutes instead of one where browsers are watched for stalls; a broker away for 30 s"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Adds tries. Browser tests go last: the system that they share lives, and encodes, until the end of the session."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    for item in items:
        retries = RETRIES.get(item.path.relative_to(ROWS.parent).parts[0], 0)
        if retries and not item.get_closest_marker("kill"):
            item.add_marker(pytest.mark.flaky(reruns=retries, reruns_delay=RETRY_DELAY_S))


def pytest_collection_finish(session: pytest.Session) -> None:
    """With `--rows`, holds the marked rows against the list."""
    if not session.config.option.rows:
        return
    shown = defaultdict(list)
    for item in session.items:
        for mark in item.iter_markers("row"):
            for row in mark.args:
                shown[row].append(item.nodeid)
    declared = [row for line in ROWS.read_text().splitlines() if (row := line.partition("#")[0].strip())]
    missing = [row for row in declared if not shown[row]]
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    assert reporter is not None
    for row in [*declared, *sorted(set(shown) - set(declared))]:
        reporter.write_line(f"{row:5} {len(shown[row]):3} tests  {', '.join(shown[row][:3]) or 'NOT SHOWN'}")
    reporter.write_line(f"{len(declared) - len(missing)} of {len(declared)} rows shown; not shown: {', '.join(missing) or 'none'}")


class Broker:
    """A real Kafka of the tests' own, in a folder that goes with it. It dies with the test process."""

    def __init__(self, folder: Path) -> None:
        port, controller = ports.free(2)
        self._node = KafkaNode(folder, port, controller)
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = self._node.bootstrap
        self.log = folder / "kafka.log"

    def start(self) -> None:
        """Starts it and waits until it answers; data of an earlier start are there again."""
        self._node.prepare()
        with self.log.open("ab") as log:
            command = ["setpriv", "--pdeathsig", "KILL", "--", *self._node.command()]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 60
        while not self._node.ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stops it in an orderly way."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def restart(self) -> None:
        """Stops and starts it."""
        self.stop()
        self.start()


def _broker(folder: Path) -> Iterator[Broker]:
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command that a test runs in this process sets up logging for the whole of it; the next test begins as this one did."""
    root, structured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**structured)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The session's broker: `kafka.bootstrap`. Shared, so tests name their topics and groups uniquely and never stop it."""
    yield from _broker(tmp_path_factory.mktemp("kafka"))


@pytest.fixture
def private_kafka(tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own, to stop, kill and restart."""
    yield from _broker(tmp_path / "kafka")


@pytest.fixture
def s3_bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of a bucket of the test's own; this process, and those that it starts, know how to reach it."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return s3.bucket(uuid4().hex)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The session's S3 server."""
    server = S3Server(tmp_path_factory.mktemp("s3") / "buckets")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def objects(tmp_path: Path) -> StoredObjects:
    """An object store in the test's own folder."""
    return StoredObjects.at(f"file://{tmp_path / 'objects'}")


@pytest.fixture
def codec() -> Codec:
    """A codec over an in-memory registry: ids in order of registration."""
    return Codec(LocalRegistry())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a system of the test's own: a home in its folder, and ports that are free. It makes no features: each takes a JVM."""
    return Settings(home=str(tmp_path / "home"), port_offset=free_offset(), listen="127.0.0.1", features=False)
