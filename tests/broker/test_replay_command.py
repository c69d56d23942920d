"""`chronicast replay` on a real broker: what it prints, stores and refuses."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.parts import Parts
from infra.settings import Settings
from schemas.events import StreamStarted, StreamUpdated
from streams.clock import now_us
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from tests.conftest import Broker
from tests.registry_server import serving

pytestmark = [pytest.mark.broker, pytest.mark.row("E1", "U4"), pytest.mark.timeout(120)]
TOPIC = "media.stream.events.v1"


class Command:
    """The command on a system of which only log and registry run."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/bin:/bin", **self.settings.environment()}
        command = [sys.executable, "-m", "infra.cli", "replay", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def manifest(self, *arguments: str) -> dict:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def command(kafka: Broker, tmp_path: Path) -> Iterator[Command]:
    ensure_topics(kafka.bootstrap)
    log = KafkaLog(kafka.bootstrap)
    with serving(log) as registry:
        yield Command(Settings(home=str(tmp_path / "home"), kafka=kafka.bootstrap, registry=registry))
    log.close()


def test_a_range_is_replayed_by_time_and_its_manifest_stored(command: Command) -> None:
    began = datetime.fromtimestamp(now_us() / 1e6, UTC).isoformat()
    size = {"width": 1_280, "height": 720, "frame_rate": 30.0, "has_audio": True}
    with Parts(command.settings) as parts:
        publisher = parts.publisher("test-1")
        for number in range(40):
            about = {"channel_id": str(number % 7), "session_id": f"s{number}"}
            publisher.publish(StreamStarted(**about, **size, login="ada", tier="partner", region="local", ingest_node="i"))
            publisher.publish(StreamUpdated(**about, title="again"))
        assert parts.log.flush(20)
        objects = parts.objects

    topic = command.manifest("media.stream", "--from", began)
    assert (topic["topic"], topic["view"], topic["state"]) == (TOPIC, None, None)
    assert topic["events"] == {"chronicast.media.StreamStarted": 40, "chronicast.media.StreamUpdated": 40}
    view = command.manifest("demand", "--from", began)
    again = command.manifest("demand.v1", "--from", began, "--processes", "2")
    assert {**view, "seconds": 0} == {**again, "seconds": 0}
    assert sum(part["sent"] for part in view["partitions"]) == 40 + 33  # each session asks, and ends the one before it in its channel
    stored = json.loads(asyncio.run(objects.get(view["address"])))
    assert stored == {name: value for name, value in view.items() if name not in ("id", "address", "seconds")}

    done = command.run("demand", "--from", began, "--state-only", "--partition", "0")
    assert done.returncode == 0, done.stderr
    assert "not made" in done.stdout
    assert "manifest replays/demand.v1/" in done.stdout


def test_what_cannot_be_replayed_is_refused_with_the_reason(command: Command) -> None:
    for arguments, code, reason in (
        (("nonsense",), 2, "no topic"),
        (("demand", "--from", "yesterday"), 2, "an age such as 10m"),
        (("demand", "--to", "99999999999"), 1, "are there"),
        ((TOPIC, "--from", "snapshot"), 2, "is no view"),
        ((), 2, "one topic or view"),
    ):
        done = command.run(*arguments)
        assert (done.returncode, reason in done.stderr) == (code, True), done.stderr
