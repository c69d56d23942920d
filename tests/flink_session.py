"""A real Flink session cluster of the tests' own: a job manager and a task manager, from the distribution inside pyflink."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pyflink

from infra import ports
from infra.java import pyflink_environment

HOME = Path(pyflink.__file__).parent
MANAGER = {
    "jobmanager.bind-host": "127.0.0.1",
    "jobmanager.memory.process.size": "704m",
    "rest.bind-address": "127.0.0.1",
}
WORKER = {
    "taskmanager.bind-host": "127.0.0.1",
    "taskmanager.host": "127.0.0.1",
    "taskmanager.memory.process.size": "768m",
    "taskmanager.memory.managed.size": "32m",
    "taskmanager.memory.network.min": "16m",
    "taskmanager.memory.network.max": "16m",
    "taskmanager.memory.jvm-metaspace.size": "192m",
}
"""The least that each starts with. One slot, the default, so that two jobs cannot run at once unseen."""
START_S = 90.0


class Session(NamedTuple):
    """A running cluster."""

    url: str

    def jobs(self) -> dict[str, str]:
        """State by id, of all jobs that it knows."""
        return {job["jid"]: job["state"] for job in self.get("/jobs/overview")["jobs"]}

    def get(self, path: str) -> Any:
        """What its REST interface answers."""
        with urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)


@contextlib.contextmanager
def flink_session(folder: Path) -> Iterator[Session]:
    """A cluster for the block; its processes die with the test process."""
    rpc, rest, blob, task, data = map(str, ports.free(5))
    shared = {"jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": rpc}
    started = {
        "jobmanager.sh": {**shared, **MANAGER, "rest.port": rest, "blob.server.port": blob},
        "taskmanager.sh": {**shared, **WORKER, "taskmanager.rpc.port": task, "taskmanager.data.port": data},
    }
    folder.mkdir(parents=True)
    environment = {**os.environ, **pyflink_environment(folder), "FLINK_LOG_DIR": str(folder), "FLINK_PID_DIR": str(folder)}
    session = Session(f"http://127.0.0.1:{rest}")
    processes = []
    try:
        for script, values in started.items():
            given = [word for name, value in values.items() for word in ("-D", f"{name}={value}")]
            with (folder / f"{script}.log").open("wb") as log:
                command = ["setpriv", "--pdeathsig", "KILL", "--", "bash", str(HOME / "bin" / script), "start-foreground", *given]
                processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        _until_whole(session, folder)
        yield session
    finally:
        for process in processes:
            process.kill()
            process.wait(30)


def _until_whole(session: Session, folder: Path) -> None:
    """Waits until its slot is offered."""
    deadline = time.monotonic() + START_S
    while True:
        with contextlib.suppress(OSError):
            if session.get("/overview")["slots-available"] == 1:
                return
        assert time.monotonic() < deadline, "".join(file.read_text()[-2_000:] for file in folder.glob("*.log"))
        time.sleep(0.2)
