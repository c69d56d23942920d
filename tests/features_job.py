"""The features job as the system runs it: a process with a JVM, which may be killed."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from infra.features import newest_checkpoint
from infra.settings import CHECKOUT, Settings

START_S = 120.0
"""Half of it is a JVM's on an idle machine of two cores; others test here too."""


class FeaturesJob:
    """Runs for a `with` block; state and log are in the settings' folder."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.folder
        self._environment = {**os.environ, **settings.environment()}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "features.log").open("ab") as log:
            command = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "infra.apps.features"]
            self._process = subprocess.Popen(command, cwd=CHECKOUT, env=self._environment, stdout=log, stderr=log)
        return self

    def jvm(self) -> int:
        """Process id of the task manager's Java."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").parent.parent.glob("*/children")
        (pid,) = [pid for each in children for pid in map(int, each.read_text().split())]
        return pid

    def ended(self) -> int:
        """Waits until it has ended by itself; its exit code."""
        assert self._process is not None
        return self._process.wait(START_S)

    def checkpoint(self) -> Path:
        """Waits for one that is whole."""
        deadline = time.monotonic() + START_S
        while (folder := next(self.folder.glob("flink/*"), None)) is None or (found := newest_checkpoint(folder.as_uri())) is None:
            self.check(deadline)
        return Path(found.removeprefix("file://"))

    def check(self, deadline: float) -> None:
        """Rests for a moment.

        Raises:
            AssertionError: the job has ended, or the time is over.
        """
        assert self._process is not None
        said = (self.folder / "features.log").read_text()[-3_000:]
        assert self._process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.2)

    def kill(self) -> None:
        """SIGKILL; its own JVM goes too, a cluster does not notice."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
