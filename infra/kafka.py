"""A real Kafka node in KRaft mode, broker and controller in one Java process on one machine."""

import base64
import contextlib
import socket
import subprocess
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra import java
from infra.ports import EVERYWHERE, reached

HEAP = "512m"
"""Enough for a few hundred partitions; the page cache, not the heap, holds the data."""
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{told}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
# Every topic is in the catalogue and made from it: a misspelt name is an error.
auto.create.topics.enable=false
# One node: internal topics cannot have more replicas, and few partitions start and stop faster.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# Nobody else is about to join the first worker's group.
group.initial.rebalance.delay.ms=0
# A killed worker's partitions move as soon as its own session timeout says; the default minimum is 6 s.
group.min.session.timeout.ms=1000
# A broker that was killed may register again once its old session is over: 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# A shredded key should leave the disk within seconds; the cleaner looks around every 15 s by default, and few topics are compacted.
log.cleaner.backoff.ms=1000
# The cleaner's default of 128 MiB is a quarter of our heap.
log.cleaner.dedupe.buffer.size=16777216
"""


class KafkaNode:
    """One node: its files, its command line, and whether it answers. It starts no broker itself."""

    def __init__(self, folder: Path, port: int, controller_port: int, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.port = port
        self._host = host
        self._told = socket.gethostname() if host in EVERYWHERE else host
        """What it tells clients to come back to."""
        self._reached = reached(host)
        self.bootstrap = f"{self._reached}:{port}"
        self._controller_port = controller_port
        self._logs = folder / "data"
        self._properties = folder / "server.properties"

    def prepare(self) -> None:
        """Writes the settings; formats the storage where that has not been done.

        Raises:
            JavaMissingError: Java or its jars are not installed.
            RuntimeError: the storage could not be formatted; the message holds Kafka's.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        values = {"host": self._host, "told": self._told, "port": self.port, "controller": self._controller_port, "logs": self._logs}
        self._properties.write_text(PROPERTIES.format(**values))
        if (self._logs / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        formatted = subprocess.run(
            [
                *self._java("-XX:TieredStopAtLevel=1"),
                "kafka.tools.StorageTool",
                "format",
                f"--cluster-id={cluster}",
                "-c",
                str(self._properties),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if formatted.returncode:
            raise RuntimeError(f"Kafka could not format {self._logs}: {formatted.stderr.strip() or formatted.stdout.strip()}")

    def command(self) -> list[str]:
        """The broker's command line."""
        return [*self._java(f"-Xms128m -Xmx{HEAP}"), "kafka.Kafka", str(self._properties)]

    def ready(self) -> bool:
        """Whether the broker answers; takes at most two seconds."""
        try:
            with socket.create_connection((self._reached, self.port), timeout=0.5):
                pass
        except OSError:
            return False
        with contextlib.suppress(KafkaException):
            return bool(AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2}).list_topics(timeout=1.5).brokers)
        return False

    def _java(self, options: str) -> list[str]:
        shared = "-XX:+UseG1GC -Djava.awt.headless=true -Xshare:auto"
        return [java.java(), *options.split(), *shared.split(), "-cp", java.classpath("kafka")]
