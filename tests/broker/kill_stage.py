"""Workers that can be killed, and the broker, input and outputs that they work on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from schemas.events import Followed
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.errors import BacklogFullError
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher
from tests.broker.counting_worker import SESSION_S
from tests.simulation.counting import INPUT, OUTPUT, preloaded

SESSION_OVER_S = SESSION_S + 1.5
"""After this a silent worker's partitions have moved: its session, and what the broker needs to notice."""


class Worker:
    """A worker process with its own directory."""

    def __init__(self, bootstrap: str, directory: Path, instance: str | None = None) -> None:
        self._command = [sys.executable, "-m", "tests.broker.counting_worker", bootstrap, str(directory), *([instance] if instance else [])]
        directory.mkdir(exist_ok=True)
        self._log = (directory / "worker.log").open("ab")
        self.directory = directory
        self.start()

    def start(self) -> None:
        self._said = (self.directory / "worker.log").stat().st_size
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)
        self.started = time.monotonic()

    def wait_until_assigned(self) -> None:
        """Until it has joined since its start: a signal finds it at work, not amid its imports."""
        deadline = time.monotonic() + 60
        while b"assigned" not in (self.directory / "worker.log").read_bytes()[self._said :]:
            self.assert_alive()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def end(self, sign: signal.Signals) -> int:
        os.kill(self._process.pid, sign)
        return self._process.wait(30)

    def send(self, sign: signal.Signals) -> None:
        os.kill(self._process.pid, sign)

    def start_again(self) -> None:
        """Starts it where it ended by itself."""
        if self._process.poll() is not None:
            self.start()

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
        self.publish_some(count)
        assert self.log.flush(60)

    def publish_some(self, count: int) -> None:
        """Publishes without waiting for the broker; waits where too much waits for it."""
        for _ in range(count):
            event = Followed(channel_id=str((self.published + 1) % 1_009), user_id=str((self.published + 1) % 77))
            while True:
                try:
                    self._publisher.publish(event)
                    break
                except BacklogFullError:
                    time.sleep(0.1)
            self.published += 1

    def outputs(self) -> int:
        return sum(self.log.ends(OUTPUT).values())

    def wait_for_outputs(self, count: int, workers: list[Worker]) -> None:
        deadline = time.monotonic() + 120
        while self.outputs() < count or time.monotonic() < max(worker.started for worker in workers) + 1:
            for worker in workers:
                worker.assert_alive()
            assert time.monotonic() < deadline, f"{self.outputs()} outputs of {self.published} events"
            time.sleep(0.05)


def committed(bootstrap: str) -> dict[str, dict[int, int]]:
    """Offsets of each group on the broker."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    groups = [group.group_id for group in admin.list_consumer_groups().result().valid]
    found = {}
    for group in groups:
        [answer] = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
        found[group] = {at.partition: at.offset for at in answer.result().topic_partitions}
    return found


def wait_until_all_is_committed(system: System, bootstrap: str) -> dict[str, dict[int, int]]:
    """What `committed` finds then. Outputs prove nothing here: they may all be those of the worker that was killed."""
    deadline = time.monotonic() + 60
    while [*(groups := committed(bootstrap)).values()] != [dict(system.log.ends(INPUT))]:
        assert time.monotonic() < deadline, groups
        time.sleep(0.2)
    return groups
